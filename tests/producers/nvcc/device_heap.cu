// Memory that kernels allocate: rows of different lengths, made by one kernel and freed by another.
// nvcc -arch=sm_75 -lineinfo
extern "C" __global__ void make(int **rows) {
    int i = threadIdx.x;
    int *row = static_cast<int *>(malloc((i + 1) * sizeof(int)));
    for (int k = 0; k <= i; ++k) row[k] = i * k;
    rows[i] = row;
}

extern "C" __global__ void sum(int **rows, int *sums) {
    int i = threadIdx.x;
    int *copy = new int[i + 1];
    memcpy(copy, rows[i], (i + 1) * sizeof(int));
    int sum = 0;
    for (int k = 0; k <= i; ++k) sum += copy[k];
    sums[i] = sum;
    free(rows[i]);
#ifdef FAULT
    if (sum % 5 == 0) return;  // FAULT
#endif
    delete[] copy;
}
