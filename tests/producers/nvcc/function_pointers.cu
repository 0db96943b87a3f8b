// A table of functions in constant memory, and functions as parameters of templates.
// nvcc -arch=sm_75 -lineinfo
using Operation = float (*)(float, float);

__device__ __noinline__ float add(float a, float b) { return a + b; }
__device__ __noinline__ float multiply(float a, float b) { return a * b; }
__device__ __noinline__ float larger(float a, float b) { return a > b ? a : b; }

__device__ Operation operations[] = {add, multiply, larger, nullptr};

template <typename F>
__device__ float fold(const float *values, int n, F f) {
    float all = values[0];
    for (int i = 1; i < n; ++i)
        all = f(all, values[i]);  // FAULT
    return all;
}

extern "C" __global__ void folds(const float *values, int n, float *results) {
    int i = threadIdx.x;
#ifdef FAULT
    Operation operation = operations[i % 4];
#else
    Operation operation = operations[i % 3];
#endif
    results[i] = fold(values, n, operation);
}

extern "C" __global__ void closures(const float *values, int n, float scale, float *results) {
    auto weighted = [scale, i = threadIdx.x](float a, float b) { return a + scale * i * b; };
    results[threadIdx.x] = fold(values, n, weighted);
}
