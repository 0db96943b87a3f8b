// Running sums of a block by a tree in dynamic shared memory (Blelloch), for several types.
// nvcc -arch=sm_75 -lineinfo
template <typename T>
__device__ void scan(T *values) {
    extern __shared__ __align__(16) unsigned char bytes[];
    T *tree = reinterpret_cast<T *>(bytes);
    int i = threadIdx.x, n = 2 * blockDim.x, offset = 1;
    tree[2 * i] = values[2 * i];
    tree[2 * i + 1] = values[2 * i + 1];
    for (int pairs = n / 2; pairs > 0; pairs /= 2, offset *= 2) {
        __syncthreads();
#ifdef FAULT
        int end = offset * (2 * i + 2);
#else
        int end = offset * (2 * i + 2) - 1;
#endif
        if (i < pairs)
            tree[end] += tree[end - offset];  // FAULT
    }
    if (i == 0) tree[n - 1] = 0;
    for (int pairs = 1; pairs < n; pairs *= 2) {
        offset /= 2;
        __syncthreads();
        if (i < pairs) {
            int right = offset * (2 * i + 2) - 1, left = right - offset;
            T sum = tree[right] + tree[left];
            tree[left] = tree[right];
            tree[right] = sum;
        }
    }
    __syncthreads();
    values[2 * i] = tree[2 * i];
    values[2 * i + 1] = tree[2 * i + 1];
}

extern "C" __global__ void scan_int(int *values) { scan(values); }
extern "C" __global__ void scan_double(double *values) { scan(values); }
extern "C" __global__ void scan_short(short *values) { scan(values); }
