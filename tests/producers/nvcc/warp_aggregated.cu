// Filters an array: a warp takes places for all of its lanes by one addition.
// nvcc -arch=sm_75 -lineinfo
__device__ int take(int *count) {
    unsigned lanes = __activemask();
    int leader = __ffs(lanes) - 1, lane = threadIdx.x % 32, first = 0;
    if (lane == leader) first = atomicAdd(count, __popc(lanes));
#ifdef FAULT
    first = __shfl_sync(lanes & 0xFFFF, first, leader);  // FAULT
#else
    first = __shfl_sync(lanes, first, leader);
#endif
    return first + __popc(lanes & ((1u << lane) - 1));
}

extern "C" __global__ void filter(const int *in, int n, int *out, int *count) {
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
        if (in[i] % 3 == 0) out[take(count)] = in[i];
}
