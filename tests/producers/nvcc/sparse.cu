// A sparse matrix in rows times a vector, each row by a part of a warp.
// nvcc -arch=sm_80 -lineinfo -std=c++17
template <int LANES>
__device__ void multiply(const int *starts, const int *columns, const float *values, const float *x, float *y, int rows) {
    int row = (blockIdx.x * blockDim.x + threadIdx.x) / LANES, lane = threadIdx.x % LANES;
    if (row >= rows) return;
    float sum = 0;
#ifdef FAULT
    for (int k = starts[row] + lane; k <= starts[row + 1]; k += LANES)
#else
    for (int k = starts[row] + lane; k < starts[row + 1]; k += LANES)
#endif
        sum += values[k] * x[columns[k]];  // FAULT
    unsigned lanes = (LANES == 32 ? ~0u : (1u << LANES) - 1) << (threadIdx.x % 32 - lane);
    for (int offset = LANES / 2; offset > 0; offset /= 2) sum += __shfl_down_sync(lanes, sum, offset, LANES);
    if (lane == 0) y[row] = sum;
}

extern "C" __global__ void by_8(const int *starts, const int *columns, const float *values, const float *x, float *y, int rows) {
    multiply<8>(starts, columns, values, x, y, rows);
}

extern "C" __global__ void by_32(const int *starts, const int *columns, const float *values, const float *x, float *y, int rows) {
    multiply<32>(starts, columns, values, x, y, rows);
}
