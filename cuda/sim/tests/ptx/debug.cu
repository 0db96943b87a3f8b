// Line numbers, inlining and the sections of a debug build.

__device__ __forceinline__ float scaled(float x, float factor) {
    float product = x * factor;
    return product > 1.0f ? 1.0f : product;
}

extern "C" __global__ void debug(float *values, int n) {
    int i = threadIdx.x;
    if (i < n) {
        float twice = scaled(values[i], 2.0f);
        values[i] = scaled(twice, 0.5f);
    }
}
