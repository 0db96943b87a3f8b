// Atomics that hardware lacks, by compare and swap: of doubles, of pairs of 64 bits, of halves.
// nvcc -arch=sm_90 -lineinfo -std=c++17
#include <cuda/atomic>
#include <cuda_fp16.h>

struct alignas(16) Best {
    double value;
    long long index;
};

__device__ void keep_best(Best *best, double value, long long index) {
    Best mine{value, index};
#ifdef FAULT
    Best old = *best;  // FAULT
#else
    Best old{-1, -1};
#endif
    while (value > old.value) {
        unsigned __int128 expected = reinterpret_cast<unsigned __int128 &>(old);
        unsigned __int128 found = atomicCAS(reinterpret_cast<unsigned __int128 *>(best), expected,  // FAULT
                                            reinterpret_cast<unsigned __int128 &>(mine));
        if (found == expected) break;
        old = reinterpret_cast<Best &>(found);
    }
}

__device__ void multiply(double *product, double factor) {
    auto *bits = reinterpret_cast<unsigned long long *>(product);
    unsigned long long old = atomicAdd(bits, 0), seen;
    do {
        seen = old;
        old = atomicCAS(bits, seen, __double_as_longlong(__longlong_as_double(seen) * factor));
    } while (old != seen);
}

extern "C" __global__ void update(const double *values, int n, Best *best, double *product, __half2 *halves,
                                  unsigned *counters) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    keep_best(best, values[i], i);
    multiply(product, i % 8 == 3 ? 2.0 : i % 8 == 5 ? 0.5 : 1.0);
    atomicAdd(halves, __floats2half2_rn(1, i % 4));
    atomicMax(&counters[0], i * 7 % n);
    atomicMin(&counters[1], i * 7 % n + 5);
    atomicInc(&counters[2], 9);
    atomicDec(&counters[3], 9);
    atomicXor(&counters[4], 1u << i % 32);
    cuda::atomic_ref<unsigned, cuda::thread_scope_device> shared(counters[5]);
    shared.fetch_add(i, cuda::memory_order_relaxed);
    atomicAdd(reinterpret_cast<float *>(&counters[6]), 0.5f);
}
