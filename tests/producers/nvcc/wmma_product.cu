// C = A B + C by the warp matrix functions, each warp a tile of 16 x 16.
// nvcc -arch=sm_75 -lineinfo
#include <mma.h>
using namespace nvcuda::wmma;

extern "C" __global__ void product(const __half *a, const __half *b, float *c, int n, int k) {
    int row = blockIdx.y * 16, column = (blockIdx.x * blockDim.y + threadIdx.y) * 16;
    fragment<matrix_a, 16, 16, 16, __half, row_major> f_a;
    fragment<matrix_b, 16, 16, 16, __half, col_major> f_b;
    fragment<accumulator, 16, 16, 16, float> sums;
    load_matrix_sync(sums, c + row * n + column, n, mem_row_major);
    for (int start = 0; start < k; start += 16) {
        load_matrix_sync(f_a, a + row * k + start, k);
#ifdef FAULT
        load_matrix_sync(f_b, b + column * k + start, 2 * k);  // FAULT
#else
        load_matrix_sync(f_b, b + column * k + start, k);
#endif
        mma_sync(sums, f_a, f_b, sums);
    }
    for (int i = 0; i < sums.num_elements; ++i) sums.x[i] *= 0.5f;
    store_matrix_sync(c + row * n + column, sums, n, mem_row_major);
}
