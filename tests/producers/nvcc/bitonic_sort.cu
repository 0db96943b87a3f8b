// A bitonic sorting network; where partners are in one warp, its own barrier is enough.
// nvcc -arch=sm_75 -lineinfo
constexpr int THREADS = 128;

template <typename Key>
__device__ void sort(Key *keys) {
    __shared__ Key own[2 * THREADS];
    Key *begin = keys + 2 * THREADS * blockIdx.x;
    int t = threadIdx.x;
    own[t] = begin[t];
    own[t + THREADS] = begin[t + THREADS];
    __syncthreads();
    for (int size = 2; size <= 2 * THREADS; size *= 2)
        for (int stride = size / 2; stride > 0; stride /= 2) {
            int low = 2 * t - (t & (stride - 1)), high = low + stride;
            bool up = (low & size) == 0;
            Key a = own[low], b = own[high];  // FAULT
            if ((b < a) == up) {
                own[low] = b;   // FAULT
                own[high] = a;  // FAULT
            }
#ifdef FAULT
            if (stride > 64)
#else
            if (stride > 32 || stride == 1)
#endif
                __syncthreads();
            else
                __syncwarp();
        }
    __syncthreads();
    begin[t] = own[t];
    begin[t + THREADS] = own[t + THREADS];
}

extern "C" __global__ void sort_unsigned(unsigned *keys) { sort(keys); }
extern "C" __global__ void sort_double(double *keys) { sort(keys); }
