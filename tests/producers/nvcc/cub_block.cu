// CUB's algorithms for blocks and warps: sums, scans, sorts, and loads that are exchanged.
// nvcc -arch=sm_80 -lineinfo -std=c++17
#include <cub/block/block_discontinuity.cuh>
#include <cub/block/block_load.cuh>
#include <cub/block/block_radix_sort.cuh>
#include <cub/block/block_reduce.cuh>
#include <cub/block/block_scan.cuh>
#include <cub/block/block_store.cuh>
#include <cub/warp/warp_reduce.cuh>
#include <cub/warp/warp_scan.cuh>

constexpr int THREADS = 64, ITEMS = 4;

extern "C" __global__ void sort_and_scan(const int *keys, int *sorted, int *runs, int *total) {
    using Load = cub::BlockLoad<int, THREADS, ITEMS, cub::BLOCK_LOAD_WARP_TRANSPOSE>;
    using Store = cub::BlockStore<int, THREADS, ITEMS, cub::BLOCK_STORE_TRANSPOSE>;
    using Sort = cub::BlockRadixSort<int, THREADS, ITEMS>;
    using Scan = cub::BlockScan<int, THREADS>;
    using Reduce = cub::BlockReduce<int, THREADS>;
    using Heads = cub::BlockDiscontinuity<int, THREADS>;
    __shared__ union {
        typename Load::TempStorage load;
        typename Store::TempStorage store;
        typename Sort::TempStorage sort;
        typename Scan::TempStorage scan;
        typename Reduce::TempStorage reduce;
        typename Heads::TempStorage heads;
    } storage;
    int own[ITEMS], heads[ITEMS];
    int first = blockIdx.x * THREADS * ITEMS;
    Load(storage.load).Load(keys + first, own);
    __syncthreads();
    Sort(storage.sort).Sort(own);
    __syncthreads();
    // What is stored changes its places on the way.
    int stored[ITEMS];
    for (int k = 0; k < ITEMS; ++k) stored[k] = own[k];
    Store(storage.store).Store(sorted + first, stored);
    __syncthreads();
    // The number of the run of equal keys that each key is in.
    Heads(storage.heads).FlagHeads(heads, own, [](int a, int b) { return a != b; });  // FAULT
#ifndef FAULT
    __syncthreads();
#endif
    Scan(storage.scan).InclusiveSum(heads, heads);  // FAULT
    for (int k = 0; k < ITEMS; ++k) runs[first + threadIdx.x * ITEMS + k] = heads[k];
    __syncthreads();
    int sum = Reduce(storage.reduce).Sum(own);
    if (threadIdx.x == 0) total[blockIdx.x] = sum;
}

extern "C" __global__ void warp_sums(const double *values, double *sums, double *most) {
    using Scan = cub::WarpScan<double, 16>;
    using Reduce = cub::WarpReduce<double>;
    __shared__ typename Scan::TempStorage scan[4];
    __shared__ typename Reduce::TempStorage reduce[2];
    double value = values[threadIdx.x], sum;
    Scan(scan[threadIdx.x / 16]).ExclusiveSum(value, sum);
    sums[threadIdx.x] = sum;
    double largest = Reduce(reduce[threadIdx.x / 32]).Reduce(value, [](double a, double b) { return a > b ? a : b; });
    if (threadIdx.x % 32 == 0) most[threadIdx.x / 32] = largest;
}
