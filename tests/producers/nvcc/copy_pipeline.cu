// cuda::pipeline: groups of threads that fetch and compute, with cuda::memcpy_async.
// nvcc -arch=sm_80 -lineinfo -std=c++17
#include <cooperative_groups.h>
#include <cuda/pipeline>
namespace cg = cooperative_groups;

constexpr int STAGES = 2, CHUNK = 64;

extern "C" __global__ void scale(const int *in, int *out, int chunks) {
    __shared__ cuda::pipeline_shared_state<cuda::thread_scope_block, STAGES> state;
    __shared__ alignas(16) int stages[STAGES][CHUNK];
    cg::thread_block block = cg::this_thread_block();
    auto pipeline = cuda::make_pipeline(block, &state);
    const int *own = in + blockIdx.x * chunks * CHUNK;
    auto fetch = [&](int chunk) {
        pipeline.producer_acquire();
        cuda::memcpy_async(block, stages[chunk % STAGES], own + chunk * CHUNK,  // FAULT
                           cuda::aligned_size_t<16>(CHUNK * sizeof(int)), pipeline);
        pipeline.producer_commit();
    };
    fetch(0);
    for (int chunk = 0; chunk < chunks; ++chunk) {
        if (chunk + 1 < chunks) fetch(chunk + 1);
#ifndef FAULT
        pipeline.consumer_wait();
#endif
        int value = stages[chunk % STAGES][CHUNK - 1 - threadIdx.x];  // FAULT
        out[(blockIdx.x * chunks + chunk) * CHUNK + threadIdx.x] = 3 * value - chunk;
        pipeline.consumer_release();
    }
}
