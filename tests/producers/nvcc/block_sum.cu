// The sum of an array: shuffles in a warp, shared memory in a block, and the last block adds up all.
// nvcc -arch=sm_75 -lineinfo
__device__ float warp_sum(float value) {
    for (int offset = 16; offset > 0; offset /= 2) value += __shfl_xor_sync(~0u, value, offset);
    return value;
}

__device__ float block_sum(float value) {
    __shared__ float warps[32];
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    value = warp_sum(value);
    if (lane == 0)
        warps[warp] = value;  // FAULT
#ifndef FAULT
    __syncthreads();
#endif
    value = 0;
    if (lane < blockDim.x / 32)
        value = warps[lane];  // FAULT
    return warp_sum(value);
}

extern "C" __global__ void sum(const float *values, int n, float *partial, unsigned *arrived, float *total) {
    __shared__ bool is_last;
    float own = 0;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) own += values[i];
    own = block_sum(own);
    if (threadIdx.x == 0) {
        partial[blockIdx.x] = own;
        __threadfence();
        is_last = atomicAdd(arrived, 1) == gridDim.x - 1;
    }
    __syncthreads();
    if (is_last && threadIdx.x == 0) {
        __threadfence();
        float all = 0;
        for (int block = 0; block < gridDim.x; ++block) all += partial[block];
        *total = all;
    }
}
