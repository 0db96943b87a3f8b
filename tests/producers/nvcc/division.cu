// Quotients and remainders by variables, with signs, of 32, 64 and 128 bits.
// nvcc -arch=sm_75 -lineinfo
extern "C" __global__ void divide(const long long *a, const long long *b, long long *out) {
    int i = threadIdx.x;
    long long x = a[i], y = b[i];
    int s = x, t = y;
    unsigned u = s, v = t;
    out[8 * i] = x / y;
    out[8 * i + 1] = x % y;
    out[8 * i + 2] = (unsigned long long)x / (unsigned long long)y;
    out[8 * i + 3] = (unsigned long long)x % (unsigned long long)y;
    out[8 * i + 4] = t == 0 || t == -1 ? 0 : s / t;
    out[8 * i + 5] = t == 0 || t == -1 ? 0 : s % t;
    out[8 * i + 6] = v == 0 ? 0 : (long long)(u / v) << 32 | u % v;
    __int128 wide = (__int128)x * y + 1;
    out[8 * i + 7] = (long long)(wide / (t | 1)) ^ (long long)(wide >> 61);
}

// A hash table with open addresses, whose first place is a remainder.
extern "C" __global__ void count(const int *keys, int n, int *slots, int *counts, int size) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    int key = keys[i];
#ifdef FAULT
    int at = key % size;
#else
    int at = (key % size + size) % size;
#endif
    while (true) {
        int old = atomicCAS(&slots[at], 0, key);  // FAULT
        if (old == 0 || old == key) break;
        at = (at + 1) % size;
    }
    atomicAdd(&counts[at], 1);
}
