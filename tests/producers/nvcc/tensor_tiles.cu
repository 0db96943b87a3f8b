// Tiles of a matrix by tensor maps: one is loaded, swizzled, and stored transposed to another.
// nvcc -arch=sm_90 -lineinfo -std=c++17
#include <cuda.h>
#include <cuda/ptx>
namespace ptx = cuda::ptx;

constexpr int SIDE = 32;

extern "C" __global__ void transpose(const __grid_constant__ CUtensorMap from, const __grid_constant__ CUtensorMap to) {
    __shared__ alignas(1024) int in[SIDE][SIDE], out[SIDE][SIDE];
    __shared__ cuda::std::uint64_t barrier;
    int t = threadIdx.x, x = blockIdx.x * SIDE, y = blockIdx.y * SIDE;
    if (t == 0) {
        ptx::mbarrier_init(&barrier, 1);
        ptx::fence_mbarrier_init(ptx::sem_release, ptx::scope_cluster);
        int place[] = {x, y};
        ptx::mbarrier_arrive_expect_tx(ptx::sem_release, ptx::scope_cta, ptx::space_shared, &barrier, sizeof(in));
        ptx::cp_async_bulk_tensor(ptx::space_cluster, ptx::space_global, in, &from, place, &barrier);  // FAULT
    }
    __syncthreads();
#ifndef FAULT
    while (!ptx::mbarrier_try_wait_parity(&barrier, 0)) {}
#endif
    for (int i = t; i < SIDE * SIDE; i += blockDim.x) {
        // Rows of 128 bytes, whose parts of 16 bytes are exchanged by the number of the row.
        int row = i % SIDE, column = i / SIDE;
        out[column][row] = in[row][column ^ row % 8 * 4];  // FAULT
    }
    ptx::fence_proxy_async(ptx::space_shared);
    __syncthreads();
    if (t == 0) {
        int place[] = {y, x};
        ptx::cp_async_bulk_tensor(ptx::space_global, ptx::space_shared, &to, place, out);
        ptx::cp_async_bulk_commit_group();
        ptx::cp_async_bulk_wait_group(ptx::n32_t<0>{});
    }
}
