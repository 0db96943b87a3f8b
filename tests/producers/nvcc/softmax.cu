// Softmax and layer normalization of rows, a block each.
// nvcc -arch=sm_75 -lineinfo
template <typename F>
__device__ float reduce(float value, F f) {
    __shared__ float parts[32];
    for (int offset = 16; offset > 0; offset /= 2) value = f(value, __shfl_xor_sync(~0u, value, offset));
#ifndef FAULT
    // The last call's results have been read.
    __syncthreads();
#endif
    if (threadIdx.x % 32 == 0)
        parts[threadIdx.x / 32] = value;  // FAULT
    __syncthreads();
    value = parts[0];  // FAULT, under some seeds
    for (int warp = 1; warp < blockDim.x / 32; ++warp)
        value = f(value, parts[warp]);  // FAULT
    return value;
}

extern "C" __global__ void softmax(float *rows, int columns) {
    float *row = rows + blockIdx.x * columns;
    float most = -INFINITY, sum = 0;
    for (int i = threadIdx.x; i < columns; i += blockDim.x) most = fmaxf(most, row[i]);
    most = reduce(most, [](float a, float b) { return fmaxf(a, b); });
    for (int i = threadIdx.x; i < columns; i += blockDim.x) sum += row[i] = expf(row[i] - most);
    sum = reduce(sum, [](float a, float b) { return a + b; });
    for (int i = threadIdx.x; i < columns; i += blockDim.x) row[i] /= sum;
}

extern "C" __global__ void layer_norm(const float *in, const float *scale, const float *shift, float *out, int columns) {
    const float *row = in + blockIdx.x * columns;
    float sum = 0, squares = 0;
    auto add = [](float a, float b) { return a + b; };
    for (int i = threadIdx.x; i < columns; i += blockDim.x) sum += row[i];
    float mean = reduce(sum, add) / columns;
    for (int i = threadIdx.x; i < columns; i += blockDim.x) squares += (row[i] - mean) * (row[i] - mean);
    float factor = rsqrtf(reduce(squares, add) / columns + 1e-5f);
    for (int i = threadIdx.x; i < columns; i += blockDim.x)
        out[blockIdx.x * columns + i] = (row[i] - mean) * factor * scale[i] + shift[i];
}
