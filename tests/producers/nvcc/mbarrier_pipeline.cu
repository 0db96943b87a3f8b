// One warp copies, the others compute: a ring of stages whose mbarriers say full and empty.
// nvcc -arch=sm_90 -lineinfo -std=c++17
#include <cuda/ptx>
#include <cuda/std/utility>
namespace ptx = cuda::ptx;
using Barrier = cuda::std::uint64_t;

constexpr int STAGES = 3, CHUNK = 64, CONSUMERS = 64;

__device__ void wait(Barrier *barrier, unsigned parity) {
    while (!ptx::mbarrier_try_wait_parity(barrier, parity)) {}  // FAULT, under some seeds
}

extern "C" __global__ void squares(const float *in, float *sums, int chunks) {
    __shared__ alignas(16) float stages[STAGES][CHUNK];
    __shared__ Barrier full[STAGES], empty[STAGES];
    if (threadIdx.x == 0) {
        for (int stage = 0; stage < STAGES; ++stage) {
            ptx::mbarrier_init(&full[stage], 1);
            ptx::mbarrier_init(&empty[stage], CONSUMERS);
        }
        ptx::fence_mbarrier_init(ptx::sem_release, ptx::scope_cluster);
    }
    __syncthreads();
    const float *own = in + blockIdx.x * chunks * CHUNK;
    if (threadIdx.x >= CONSUMERS) {
        if (threadIdx.x == CONSUMERS)
            for (int i = 0; i < chunks; ++i) {
                int stage = i % STAGES;
#ifndef FAULT
                wait(&empty[stage], i / STAGES % 2 ^ 1);
#endif
                ptx::mbarrier_arrive_expect_tx(ptx::sem_release, ptx::scope_cta, ptx::space_shared, &full[stage],
                                               sizeof(stages[stage]));
                ptx::cp_async_bulk(ptx::space_cluster, ptx::space_global, stages[stage], own + i * CHUNK,  // FAULT
                                   sizeof(stages[stage]), &full[stage]);
            }
        return;
    }
    float sum = 0;
    for (int i = 0; i < chunks; ++i) {
        int stage = i % STAGES;
        wait(&full[stage], i / STAGES % 2);
        float value = stages[stage][threadIdx.x];  // FAULT, under some seeds
        sum += value * value;
        ptx::mbarrier_arrive(&empty[stage]);
    }
    sums[blockIdx.x * CONSUMERS + threadIdx.x] = sum;
}
