// A fast Fourier transform of 256 values (Stockham), with twiddles in constant memory.
// nvcc -arch=sm_75 -lineinfo
constexpr int N = 256;
__constant__ float2 twiddles[N / 2];

extern "C" __global__ void fft(float2 *data) {
    __shared__ float2 buffers[2][N];
    float2 *begin = data + blockIdx.x * N;
    int t = threadIdx.x;
    buffers[0][t] = begin[t];
    buffers[0][t + N / 2] = begin[t + N / 2];
    float2 *from = buffers[0], *to = buffers[1];
    for (int length = N / 2, stride = 1; length >= 1; length /= 2, stride *= 2) {
        __syncthreads();
        int p = t / stride, q = t % stride;
#ifdef FAULT
        float2 a = from[q + stride * p], b = from[q + stride * (p + length) + 1];  // FAULT
#else
        float2 a = from[q + stride * p], b = from[q + stride * (p + length)];
#endif
        float2 w = twiddles[p * stride];
        float2 difference = {a.x - b.x, a.y - b.y};
        to[q + stride * 2 * p] = {a.x + b.x, a.y + b.y};  // FAULT, under some seeds
        float2 turned = {difference.x * w.x - difference.y * w.y, difference.x * w.y + difference.y * w.x};
        to[q + stride * (2 * p + 1)] = turned;  // FAULT, under some seeds
        float2 *swapped = from;
        from = to;
        to = swapped;
    }
    __syncthreads();
    begin[t] = from[t];
    begin[t + N / 2] = from[t + N / 2];
}
