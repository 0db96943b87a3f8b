// Objects with virtual functions, made on the device's heap.
// nvcc -arch=sm_75 -lineinfo -std=c++17
struct Shape {
    __device__ virtual float area() const = 0;
    __device__ virtual int corners() const { return 0; }
    __device__ virtual ~Shape() {}
};

struct Circle : Shape {
    float radius;
    __device__ Circle(float radius) : radius(radius) {}
    __device__ float area() const override { return 3 * radius * radius; }
};

struct Box : Shape {
    float a, b;
    __device__ Box(float a, float b) : a(a), b(b) {}
    __device__ float area() const override { return a * b; }
    __device__ int corners() const override { return 4; }
};

struct Square final : Box {
    __device__ Square(float a) : Box(a, a) {}
    __device__ float area() const override { return a * a + 1; }
};

extern "C" __global__ void shapes(float *areas, int *corners) {
    int i = threadIdx.x;
    Shape *shape = i % 3 == 0 ? static_cast<Shape *>(new Circle(i)) : i % 3 == 1 ? new Box(i, 2) : new Square(i);
    areas[i] = shape->area();
#ifdef FAULT
    delete shape;
    corners[i] = shape->corners();  // FAULT
#else
    corners[i] = shape->corners();
    delete shape;
#endif
}
