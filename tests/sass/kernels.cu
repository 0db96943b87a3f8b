// The kernels of kernels/src/lib.rs in CUDA C++: the same work by the same algorithm, for
// compare.py. `nvcc -ptx -arch=sm_80 kernels.cu -o kernels.nvcc.ptx` made the PTX beside this.
#include <cstddef>
#include <cstdint>

extern "C" __global__ void saxpy(float a, const float* __restrict__ x, size_t n_x, float* y,
                                 size_t n_y) {
    size_t i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n_y && i < n_x) y[i] = a * x[i] + y[i];
}

extern "C" __global__ void add_vectors(const float4* __restrict__ a, const float4* __restrict__ b,
                                       float4* __restrict__ c, uint32_t n) {
    uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {
        float4 u = a[i], v = b[i];
        c[i] = make_float4(u.x + v.x, u.y + v.y, u.z + v.z, u.w + v.w);
    }
}

__device__ __forceinline__ float warp_sum(float value) {
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2)
        value += __shfl_xor_sync(0xffffffffu, value, distance);
    return value;
}

extern "C" __global__ void block_sums(const float* __restrict__ x, size_t n,
                                      float* __restrict__ sums, size_t n_sums) {
    __shared__ float warps[8];
    float sum = 0.0f;
    for (uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
        sum += x[i];
    sum = warp_sum(sum);
    if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = sum;
    __syncthreads();
    if (threadIdx.x == 0) {
        float total = 0.0f;
#pragma unroll
        for (int warp = 0; warp < 8; ++warp) total += warps[warp];
        if (blockIdx.x < n_sums) sums[blockIdx.x] = total;
    }
}

extern "C" __global__ void transpose(const float* __restrict__ x, float* __restrict__ y,
                                     uint32_t n_rows, uint32_t n_columns) {
    __shared__ float tile[32 * 33];
    uint32_t column = blockIdx.x * 32 + threadIdx.x;
    uint32_t row = blockIdx.y * 32 + threadIdx.y;
#pragma unroll
    for (uint32_t step = 0; step < 32; step += 8)
        if (row + step < n_rows && column < n_columns)
            tile[(threadIdx.y + step) * 33 + threadIdx.x] = x[(row + step) * n_columns + column];
    __syncthreads();
    column = blockIdx.y * 32 + threadIdx.x;
    row = blockIdx.x * 32 + threadIdx.y;
#pragma unroll
    for (uint32_t step = 0; step < 32; step += 8)
        if (row + step < n_columns && column < n_rows)
            y[(row + step) * n_rows + column] = tile[threadIdx.x * 33 + threadIdx.y + step];
}

extern "C" __global__ void product(const float* __restrict__ a, const float* __restrict__ b,
                                   float* __restrict__ c, uint32_t m, uint32_t n, uint32_t k) {
    __shared__ float a_tile[16 * 16], b_tile[16 * 16];
    uint32_t column = blockIdx.x * 16 + threadIdx.x;
    uint32_t row = blockIdx.y * 16 + threadIdx.y;
    uint32_t own = threadIdx.y * 16 + threadIdx.x;
    float sum = 0.0f;
    for (uint32_t step = 0; step < k; step += 16) {
        a_tile[own] = row < m && step + threadIdx.x < k ? a[row * k + step + threadIdx.x] : 0.0f;
        b_tile[own] =
            column < n && step + threadIdx.y < k ? b[(step + threadIdx.y) * n + column] : 0.0f;
        __syncthreads();
#pragma unroll
        for (uint32_t i = 0; i < 16; ++i)
            sum += a_tile[threadIdx.y * 16 + i] * b_tile[i * 16 + threadIdx.x];
        __syncthreads();
    }
    if (row < m && column < n) c[row * n + column] = sum;
}

extern "C" __global__ void softmax(const float* __restrict__ x, float* __restrict__ y,
                                   uint32_t n_rows, uint32_t n_columns) {
    uint32_t row = (blockIdx.x * blockDim.x + threadIdx.x) / 32;
    uint32_t lane = threadIdx.x % 32;
    if (row >= n_rows) return;
    x += (size_t)row * n_columns;
    y += (size_t)row * n_columns;
    float largest = __int_as_float(0xff800000);
    for (uint32_t i = lane; i < n_columns; i += 32) largest = fmaxf(largest, x[i]);
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2)
        largest = fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, distance));
    float sum = 0.0f;
    for (uint32_t i = lane; i < n_columns; i += 32) sum += __expf(x[i] - largest);
    float scale = __fdividef(1.0f, warp_sum(sum));
    for (uint32_t i = lane; i < n_columns; i += 32) y[i] = __expf(x[i] - largest) * scale;
}

extern "C" __global__ void stencil(const float* __restrict__ x, float* __restrict__ y,
                                   uint32_t n_rows, uint32_t n_columns) {
    uint32_t column = blockIdx.x * blockDim.x + threadIdx.x;
    uint32_t row = blockIdx.y * blockDim.y + threadIdx.y;
    if (row == 0 || column == 0 || row + 1 >= n_rows || column + 1 >= n_columns) return;
    uint32_t i = row * n_columns + column;
    y[i] = 0.5f * x[i] +
           0.125f * (x[i - 1] + x[i + 1] + x[i - n_columns] + x[i + n_columns]);
}

extern "C" __global__ void histogram(const uint8_t* __restrict__ x, size_t n, uint32_t* bins) {
    __shared__ uint32_t counts[256];
    counts[threadIdx.x] = 0;
    __syncthreads();
    for (uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
        atomicAdd(&counts[x[i]], 1u);
    __syncthreads();
    atomicAdd(&bins[threadIdx.x], counts[threadIdx.x]);
}

extern "C" __global__ void scan(const uint32_t* __restrict__ x, size_t n_x,
                                uint32_t* __restrict__ y, size_t n_y) {
    __shared__ uint32_t warps[8];
    uint32_t i = blockIdx.x * 256 + threadIdx.x;
    uint32_t lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    uint32_t sum = i < n_x ? x[i] : 0;
#pragma unroll
    for (uint32_t distance = 1; distance < 32; distance *= 2) {
        uint32_t below = __shfl_up_sync(0xffffffffu, sum, distance);
        if (lane >= distance) sum += below;
    }
    if (lane == 31) warps[warp] = sum;
    __syncthreads();
#pragma unroll
    for (uint32_t other = 0; other < 7; ++other)
        if (other < warp) sum += warps[other];
    if (i < n_y) y[i] = sum;
}

__constant__ float WEIGHTS[7] = {0.03125f, 0.109375f, 0.21875f, 0.28125f,
                                 0.21875f, 0.109375f, 0.03125f};

extern "C" __global__ void convolution(const float* __restrict__ x, float* __restrict__ y,
                                       uint32_t n) {
    __shared__ float tile[256 + 6];
    uint32_t start = blockIdx.x * 256;
    for (uint32_t t = threadIdx.x; t < 262; t += 256)
        tile[t] = start + t < n + 6 ? x[start + t] : 0.0f;
    __syncthreads();
    float sum = 0.0f;
#pragma unroll
    for (uint32_t i = 0; i < 7; ++i) sum += WEIGHTS[i] * tile[threadIdx.x + i];
    if (start + threadIdx.x < n) y[start + threadIdx.x] = sum;
}

extern "C" __global__ void adam(float* __restrict__ weights, const float* __restrict__ gradients,
                                float* __restrict__ means, float* __restrict__ squares,
                                float rate, uint32_t n) {
    uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    float gradient = gradients[i];
    float mean = 0.9f * means[i] + 0.1f * gradient;
    float square = 0.999f * squares[i] + 0.001f * (gradient * gradient);
    means[i] = mean;
    squares[i] = square;
    weights[i] -= __fdividef(rate * mean, sqrtf(square) + 1e-8f);
}

extern "C" __global__ void mandelbrot(uint32_t* __restrict__ counts, uint32_t width,
                                      uint32_t height, float left, float top, float step,
                                      uint32_t limit) {
    uint32_t column = blockIdx.x * blockDim.x + threadIdx.x;
    uint32_t row = blockIdx.y * blockDim.y + threadIdx.y;
    if (column >= width || row >= height) return;
    float c_re = left + step * column, c_im = top + step * row;
    float re = 0.0f, im = 0.0f, re_squared = 0.0f, im_squared = 0.0f;
    uint32_t count = 0;
    while (count < limit && re_squared + im_squared <= 4.0f) {
        im = 2.0f * re * im + c_im;
        re = re_squared - im_squared + c_re;
        re_squared = re * re;
        im_squared = im * im;
        ++count;
    }
    counts[row * width + column] = count;
}
