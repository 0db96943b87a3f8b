// C = A B, whose tiles come by asynchronous copies, a stage ahead of the product.
// nvcc -arch=sm_80 -lineinfo
#include <cuda_pipeline.h>

constexpr int TILE = 16, STAGES = 2;

extern "C" __global__ void product(const float *a, const float *b, float *c, int n) {
    __shared__ float s_a[STAGES][TILE][TILE], s_b[STAGES][TILE][TILE];
    int x = threadIdx.x, y = threadIdx.y;
    int row = blockIdx.y * TILE + y, column = blockIdx.x * TILE + x;
    auto fetch = [&](int tile) {
        if (tile < n / TILE && x % 4 == 0) {
            int stage = tile % STAGES;
            __pipeline_memcpy_async(&s_a[stage][y][x], a + row * n + tile * TILE + x, 16);               // FAULT
            __pipeline_memcpy_async(&s_b[stage][y][x], b + (tile * TILE + y) * n + column, 16);  // FAULT
        }
        __pipeline_commit();
    };
    float sum = 0;
    fetch(0);
    for (int tile = 0; tile < n / TILE; ++tile) {
        fetch(tile + 1);
#ifdef FAULT
        __pipeline_wait_prior(2);
#else
        __pipeline_wait_prior(1);
#endif
        __syncthreads();
        for (int k = 0; k < TILE; ++k)
            sum += s_a[tile % STAGES][y][k] * s_b[tile % STAGES][k][x];  // FAULT
        __syncthreads();
    }
    c[row * n + column] = sum;
}
