// Two warps fill a buffer and two take from it, by named barriers at which one side only arrives.
// nvcc -arch=sm_75 -lineinfo
constexpr int SIZE = 64;

__device__ void arrive(int barrier, int threads) {
    asm volatile("barrier.cta.arrive %0, %1;" ::"r"(barrier), "r"(threads) : "memory");  // FAULT
}

__device__ void wait(int barrier, int threads) {
    asm volatile("barrier.cta.sync %0, %1;" ::"r"(barrier), "r"(threads) : "memory");  // FAULT
}

extern "C" __global__ void relay(const int *in, int *out, int rounds) {
    __shared__ int buffers[2][SIZE];
    int lane = threadIdx.x % SIZE;
    bool produces = threadIdx.x < SIZE;
    for (int round = 0; round < rounds; ++round) {
        int buffer = round % 2, full = 1 + buffer, empty = 3 + buffer;
        if (produces) {
            if (round >= 2) wait(empty, 2 * SIZE);
            buffers[buffer][lane ^ 21] = in[round * SIZE + lane] * 3;  // FAULT, under some seeds
            arrive(full, 2 * SIZE);
        } else {
#ifdef FAULT
            wait(full, SIZE + SIZE / 2);
#else
            wait(full, 2 * SIZE);
#endif
            out[round * SIZE + lane] = buffers[buffer][lane] + round;  // FAULT, under some seeds
            if (round + 2 < rounds) arrive(empty, 2 * SIZE);
        }
    }
}
