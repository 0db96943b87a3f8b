// Arithmetic of halves in pairs, of bfloat16, and conversions between them.
// nvcc -arch=sm_80 -lineinfo
#include <cuda_bf16.h>
#include <cuda_fp16.h>

extern "C" __global__ void axpy(const __half *x, __half *y, __half a, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
#ifdef FAULT
    x += 1;
#endif
    if (2 * i + 1 < n) {
        __half2 pair = *reinterpret_cast<const __half2 *>(x + 2 * i);  // FAULT
        __half2 *out = reinterpret_cast<__half2 *>(y + 2 * i);
        *out = __hfma2(__half2half2(a), pair, *out);
    } else if (2 * i < n) {
        y[2 * i] = __hfma(a, x[2 * i], y[2 * i]);
    }
}

extern "C" __global__ void clamp(const float *in, __nv_bfloat16 *out, __half *halves, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    __nv_bfloat16 low = __float2bfloat16(-1.5f), high = __float2bfloat16(2.25f);
    out[i] = __hmin(__hmax(__float2bfloat16_rn(in[i]), low), high);
    halves[i] = __float2half_rn(in[i]) * __float2half(0.5f) - __ushort2half_rn(i);
}
