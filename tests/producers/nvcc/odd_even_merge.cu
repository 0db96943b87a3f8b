// Batcher's odd-even merge sort of pairs, ended early when the keys are in order already.
// nvcc -arch=sm_75 -lineinfo
struct Pair {
    short key, value;
};

extern "C" __global__ void sort(Pair *pairs) {
    __shared__ Pair own[256];
    int i = threadIdx.x, n = blockDim.x;
    Pair *begin = pairs + blockIdx.x * n;
    own[i] = begin[i];
    __syncthreads();
    bool ordered = i == 0 || own[i - 1].key <= own[i].key;
#ifdef FAULT
    __syncthreads();
    if (__all_sync(~0u, ordered)) return;
#else
    if (__syncthreads_and(ordered)) return;
#endif
    for (int p = 1; p < n; p *= 2)
        for (int k = p; k >= 1; k /= 2) {
            int j = i - k % p;
            bool first = j >= 0 && j % (2 * k) < k && i + k < n && i / (2 * p) == (i + k) / (2 * p);
            if (first && own[i + k].key < own[i].key) {
                Pair swapped = own[i];
                own[i] = own[i + k];
                own[i + k] = swapped;
            }
            __syncthreads();  // FAULT
        }
    begin[i] = own[i];
}
