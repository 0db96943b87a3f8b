// Assembly of its own: vectors, predicates, a loop, carries, a block of registers, 64-bit addresses.
// nvcc -arch=sm_80 -lineinfo
__device__ unsigned long long add_wide(unsigned long long a, unsigned long long b) {
    unsigned long long sum;
    asm("{\n\t"
        ".reg .u32 al, ah, bl, bh;\n\t"
        "mov.b64 {al, ah}, %1;\n\t"
        "mov.b64 {bl, bh}, %2;\n\t"
        "add.cc.u32 al, al, bl;\n\t"
        "addc.u32 ah, ah, bh;\n\t"
        "mov.b64 %0, {al, ah};\n\t"
        "}"
        : "=l"(sum) : "l"(a), "l"(b));
    return sum;
}

__device__ int collatz(int n) {
    int steps = 0;
    asm volatile("{\n\t"
                 ".reg .pred one, odd;\n\t"
                 ".reg .s32 n, half, bit;\n\t"
                 "mov.s32 n, %1;\n"
                 "$L_again_%=:\n\t"
                 "setp.eq.s32 one, n, 1;\n\t"
                 "@one bra $L_done_%=;\n\t"
                 "and.b32 bit, n, 1;\n\t"
                 "setp.ne.s32 odd, bit, 0;\n\t"
                 "shr.s32 half, n, 1;\n\t"
                 "@!odd mov.s32 n, half;\n\t"
                 "@odd mad.lo.s32 n, n, 3, 1;\n\t"
                 "add.s32 %0, %0, 1;\n\t"
                 "bra.uni $L_again_%=;\n"
                 "$L_done_%=:\n\t"
                 "}"
                 : "+r"(steps) : "r"(n));
    return steps;
}

extern "C" __global__ void assembly(const uint4 *in, unsigned long long *sums, int *steps) {
    int i = threadIdx.x;
    unsigned x, y, z, w;
#ifdef FAULT
    const uint4 *from = in + blockDim.x * i;
#else
    const uint4 *from = in + i;
#endif
    asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"  // FAULT
                 : "=r"(x), "=r"(y), "=r"(z), "=r"(w) : "l"(from));
    sums[i] = add_wide((unsigned long long)y << 32 | x, (unsigned long long)w << 32 | z);
    steps[i] = collatz(i + 1);
    unsigned lanes, rank;
    asm("mov.u32 %0, %%lanemask_le;" : "=r"(lanes));
    asm("popc.b32 %0, %1;" : "=r"(rank) : "r"(lanes));
    if (rank % 2 == 0) steps[i] = -steps[i];
}
