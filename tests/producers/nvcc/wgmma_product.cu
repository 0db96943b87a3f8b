// D = A B by warpgroups: wgmma reads tiles of halves from shared memory by descriptors, without swizzle.
// nvcc -arch=sm_90a -lineinfo -std=c++17
#include <cstdint>
#include <cuda_fp16.h>

constexpr int M = 64, N = 16, K = 16;

// Eight rows of 16 bytes lie together; such cores follow each other along the depth, then along the rows.
__device__ uint64_t descriptor(const __half *tile) {
    uint64_t address = __cvta_generic_to_shared(tile);
    uint64_t leading = 128, stride = 256;
    return (address & 0x3FFFF) >> 4 | leading >> 4 << 16 | stride >> 4 << 32;
}

__device__ int place(int row, int k) { return row / 8 * 128 + k / 8 * 64 + row % 8 * 8 + k % 8; }

extern "C" __global__ void __launch_bounds__(128) product(const __half *a, const __half *b, float *d, int depth) {
    __shared__ __align__(128) __half s_a[M * K], s_b[N * K];
    int t = threadIdx.x;
    float sums[8] = {};
    for (int start = 0; start < depth; start += K) {
        for (int i = t; i < M * K; i += 128) s_a[place(i / K, i % K)] = a[i / K * depth + start + i % K];
        for (int i = t; i < N * K; i += 128) s_b[place(i / K, i % K)] = b[i / K * depth + start + i % K];
        asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
        __syncthreads();
        asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
        asm volatile("wgmma.mma_async.sync.aligned.m64n16k16.f32.f16.f16 "  // FAULT
                     "{%0, %1, %2, %3, %4, %5, %6, %7}, %8, %9, 1, 1, 1, 0, 0;"
                     : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3]), "+f"(sums[4]), "+f"(sums[5]),
                       "+f"(sums[6]), "+f"(sums[7])
                     : "l"(descriptor(s_a)), "l"(descriptor(s_b)) : "memory");
        asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
#ifdef FAULT
        if (start + K < depth)
#endif
            asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
        __syncthreads();
    }
    int row = t / 32 * 16 + t % 32 / 4, column = t % 4 * 2;
    for (int i = 0; i < 8; ++i)
        d[(row + i / 2 % 2 * 8) * N + column + i / 4 * 8 + i % 2] = sums[i];  // FAULT
}
