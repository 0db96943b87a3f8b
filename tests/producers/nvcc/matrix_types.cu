// Products of matrices of the other types: bfloat16, tf32, doubles and bytes.
// nvcc -arch=sm_80 -lineinfo
#include <mma.h>
using namespace nvcuda;

extern "C" __global__ void bytes(const signed char *a, const signed char *b, int *d) {
    int lane = threadIdx.x;
    const int *rows = reinterpret_cast<const int *>(a), *columns = reinterpret_cast<const int *>(b);
    int first = lane / 4 * 8 + lane % 4, sums[4] = {1, 2, 3, 4};
#ifdef FAULT
    if (lane == 31) return;
#endif
    asm volatile("mma.sync.aligned.m16n8k32.row.col.satfinite.s32.s8.s8.s32 "  // FAULT
                 "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+r"(sums[0]), "+r"(sums[1]), "+r"(sums[2]), "+r"(sums[3])
                 : "r"(rows[first]), "r"(rows[first + 64]), "r"(rows[first + 4]), "r"(rows[first + 68]),
                   "r"(columns[first]), "r"(columns[first + 4]));
    for (int i = 0; i < 4; ++i) d[(lane / 4 + i / 2 * 8) * 8 + lane % 4 * 2 + i % 2] = sums[i];
}

extern "C" __global__ void doubles(const double *a, const double *b, double *d) {
    wmma::fragment<wmma::matrix_a, 8, 8, 4, double, wmma::row_major> f_a;
    wmma::fragment<wmma::matrix_b, 8, 8, 4, double, wmma::row_major> f_b;
    wmma::fragment<wmma::accumulator, 8, 8, 4, double> sums;
    wmma::fill_fragment(sums, 0.5);
    for (int k = 0; k < 8; k += 4) {
        wmma::load_matrix_sync(f_a, a + k, 8);
        wmma::load_matrix_sync(f_b, b + k * 8, 8);
        wmma::mma_sync(sums, f_a, f_b, sums);
    }
    wmma::store_matrix_sync(d, sums, 8, wmma::mem_col_major);
}

extern "C" __global__ void tf32(const float *a, const float *b, float *d) {
    wmma::fragment<wmma::matrix_a, 16, 16, 8, wmma::precision::tf32, wmma::col_major> f_a;
    wmma::fragment<wmma::matrix_b, 16, 16, 8, wmma::precision::tf32, wmma::row_major> f_b;
    wmma::fragment<wmma::accumulator, 16, 16, 8, float> sums;
    wmma::fill_fragment(sums, 0.0f);
    wmma::load_matrix_sync(f_a, a, 16);
    wmma::load_matrix_sync(f_b, b, 16);
    for (int i = 0; i < f_a.num_elements; ++i) f_a.x[i] = wmma::__float_to_tf32(f_a.x[i]);
    for (int i = 0; i < f_b.num_elements; ++i) f_b.x[i] = wmma::__float_to_tf32(f_b.x[i]);
    wmma::mma_sync(sums, f_a, f_b, sums);
    wmma::store_matrix_sync(d, sums, 16, wmma::mem_row_major);
}

extern "C" __global__ void brains(const __nv_bfloat16 *a, const __nv_bfloat16 *b, float *d) {
    wmma::fragment<wmma::matrix_a, 8, 32, 16, __nv_bfloat16, wmma::row_major> f_a;
    wmma::fragment<wmma::matrix_b, 8, 32, 16, __nv_bfloat16, wmma::col_major> f_b;
    wmma::fragment<wmma::accumulator, 8, 32, 16, float> sums;
    wmma::fill_fragment(sums, -1.0f);
    wmma::load_matrix_sync(f_a, a, 16);
    wmma::load_matrix_sync(f_b, b, 16);
    wmma::mma_sync(sums, f_a, f_b, sums);
    wmma::store_matrix_sync(d, sums, 32, wmma::mem_row_major);
}
