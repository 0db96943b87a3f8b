// Products of 8-bit integers, four at a time, with sums of 32 bits.
// nvcc -arch=sm_75 -lineinfo
extern "C" __global__ void rows(const signed char *a, const signed char *x, int *y, int columns) {
    int row = blockIdx.x * blockDim.x + threadIdx.x;
    const int *packed_x = reinterpret_cast<const int *>(x);
    int sum = 0;
#ifdef FAULT
    // The columns were not padded to a multiple of four.
    const signed char *own = a + row * (columns - 1);
#else
    const signed char *own = a + row * columns;
#endif
    for (int i = 0; i < columns / 4; ++i)
        sum = __dp4a(reinterpret_cast<const int *>(own)[i], packed_x[i], sum);  // FAULT
    y[row] = sum;
}

extern "C" __global__ void unsigned_rows(const uchar4 *a, const uchar4 *b, unsigned *sums) {
    int i = threadIdx.x;
    unsigned sum = __dp4a(a[i], b[i], 1u);
    ushort2 wide = make_ushort2(a[i].x * 200, a[i].w * 100);
    sums[i] = __dp2a_lo(wide, b[i], sum) + __dp2a_hi(wide, b[i], 0u);
    sums[i] += __vabsdiffu4(i * 0x01020304u, 0x40302010u) ^ __vadd4(0x80FF7F01u, i) ^ __vmaxs2(i << 14, 0x00028001u);
}
