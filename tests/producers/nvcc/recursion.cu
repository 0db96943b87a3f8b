// Functions that call themselves, and each other: the stack of a thread.
// nvcc -arch=sm_75 -lineinfo
__device__ __noinline__ int fibonacci(int n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

__device__ __noinline__ int ackermann(int m, int n) {
    if (m == 0) return n + 1;
    return ackermann(m - 1, n == 0 ? 1 : ackermann(m, n - 1));
}

__device__ bool is_odd(unsigned n);
__device__ __noinline__ bool is_even(unsigned n) { return n == 0 || is_odd(n - 1); }
__device__ __noinline__ bool is_odd(unsigned n) { return n != 0 && is_even(n - 1); }

__device__ __noinline__ void quicksort(short *first, short *last) {
#ifndef FAULT
    if (last - first < 2) return;
#endif
    short pivot = *first, *i = first, *j = first;
    while (++j < last)
        if (*j < pivot) {
            short swapped = *++i;
            *i = *j;
            *j = swapped;
        }
    *first = *i;
    *i = pivot;
    quicksort(first, i);  // FAULT
    quicksort(i + 1, last);
}

extern "C" __global__ void recursions(int *results, short *rows) {
    int i = threadIdx.x;
    results[3 * i] = fibonacci(i % 12);
    results[3 * i + 1] = ackermann(2, i % 6);
    results[3 * i + 2] = is_even(i) + 2 * is_odd(i / 3);
    short own[24];
    for (int k = 0; k < 24; ++k) own[k] = rows[24 * i + k];
    quicksort(own, own + 24);
    for (int k = 0; k < 24; ++k) rows[24 * i + k] = own[k];
}
