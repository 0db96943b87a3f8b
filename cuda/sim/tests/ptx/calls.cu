// Calls: recursion, function pointers, virtual functions, structures by value.

struct Pair {
    float x;
    double y[3];
};

struct Shape {
    __device__ virtual float area() const = 0;
    __device__ virtual ~Shape() {}
};

struct Square : Shape {
    float side;
    __device__ Square(float side) : side(side) {}
    __device__ float area() const override { return side * side; }
};

struct Circle : Shape {
    float radius;
    __device__ Circle(float radius) : radius(radius) {}
    __device__ float area() const override { return 3.14159f * radius * radius; }
};

__device__ __noinline__ int ackermann(int m, int n) {
    if (m == 0) return n + 1;
    if (n == 0) return ackermann(m - 1, 1);
    return ackermann(m - 1, ackermann(m, n - 1));
}

__device__ __noinline__ float add(float a, float b) { return a + b; }
__device__ __noinline__ float subtract(float a, float b) { return a - b; }

using Operation = float (*)(float, float);
__device__ Operation operations[3] = {add, nullptr, subtract};

__device__ __noinline__ Pair swap(Pair pair) {
    Pair swapped = pair;
    swapped.x = (float)pair.y[0];
    swapped.y[2] = pair.x;
    return swapped;
}

extern "C" __global__ void calls(float *out, Pair pair, int which) {
    int i = threadIdx.x;
    out[0] = operations[which](pair.x, 2.0f);
    out[1] = (float)ackermann(i & 3, which);
    Pair swapped = swap(pair);
    out[2] = swapped.x + (float)swapped.y[2];
    Shape *shape = i % 2 ? (Shape *)new Square(out[3]) : new Circle(out[4]);
    out[5] = shape->area();
    delete shape;
}
