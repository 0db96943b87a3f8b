// cuda::barrier: threads arrive, do other work, and wait for those who have not yet come.
// nvcc -arch=sm_80 -lineinfo -std=c++17
#include <cuda/barrier>

extern "C" __global__ void steps(const int *in, int *out, int n_steps) {
    __shared__ cuda::barrier<cuda::thread_scope_block> barrier;
    __shared__ int values[2][128];
    if (threadIdx.x == 0) {
#ifdef FAULT
        init(&barrier, blockDim.x + 1);
#else
        init(&barrier, blockDim.x);
#endif
    }
    __syncthreads();
    values[0][threadIdx.x] = in[threadIdx.x];
    int own = 0;
    for (int step = 0; step < n_steps; ++step) {
        auto token = barrier.arrive();
        own += step * threadIdx.x;
        barrier.wait(std::move(token));  // FAULT
        int left = values[step % 2][(threadIdx.x + blockDim.x - 1) % blockDim.x];
        values[(step + 1) % 2][threadIdx.x] = left + 1;
    }
    barrier.arrive_and_wait();
    out[threadIdx.x] = values[n_steps % 2][threadIdx.x] + own;
}
