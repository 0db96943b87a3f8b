// Kernels as programs compile them while they run: templates by expression, sizes as macros, no headers.
template <typename T>
struct Scaled {
    T factor;
    __device__ T operator()(T x) const { return factor * x; }
};

template <typename F, typename T, int UNROLL>
__global__ void map(F f, const T *in, T *out, int n) {
    int first = (blockIdx.x * blockDim.x + threadIdx.x) * UNROLL;
#pragma unroll
    for (int k = 0; k < UNROLL; ++k) {
#ifdef FAULT
        if (first < n)
#else
        if (first + k < n)
#endif
            out[first + k] = f(in[first + k]);  // FAULT
    }
}

extern "C" __global__ void chain(const float *in, float *out, int n) {
    __shared__ float window[TILE + 2];
    int i = blockIdx.x * TILE + threadIdx.x;
    window[threadIdx.x + 1] = i < n ? in[i] : 0;
    if (threadIdx.x == 0) window[0] = i > 0 ? in[i - 1] : 0;
    if (threadIdx.x == TILE - 1) window[TILE + 1] = i + 1 < n ? in[i + 1] : 0;
    __syncthreads();
    if (i < n) out[i] = window[threadIdx.x] * WEIGHT + window[threadIdx.x + 1] + window[threadIdx.x + 2] * WEIGHT;
}
