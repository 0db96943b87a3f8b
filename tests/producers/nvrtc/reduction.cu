// A reduction in the style of CuPy: the operation and the types are pasted in.
typedef REDUCED_TYPE reduced;

__device__ reduced combine(reduced a, reduced b) { return COMBINE(a, b); }

extern "C" __global__ void reduce(const INPUT_TYPE *in, reduced *out, unsigned long long rows, unsigned long long columns) {
    extern __shared__ unsigned char bytes[];
    reduced *parts = reinterpret_cast<reduced *>(bytes);
    unsigned t = threadIdx.x;
    for (unsigned long long row = blockIdx.x; row < rows; row += gridDim.x) {
        reduced own = IDENTITY;
        for (unsigned long long k = t; k < columns; k += blockDim.x) own = combine(own, (reduced)in[row * columns + k]);
        parts[t] = own;  // FAULT, under some seeds
        __syncthreads();
        for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
            if (t < half)
                parts[t] = combine(parts[t], parts[t + half]);  // FAULT
#ifdef FAULT
            if (half > 32)
#endif
                __syncthreads();
        }
        if (t == 0)
            out[row] = parts[0];  // FAULT, under some seeds
        __syncthreads();
    }
}
