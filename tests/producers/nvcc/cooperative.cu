// Cooperative groups: the grid, tiles of a warp, and the threads that have come together.
// nvcc -arch=sm_80 -lineinfo -std=c++17
#include <cooperative_groups.h>
#include <cooperative_groups/reduce.h>
#include <cooperative_groups/scan.h>
namespace cg = cooperative_groups;

// Steps of a stencil on a ring, with all of the grid between them.
extern "C" __global__ void ring(int *from, int *to, int n, int steps) {
    cg::grid_group grid = cg::this_grid();
    for (int step = 0; step < steps; ++step) {
        for (int i = grid.thread_rank(); i < n; i += grid.size())
            to[i] = from[(i + n - 1) % n] - from[i] + from[(i + 1) % n];  // FAULT
#ifdef FAULT
        __syncthreads();
#else
        grid.sync();
#endif
        int *swapped = from;
        from = to;
        to = swapped;
    }
}

extern "C" __global__ void tiles(const int *values, int *results, unsigned *odd) {
    cg::thread_block block = cg::this_thread_block();
    auto tile = cg::tiled_partition<8>(block);
    int value = values[cg::this_grid().thread_rank()];
    int sum = cg::reduce(tile, value, cg::plus<int>());
    int most = cg::reduce(tile, value, cg::greater<int>());
    int before = cg::exclusive_scan(tile, value, cg::plus<int>());
    int last = tile.shfl(value, tile.size() - 1);
    results[cg::this_grid().thread_rank()] = sum * 1000 + most * 10 + before + last * tile.meta_group_rank();
    if (value % 2 != 0) {
        cg::coalesced_group group = cg::coalesced_threads();
        unsigned first = 0;
        if (group.thread_rank() == 0) first = atomicAdd(odd, group.size());
        first = group.shfl(first, 0);
        atomicAdd(&odd[1], first + group.thread_rank());
    }
    block.sync();
}
