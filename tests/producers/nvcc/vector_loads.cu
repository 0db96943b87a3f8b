// Loads and stores of up to 16 bytes, through the read-only path and with hints for caches.
// nvcc -arch=sm_80 -lineinfo
extern "C" __global__ void scale(const float *__restrict__ in, float *__restrict__ out, int n, float factor) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    int quads = n / 4;
#ifdef FAULT
    const float4 *from = reinterpret_cast<const float4 *>(in + n % 4);
#else
    const float4 *from = reinterpret_cast<const float4 *>(in);
#endif
    if (i < quads) {
        float4 four = __ldg(&from[i]);  // FAULT
        four.x *= factor;
        four.y *= factor;
        four.z *= factor;
        four.w *= factor;
        __stcs(&reinterpret_cast<float4 *>(out)[i], four);
    }
    if (i < n % 4) out[4 * quads + i] = __ldcg(&in[4 * quads + i]) * factor;
}

extern "C" __global__ void shuffle_types(const short4 *a, const double2 *b, const uchar2 *c, longlong2 *out) {
    int i = threadIdx.x;
    short4 s = __ldlu(&a[i]);
    double2 d = __ldca(&b[i]);
    uchar2 u = c[i];
    out[i] = make_longlong2((long long)d.x * s.y + u.x, (long long)d.y * s.w - s.x * s.z + u.y);
}
