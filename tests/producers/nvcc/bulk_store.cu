// Bulk copies to and from shared memory, and one that adds: tiles are read, turned and written.
// nvcc -arch=sm_90 -lineinfo -std=c++17
#include <cuda/ptx>
namespace ptx = cuda::ptx;

constexpr int SIZE = 256;

extern "C" __global__ void reverse(const int *in, int *out, int *sums) {
    __shared__ alignas(128) int from[SIZE], to[SIZE];
    __shared__ cuda::std::uint64_t barrier;
    int t = threadIdx.x;
    if (t == 0) {
        ptx::mbarrier_init(&barrier, 1);
        ptx::fence_mbarrier_init(ptx::sem_release, ptx::scope_cluster);
        ptx::fence_proxy_async();
    }
    __syncthreads();
    if (t == 0) {
#ifdef FAULT
        unsigned bytes = sizeof(from) + 16;
#else
        unsigned bytes = sizeof(from);
#endif
        ptx::mbarrier_arrive_expect_tx(ptx::sem_release, ptx::scope_cta, ptx::space_shared, &barrier, bytes);
        ptx::cp_async_bulk(ptx::space_cluster, ptx::space_global, from, in + blockIdx.x * SIZE, sizeof(from), &barrier);
    }
    while (!ptx::mbarrier_try_wait_parity(&barrier, 0)) {}  // FAULT
    for (int i = t; i < SIZE; i += blockDim.x) to[i] = from[SIZE - 1 - i];
    ptx::fence_proxy_async(ptx::space_shared);
    __syncthreads();
    if (t == 0) {
        ptx::cp_async_bulk(ptx::space_global, ptx::space_shared, out + blockIdx.x * SIZE, to, sizeof(to));
        ptx::cp_reduce_async_bulk(ptx::space_global, ptx::space_shared, ptx::op_add, sums, to, sizeof(to));
        ptx::cp_async_bulk_commit_group();
        ptx::cp_async_bulk_wait_group(ptx::n32_t<0>{});
    }
}
