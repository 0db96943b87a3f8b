// A histogram whose bins are spread over the shared memory of a cluster of blocks.
// nvcc -arch=sm_90 -lineinfo -std=c++17
#include <cooperative_groups.h>
namespace cg = cooperative_groups;

constexpr int BINS = 32;

extern "C" __global__ void histogram(const unsigned char *values, int n, unsigned *counts) {
    __shared__ unsigned own[BINS];
    cg::cluster_group cluster = cg::this_cluster();
    unsigned rank = cluster.block_rank();
    if (threadIdx.x < BINS)
        own[threadIdx.x] = 0;  // FAULT
#ifndef FAULT
    cluster.sync();
#endif
    for (int i = cluster.thread_rank() + blockIdx.x / cluster.num_blocks() * cluster.num_threads(); i < n;
         i += gridDim.x * blockDim.x) {
        int bin = values[i];
        unsigned *bins = cluster.map_shared_rank(own, bin / BINS);
        atomicAdd(bins + bin % BINS, 1);  // FAULT
    }
    cluster.sync();
    if (threadIdx.x < BINS) atomicAdd(&counts[rank * BINS + threadIdx.x], own[threadIdx.x]);
}

// Each block takes what its neighbour has written, by a cluster barrier in two halves.
extern "C" __global__ void __cluster_dims__(4, 1, 1) rotate(int *values) {
    __shared__ int row[64];
    cg::cluster_group cluster = cg::this_cluster();
    row[threadIdx.x] = values[blockIdx.x * 64 + threadIdx.x];
    auto token = cluster.barrier_arrive();
    int shift = threadIdx.x / 32;
    cluster.barrier_wait(std::move(token));
    unsigned neighbour = (cluster.block_rank() + 1 + shift) % cluster.num_blocks();
    int value = *cluster.map_shared_rank(&row[threadIdx.x], neighbour);
    cluster.sync();
    values[blockIdx.x * 64 + threadIdx.x] = value;
}
