// Transposes through shared memory without bank conflicts: by a padded tile, and by a swizzled one.
// nvcc -arch=sm_75 -lineinfo
template <bool SWIZZLED>
__device__ void transpose(const float *in, float *out, int rows, int columns) {
    __shared__ float tile[32][SWIZZLED ? 32 : 33];
    auto cell = [&](int y, int x) -> float & { return tile[y][SWIZZLED ? x ^ y : x]; };
    int x = blockIdx.x * 32 + threadIdx.x;
    for (int y = threadIdx.y; y < 32; y += blockDim.y) {
        int row = blockIdx.y * 32 + y;
#ifdef FAULT
        bool inside = x < rows && row < columns;
#else
        bool inside = x < columns && row < rows;
#endif
        if (inside)
            cell(y, threadIdx.x) = in[row * columns + x];  // FAULT
    }
    __syncthreads();
    x = blockIdx.y * 32 + threadIdx.x;
    for (int y = threadIdx.y; y < 32; y += blockDim.y) {
        int row = blockIdx.x * 32 + y;
        if (x < rows && row < columns)
            out[row * rows + x] = cell(threadIdx.x, y);  // FAULT
    }
}

extern "C" __global__ void padded(const float *in, float *out, int rows, int columns) {
    transpose<false>(in, out, rows, columns);
}

extern "C" __global__ void swizzled(const float *in, float *out, int rows, int columns) {
    transpose<true>(in, out, rows, columns);
}
