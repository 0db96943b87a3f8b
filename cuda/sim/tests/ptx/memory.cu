// State spaces, initializers, printf, the heap, local arrays.
#include <cstdio>

struct Row {
    char tag;
    short values[3];
    const float *target;
};

__constant__ float weights[8] = {1.5f, -2.25f, 1e-40f, 3e38f};
__device__ int matrix[3][4] = {{1, 2}, {3, 4, 5, 6}, {-7}};
__device__ float cell = 0.5f;
__device__ Row rows[2] = {{'a', {1, -2, 3}, weights}, {'b', {}, &cell}};
__device__ const int *middle = &matrix[1][2];
__device__ double table[2][2][2] = {{{1, 2}, {3, 4}}, {{5, 6}, {7, 1.0 / 3}}};
__device__ unsigned long long large = 0xFEDCBA9876543210ull;
__device__ float4 vector = {1, 2, 3, 4};
__managed__ int managed = 7;
extern __shared__ float dynamic[];

extern "C" __global__ void __launch_bounds__(128, 2) memory(float *out, int n) {
    __shared__ float tile[128];
    __shared__ alignas(16) double wide[2];
    int i = threadIdx.x;
    tile[i] = weights[i & 7] + dynamic[i];
    wide[i & 1] = table[i & 1][0][1];
    __syncthreads();
    int local[32];
    for (int k = 0; k < 32; ++k) local[(k * n) & 31] = matrix[k % 3][k & 3];
    int *heap = (int *)malloc(64);
    if (heap == nullptr) {
        printf("no memory in %d: %f %s\n", i, tile[127 - i], "sorry");
        return;
    }
    heap[i & 15] = local[n & 31];
    atomicAdd(&managed, heap[3]);
    free(heap);
    float4 v = vector;
    out[i] = tile[127 - i] + v.x * v.w + (float)wide[0] + *middle + (float)large + *rows[n & 1].target;
}
