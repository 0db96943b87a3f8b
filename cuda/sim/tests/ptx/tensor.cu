// Asynchronous copies, barriers in shared memory and products of matrices by warps, as CUDA C++ has them.
#include <cooperative_groups.h>
#include <cuda/barrier>
#include <cuda/pipeline>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_pipeline.h>
#include <mma.h>

namespace cg = cooperative_groups;

// A tiled product of halves, 64 by 64 a block of 128 threads: two stages of asynchronous copies,
// ldmatrix, mma. M, N and K are multiples of 64, 64 and 32.
extern "C" __global__ void halves(const __half *a, const __half *b, float *c, int n, int k) {
    constexpr int PITCH_A = 32 + 8, PITCH_B = 64 + 8;
    __shared__ __align__(16) __half s_a[2][64 * PITCH_A];
    __shared__ __align__(16) __half s_b[2][32 * PITCH_B];
    int row0 = blockIdx.y * 64, col0 = blockIdx.x * 64;
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    auto fill = [&](int stage, int depth) {
        for (int i = threadIdx.x; i < 64 * 4; i += 128) {
            int row = i / 4, part = i % 4;
            __pipeline_memcpy_async(&s_a[stage][row * PITCH_A + part * 8],
                                    &a[(size_t)(row0 + row) * k + depth + part * 8], 16);
        }
        for (int i = threadIdx.x; i < 32 * 8; i += 128) {
            int row = i / 8, part = i % 8;
            __pipeline_memcpy_async(&s_b[stage][row * PITCH_B + part * 8],
                                    &b[(size_t)(depth + row) * n + col0 + part * 8], 16);
        }
        __pipeline_commit();
    };
    float sums[8][4] = {};
    fill(0, 0);
    for (int depth = 0; depth < k; depth += 32) {
        int stage = depth / 32 % 2;
        if (depth + 32 < k) {
            fill(stage ^ 1, depth + 32);
            __pipeline_wait_prior(1);
        } else {
            __pipeline_wait_prior(0);
        }
        __syncthreads();
        for (int step = 0; step < 32; step += 16) {
            unsigned fa[4];
            unsigned at = __cvta_generic_to_shared(
                &s_a[stage][(warp * 16 + lane % 16) * PITCH_A + step + lane / 16 * 8]);
            asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                         : "=r"(fa[0]), "=r"(fa[1]), "=r"(fa[2]), "=r"(fa[3]) : "r"(at) : "memory");
            for (int tile = 0; tile < 8; tile++) {
                unsigned fb[2];
                at = __cvta_generic_to_shared(
                    &s_b[stage][(step + lane % 16) * PITCH_B + tile * 8]);
                asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
                             : "=r"(fb[0]), "=r"(fb[1]) : "r"(at) : "memory");
                asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
                             "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                             : "+f"(sums[tile][0]), "+f"(sums[tile][1]), "+f"(sums[tile][2]),
                               "+f"(sums[tile][3])
                             : "r"(fa[0]), "r"(fa[1]), "r"(fa[2]), "r"(fa[3]), "r"(fb[0]),
                               "r"(fb[1]));
            }
        }
        __syncthreads();
    }
    for (int tile = 0; tile < 8; tile++) {
        int row = row0 + warp * 16 + lane / 4, col = col0 + tile * 8 + lane % 4 * 2;
        *(float2 *)&c[(size_t)row * n + col] = make_float2(sums[tile][0], sums[tile][1]);
        *(float2 *)&c[(size_t)(row + 8) * n + col] = make_float2(sums[tile][2], sums[tile][3]);
    }
}

// The same by nvcuda::wmma, straight from global memory: a warp a tile of 16 by 16.
extern "C" __global__ void fragments(const __half *a, const __half *b, float *c, int n, int k) {
    using namespace nvcuda;
    wmma::fragment<wmma::matrix_a, 16, 16, 16, __half, wmma::row_major> fa;
    wmma::fragment<wmma::matrix_b, 16, 16, 16, __half, wmma::row_major> fb;
    wmma::fragment<wmma::accumulator, 16, 16, 16, float> fc;
    wmma::fill_fragment(fc, 0.0f);
    for (int depth = 0; depth < k; depth += 16) {
        wmma::load_matrix_sync(fa, a + (size_t)blockIdx.y * 16 * k + depth, k);
        wmma::load_matrix_sync(fb, b + (size_t)depth * n + blockIdx.x * 16, n);
        wmma::mma_sync(fc, fa, fb, fc);
    }
    wmma::store_matrix_sync(c + (size_t)blockIdx.y * 16 * n + blockIdx.x * 16, fc, n,
                            wmma::mem_row_major);
}

// Bytes, the second factor and the result column by column: a warp a tile of 32 by 8.
extern "C" __global__ void bytes(const signed char *a, const signed char *b, int *c, int m, int k) {
    using namespace nvcuda;
    wmma::fragment<wmma::matrix_a, 32, 8, 16, signed char, wmma::row_major> fa;
    wmma::fragment<wmma::matrix_b, 32, 8, 16, signed char, wmma::col_major> fb;
    wmma::fragment<wmma::accumulator, 32, 8, 16, int> fc;
    wmma::fill_fragment(fc, 7);
    for (int depth = 0; depth < k; depth += 16) {
        wmma::load_matrix_sync(fa, a + (size_t)blockIdx.y * 32 * k + depth, k);
        wmma::load_matrix_sync(fb, b + (size_t)blockIdx.x * 8 * k + depth, k);
        wmma::mma_sync(fc, fa, fb, fc);
    }
    wmma::store_matrix_sync(c + (size_t)blockIdx.x * 8 * m + blockIdx.y * 32, fc, m,
                            wmma::mem_col_major);
}

// Each block turns its numbers round, tile by tile: copies are told to a cuda::barrier.
extern "C" __global__ void turned(const int *in, int *out, int tiles) {
    __shared__ cuda::barrier<cuda::thread_scope_block> bar;
    __shared__ __align__(16) int tile[4 * 64];
    auto block = cg::this_thread_block();
    if (block.thread_rank() == 0) {
        init(&bar, block.size());
    }
    block.sync();
    for (int i = 0; i < tiles; i++) {
        const int *from = in + ((size_t)blockIdx.x * tiles + i) * 256;
        cuda::memcpy_async(block, tile, from, cuda::aligned_size_t<16>(sizeof(tile)), bar);
        bar.arrive_and_wait();
        for (int j = block.thread_rank(); j < 256; j += block.size()) {
            out[((size_t)blockIdx.x * tiles + i) * 256 + j] = tile[255 - j];
        }
        block.sync();
    }
}

// Half of the block squares what the other half has written: two cuda::barriers.
extern "C" __global__ void handed(const int *in, int *out, int count) {
    __shared__ cuda::barrier<cuda::thread_scope_block> bars[2];
    __shared__ int buffer[32];
    int lane = threadIdx.x % 32;
    if (threadIdx.x == 0) {
        init(&bars[0], 64);
        init(&bars[1], 64);
    }
    __syncthreads();
    if (threadIdx.x < 32) {
        for (int i = 0; i < count; i++) {
            if (i > 0) {
                bars[1].arrive_and_wait();
            }
            buffer[lane] = in[i * 32 + lane];
            (void)bars[0].arrive();
        }
        (void)bars[1].arrive();
    } else {
        for (int i = 0; i < count; i++) {
            bars[0].arrive_and_wait();
            int value = buffer[31 - lane];
            (void)bars[1].arrive();
            out[i * 32 + lane] = value * value;
        }
    }
}

// Adds up tiles of 64 numbers for each thread of 64, three stages of a cuda::pipeline ahead. Half of the
// threads fill the tiles, half of them use them.
extern "C" __global__ void staged(const int *in, int *out, int tiles) {
    constexpr int STAGES = 3;
    __shared__ cuda::pipeline_shared_state<cuda::thread_scope_block, STAGES> state;
    __shared__ int tile[STAGES][64];
    auto block = cg::this_thread_block();
    bool fills = threadIdx.x < 32;
    auto pipe = cuda::make_pipeline(block, &state,
                                    fills ? cuda::pipeline_role::producer
                                          : cuda::pipeline_role::consumer);
    int sum = 0;
    for (int i = 0; i < tiles; i++) {
        if (fills) {
            pipe.producer_acquire();
            for (int j = threadIdx.x; j < 64; j += 32) {
                cuda::memcpy_async(&tile[i % STAGES][j], &in[i * 64 + j],
                                   cuda::aligned_size_t<4>(4), pipe);
            }
            pipe.producer_commit();
        } else {
            pipe.consumer_wait();
            sum = sum * 3 + tile[i % STAGES][63 - threadIdx.x % 32] - tile[i % STAGES][threadIdx.x % 32];
            pipe.consumer_release();
        }
    }
    if (!fills) {
        out[threadIdx.x - 32] = sum;
    }
}
