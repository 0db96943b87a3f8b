// D = A B with ldmatrix and mma.sync: a warp makes 16 x 8 of the result, of halves with sums in singles.
// nvcc -arch=sm_80 -lineinfo
#include <cstdint>
#include <cuda_fp16.h>

extern "C" __global__ void product(const __half *a, const __half *b, float *d, int k) {
    __shared__ __align__(16) __half s_a[16][24], s_b[16][8];
    int lane = threadIdx.x;
    float sums[4] = {};
    for (int start = 0; start < k; start += 16) {
        for (int i = lane; i < 16 * 16 / 8; i += 32)
            *(uint4 *)&s_a[i / 2][i % 2 * 8] = *(const uint4 *)&a[i / 2 * k + start + i % 2 * 8];  // FAULT
        if (lane < 16) *(uint4 *)&s_b[lane][0] = *(const uint4 *)&b[(start + lane) * 8];
#ifndef FAULT
        __syncwarp();
#endif
        uint32_t r_a[4], r_b[2];
        uint32_t p_a = __cvta_generic_to_shared(&s_a[lane % 16][lane / 16 * 8]);
        uint32_t p_b = __cvta_generic_to_shared(&s_b[lane % 16][0]);
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"  // FAULT
                     : "=r"(r_a[0]), "=r"(r_a[1]), "=r"(r_a[2]), "=r"(r_a[3]) : "r"(p_a) : "memory");
        asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
                     : "=r"(r_b[0]), "=r"(r_b[1]) : "r"(p_b) : "memory");
        asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
                     "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                     : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
                     : "r"(r_a[0]), "r"(r_a[1]), "r"(r_a[2]), "r"(r_a[3]), "r"(r_b[0]), "r"(r_b[1]));
        __syncwarp();
    }
    int row = lane / 4, column = lane % 4 * 2;
    *(float2 *)&d[row * 8 + column] = make_float2(sums[0], sums[1]);
    *(float2 *)&d[(row + 8) * 8 + column] = make_float2(sums[2], sums[3]);
}
