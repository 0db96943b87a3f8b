// The same with approximations, and a pointer to shared memory that goes through assembly.
// nvcc -arch=sm_75 -lineinfo --use_fast_math
extern "C" __global__ void waves(const float *in, float *out) {
    __shared__ float row[64];
    int i = threadIdx.x;
    float x = in[i];
#ifdef FAULT
    auto p = reinterpret_cast<unsigned long long>(&row[i]);
#else
    auto p = __cvta_generic_to_shared(&row[i]);
#endif
    float value = sinf(x) * expf(-x) + logf(x) / cosf(x) + powf(x, 1.5f) + sqrtf(x) + 1 / x + tanhf(x);
    asm volatile("st.shared.f32 [%0], %1;" ::"l"(p), "f"(value) : "memory");  // FAULT
    __syncthreads();
    out[i] = row[i ^ 5] + fminf(x, __saturatef(x - 1)) + rsqrtf(x) + __fdividef(x, 3) + exp10f(x);
}
