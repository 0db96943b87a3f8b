// Counts bytes in shared memory first, then in global memory.
// nvcc -arch=sm_75 -lineinfo
extern "C" __global__ void histogram(const uchar4 *values, int n, unsigned *counts) {
    __shared__ unsigned local[256];
    for (int k = threadIdx.x; k < 256; k += blockDim.x) local[k] = 0;
    __syncthreads();
    auto count = [](int value) {
#ifdef FAULT
        ++local[value];  // FAULT
#else
        atomicAdd(&local[value], 1);
#endif
    };
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
        uchar4 four = values[i];
        count(four.x);
        count(four.y);
        count(four.z);
        count(four.w);
    }
    __syncthreads();
    for (int k = threadIdx.x; k < 256; k += blockDim.x)
        if (local[k]) atomicAdd(&counts[k], local[k]);
}
