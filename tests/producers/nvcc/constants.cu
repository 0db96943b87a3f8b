// Tables in constant memory, one of which the host fills.
// nvcc -arch=sm_75 -lineinfo
__constant__ float weights[9];
__constant__ int primes[] = {2, 3, 5, 7, 11, 13, 17, 19};
__device__ int factors;

extern "C" __global__ void filter(const float *in, float *out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    float sum = 0;
    for (int k = 0; k < 9; ++k)
        if (i + k - 4 >= 0 && i + k - 4 < n) sum += weights[k] * in[i + k - 4];
    out[i] = sum;
}

extern "C" __global__ void factor(int number) {
#ifdef FAULT
    int *numbers;
    asm volatile("mov.u64 %0, %1;" : "=l"(numbers) : "l"(primes));
    numbers[threadIdx.x] = 1;  // FAULT
#endif
    if (number % primes[threadIdx.x] == 0) atomicAdd(&factors, 1);
}
