// Sorts the keys of a block with their values, four bits at a time, by ballots and counts per warp.
// nvcc -arch=sm_75 -lineinfo
constexpr int THREADS = 128, WARPS = THREADS / 32, DIGITS = 16;

extern "C" __global__ void sort(unsigned *keys, unsigned short *values) {
    __shared__ unsigned s_keys[THREADS];
    __shared__ unsigned short s_values[THREADS];
    __shared__ int counts[DIGITS][WARPS];
    int t = threadIdx.x, lane = t % 32, warp = t / 32, at = blockIdx.x * THREADS + t;
    unsigned key = keys[at];
    unsigned short value = values[at];
    for (int shift = 0; shift < 32; shift += 4) {
#ifdef FAULT
        unsigned digit = key >> shift;
#else
        unsigned digit = key >> shift & (DIGITS - 1);
#endif
        if (lane < DIGITS) counts[lane][warp] = 0;
        __syncwarp();
        unsigned same = __match_any_sync(~0u, digit);
        int rank = __popc(same & ((1u << lane) - 1));
        if (rank == 0)
            counts[digit][warp] = __popc(same);  // FAULT
        __syncthreads();
        if (t < DIGITS * WARPS) {
            int *flat = &counts[0][0];
            int before = 0;
            for (int i = 0; i < t; ++i) before += flat[i];
            asm volatile("bar.sync 1, 64;" ::: "memory");
            flat[t] = before;
        }
        __syncthreads();
        int place = counts[digit][warp] + rank;
        s_keys[place] = key;
        s_values[place] = value;
        __syncthreads();
        key = s_keys[t];
        value = s_values[t];
    }
    keys[at] = key;
    values[at] = value;
}
