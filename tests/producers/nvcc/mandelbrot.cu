// Escape times, whose lanes end their loops at different steps.
// nvcc -arch=sm_75 -lineinfo
extern "C" __global__ void mandelbrot(unsigned char *steps, size_t pitch, int width, int height) {
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
#ifdef FAULT
    if (x > width || y >= height) return;
#else
    if (x >= width || y >= height) return;
#endif
    double cr = -2.25 + 3.0 * x / width, ci = -1.25 + 2.5 * y / height, r = 0, i = 0;
    int step = 0;
    for (; step < 100 && r * r + i * i <= 4; ++step) {
        double next = r * r - i * i + cr;
        i = 2 * r * i + ci;
        r = next;
    }
    steps[y * pitch + x] = step;  // FAULT
}
