// A convolution of images with several channels, one image row per block, by loops that are unrolled.
// nvcc -arch=sm_75 -lineinfo
template <int SIZE>
__device__ void convolve(const float *in, const float *filters, float *out, int channels, int width, int height) {
    int x = threadIdx.x, y = blockIdx.x, filter = blockIdx.y;
    if (x >= width) return;
    float sum = 0;
    for (int channel = 0; channel < channels; ++channel) {
        const float *image = in + channel * width * height;
        const float *weights = filters + (filter * channels + channel) * SIZE * SIZE;
#pragma unroll
        for (int dy = 0; dy < SIZE; ++dy)
#pragma unroll
            for (int dx = 0; dx < SIZE; ++dx) {
                int column = x + dx - SIZE / 2, row = y + dy - SIZE / 2;
#ifdef FAULT
                bool inside = column >= 0 && column < width && row < height;
#else
                bool inside = column >= 0 && column < width && row >= 0 && row < height;
#endif
                if (inside)
                    sum += image[row * width + column] * weights[dy * SIZE + dx];  // FAULT
            }
    }
    out[(filter * height + y) * width + x] = fmaxf(sum, 0);
}

extern "C" __global__ void conv3(const float *in, const float *filters, float *out, int channels, int width, int height) {
    convolve<3>(in, filters, out, channels, width, height);
}

extern "C" __global__ void conv5(const float *in, const float *filters, float *out, int channels, int width, int height) {
    convolve<5>(in, filters, out, channels, width, height);
}
