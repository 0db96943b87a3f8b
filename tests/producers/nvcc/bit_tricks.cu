// Counting, reversing and moving bits, and a table of them that a warp shares.
// nvcc -arch=sm_80 -lineinfo
extern "C" __global__ void bits(const unsigned *values, unsigned *results) {
    __shared__ unsigned table[32];
    int lane = threadIdx.x;
    unsigned x = values[lane];
    table[lane] = x;  // FAULT
#ifndef FAULT
    __syncwarp();
#endif
    unsigned y = table[(lane + 1) % 32];  // FAULT
    unsigned long long wide = (unsigned long long)y << 32 | x;
    unsigned mixed[] = {
        (unsigned)__popc(x),
        (unsigned)__popcll(wide),
        (unsigned)__clz(x),
        (unsigned)__clzll(wide),
        (unsigned)__ffs(x),
        (unsigned)__ffsll(wide >> 40),
        __brev(x),
        (unsigned)(__brevll(wide) >> 16),
        __byte_perm(x, y, 0x5160),
        __funnelshift_l(x, y, lane),
        __funnelshift_rc(x, y, 2 * lane),
        (unsigned)__mulhi((int)x, (int)y),
        __umulhi(x, y),
        (unsigned)(__umul64hi(wide, ~wide) >> 32),
        (unsigned)__hadd((int)x, (int)y),
        __urhadd(x, y),
        __usad(x, y, 7),
        (x & y) ^ (~x | y << 3),
        __reduce_xor_sync(~0u, x),
        __reduce_max_sync(~0u, x & 0xFFFF),
        __match_any_sync(~0u, x % 4),
        __fns(x, 31, -2),
    };
    unsigned count = sizeof(mixed) / sizeof(mixed[0]);
    for (unsigned k = 0; k < count; ++k) results[lane * count + k] = mixed[k];
}
