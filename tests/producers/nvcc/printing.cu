// Lines that kernels print.
// nvcc -arch=sm_75 -lineinfo
#include <cstdio>

extern "C" __global__ void print(const float *values, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    const char *sizes[] = {"small", "large"};
#ifdef FAULT
    float row[4];
    for (int k = 0; k < n % 4; ++k) row[k] = values[k];
#else
    float row[4] = {values[0], values[1], values[2], values[3]};
#endif
    if (i < n)
        printf("%d: %-6s|%+.3e|%5.1f%%|%#x|%llu|%c\n", i, sizes[values[i] > 1], values[i],
               row[i % 4], i * 17, 1ull << i, 'a' + i);  // FAULT
    if (i == 0) printf("end\n");
}
