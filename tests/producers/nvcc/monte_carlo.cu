// Philox, a counter-based generator, and an estimate of pi; xorshift with a state per thread.
// nvcc -arch=sm_75 -lineinfo
__device__ uint4 philox(uint4 counter, uint2 key) {
    for (int round = 0; round < 10; ++round) {
        unsigned high0 = __umulhi(0xD2511F53, counter.x), low0 = 0xD2511F53 * counter.x;
        unsigned high1 = __umulhi(0xCD9E8D57, counter.z), low1 = 0xCD9E8D57 * counter.z;
        counter = make_uint4(high1 ^ counter.y ^ key.x, low1, high0 ^ counter.w ^ key.y, low0);
        key.x += 0x9E3779B9;
        key.y += 0xBB67AE85;
    }
    return counter;
}

extern "C" __global__ void estimate(uint2 key, int rounds, uint4 *last, unsigned long long *inside) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    unsigned count = 0;
    uint4 random;
    for (int round = 0; round < rounds; ++round) {
        random = philox(make_uint4(i, round, 0, 0), key);
        float x = random.x * 0x1p-32f, y = random.y * 0x1p-32f;
        count += x * x + y * y < 1;
    }
    last[i] = random;
    for (int offset = 16; offset > 0; offset /= 2) count += __shfl_down_sync(~0u, count, offset);
    if (threadIdx.x % 32 == 0)
#ifdef FAULT
        *inside += count;  // FAULT
#else
        atomicAdd(inside, count);
#endif
}

extern "C" __global__ void shifts(unsigned long long *states, int steps) {
    unsigned long long state = states[threadIdx.x];
    while (steps-- > 0) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    states[threadIdx.x] = state;
}
