// Control flow, templates, warp functions, half precision and inline PTX.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

__device__ unsigned counter;

template <int N, typename T>
__device__ T sum(const T *values) {
    T total = values[0];
#pragma unroll 1
    for (int k = 1; k < N; ++k) total = total + values[k];
    return total;
}

extern "C" __global__ void switches(int *out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    int value = out[i];
    switch (n) {
        case 0: value = atomicAdd(out, 3); break;
        case 1: value = __ldg(out + 5) * 7; break;
        case 2: value = __popc(value); break;
        case 3: value = __shfl_xor_sync(0xFFFFFFFF, value, 1); break;
        case 4: value = __ballot_sync(0xFFFFFFFF, value > 3); break;
        case 5: value = __clz(value) + __byte_perm(value, n, 0x1234); break;
        case 6: value /= i; break;
        case 7: value = atomicCAS(out + 1, 3, 4); break;
        case 8: out[9] = 1; break;
        case 9: value += __reduce_add_sync(0xFFFFFFFF, value); break;
        case 10: __syncthreads(); break;
        case 11: value = __funnelshift_l(value, n, 3); break;
        case 12: __threadfence(); break;
        case 13: value = clock(); break;
        default: __trap();
    }
    out[i] = value;
}

extern "C" __global__ void __maxnreg__(64) halves(__half2 *h, __nv_bfloat16 *b, double *d, int n) {
    int i = threadIdx.x;
    h[i] = __hfma2(h[i], h[i + 1], __float2half2_rn(1.5f));
    b[i] = __hmul(b[i], __float2bfloat16(0.25f));
    d[i] = sum<5>(d) / sqrt(d[i]) + (double)sum<3, float>((float *)d);
    float f = __expf((float)d[i]) + __fdividef(1.0f, (float)n) + sinf((float)n);
    asm volatile(
        "{\n"
        "  .reg .pred p, q;\n"
        "  .reg .v2 .b32 v;\n"
        "  setp.lt.s32 p|q, %1, 5;\n"
        "  @!p add.rn.f32 %0, %0, 0f3F800000;\n"
        "  mov.b32 v.x, (1 + 2) << 3;\n"
        "  selp.u32 v.y, 1, 0, q;\n"
        "}\n"
        : "+f"(f)
        : "r"(n));
    d[n] = f;
    if (__any_sync(__activemask(), n == i)) atomicInc(&counter, 100u);
}
