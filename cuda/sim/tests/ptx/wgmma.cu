// Products of matrices by warpgroups, as CUDA C++ has them: operands in shared memory, swizzled, in both
// orders, or in registers.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cstdint>

__device__ uint64_t descriptor(const void *tile, int leading, int stride, int swizzle) {
    uint64_t address = __cvta_generic_to_shared(tile);
    return (address & 0x3ffff) >> 4 | (uint64_t)(leading >> 4) << 16 | (uint64_t)(stride >> 4) << 32 |
           (uint64_t)swizzle << 62;
}

__device__ void begin() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ void commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int NEWEST>
__device__ void wait() { asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(NEWEST) : "memory"); }
// Keeps the compiler from touching a register here.
__device__ void hold(float &value) { asm volatile("" : "+f"(value)::"memory"); }
__device__ void publish() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

#define SUMS32 "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, " \
    "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}"
#define HOLD8(d, i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), \
    "+f"(d[i + 5]), "+f"(d[i + 6]), "+f"(d[i + 7])
#define HOLD32(d) HOLD8(d, 0), HOLD8(d, 8), HOLD8(d, 16), HOLD8(d, 24)

enum Type { HALF, BFLOAT, TF32 };

// 64 by 64 sums of a warpgroup. TURNED_A and TURNED_B: the rows or columns lie side by side.
template <Type TYPE, int TURNED_A, int TURNED_B>
__device__ void multiply(float (&d)[32], uint64_t a, uint64_t b, int adds) {
    if constexpr (TYPE == HALF) {
        asm volatile("{.reg .pred p; setp.ne.b32 p, %34, 0;"
                     "wgmma.mma_async.sync.aligned.m64n64k16.f32.f16.f16 " SUMS32
                     ", %32, %33, p, 1, 1, %35, %36;}"
                     : HOLD32(d) : "l"(a), "l"(b), "r"(adds), "n"(TURNED_A), "n"(TURNED_B));
    } else if constexpr (TYPE == BFLOAT) {
        asm volatile("{.reg .pred p; setp.ne.b32 p, %34, 0;"
                     "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 " SUMS32
                     ", %32, %33, p, 1, 1, %35, %36;}"
                     : HOLD32(d) : "l"(a), "l"(b), "r"(adds), "n"(TURNED_A), "n"(TURNED_B));
    } else {
        asm volatile("{.reg .pred p; setp.ne.b32 p, %34, 0;"
                     "wgmma.mma_async.sync.aligned.m64n64k8.f32.tf32.tf32 " SUMS32
                     ", %32, %33, p, 1, 1;}"
                     : HOLD32(d) : "l"(a), "l"(b), "r"(adds));
    }
}

// As above, with the first factor in registers, and subtracted.
__device__ void subtract(float (&d)[32], const uint32_t (&a)[4], uint64_t b) {
    asm volatile("wgmma.mma_async.sync.aligned.m64n64k16.f32.f16.f16 " SUMS32
                 ", {%32, %33, %34, %35}, %36, 1, -1, 1, 1;"
                 : HOLD32(d) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
}

// The sums of a warpgroup to their place in a matrix of n columns.
__device__ void store(const float (&d)[32], float *c, int n) {
    int warp = threadIdx.x / 32 % 4, lane = threadIdx.x % 32;
    for (int i = 0; i < 32; i += 2) {
        int row = 16 * warp + lane / 4 + i / 2 % 2 * 8, column = i / 4 * 8 + lane % 4 * 2;
        *(float2 *)&c[(size_t)row * n + column] = make_float2(d[i], d[i + 1]);
    }
}

// A tile of 128-byte rows, swizzled: 16 bytes each thread.
__device__ void fill(char *tile, const char *from, size_t pitch, int rows) {
    for (int i = threadIdx.x; i < rows * 8; i += blockDim.x) {
        int row = i / 8, part = i % 8;
        *(uint4 *)&tile[row * 128 + (part ^ row % 8) * 16] =
            *(const uint4 *)&from[row * pitch + part * 16];
    }
}

// c = a * b, 64 by 64 a warpgroup, as many warpgroups below each other as the block has. Steps of 128
// bytes in depth. a is m by k, or k by m; b is n by k, or k by n.
template <typename T, Type TYPE, int TURNED_A, int TURNED_B>
__device__ void product(const T *a, const T *b, float *c, int m, int n, int k) {
    constexpr int STEP = 128 / sizeof(T);
    extern __shared__ __align__(1024) char tiles[];
    int groups = blockDim.x / 128, group = threadIdx.x / 128;
    char *s_a = tiles, *s_b = tiles + groups * 64 * 128;
    int row0 = blockIdx.y * 64 * groups, column0 = blockIdx.x * 64;
    float d[32] = {};
    for (int depth = 0; depth < k; depth += STEP) {
        if (TURNED_A) {
            for (int i = 0; i < groups; i++) {
                fill(s_a + i * 64 * 128, (const char *)&a[(size_t)depth * m + row0 + 64 * i],
                     m * sizeof(T), 64);
            }
        } else {
            fill(s_a, (const char *)&a[(size_t)row0 * k + depth], k * sizeof(T), 64 * groups);
        }
        if (TURNED_B) {
            fill(s_b, (const char *)&b[(size_t)depth * n + column0], n * sizeof(T), 64);
        } else {
            fill(s_b, (const char *)&b[(size_t)column0 * k + depth], k * sizeof(T), 64);
        }
        publish();
        __syncthreads();
        for (float &value : d) hold(value);
        begin();
        for (int part = 0; part < 4; part++) {
            // A quarter of the depth: 32 bytes of each row, or 16 rows.
            int in_a = TURNED_A ? part * 16 * 128 : part * 32;
            int in_b = TURNED_B ? part * 16 * 128 : part * 32;
            multiply<TYPE, TURNED_A, TURNED_B>(
                d, descriptor(s_a + group * 64 * 128 + in_a, 0, 1024, 1),
                descriptor(s_b + in_b, 0, 1024, 1), depth + part > 0);
        }
        commit();
        for (float &value : d) hold(value);
        wait<0>();
        __syncthreads();
    }
    store(d, &c[(size_t)(row0 + 64 * group) * n + column0], n);
}

#define PRODUCT(name, T, TYPE, TURNED_A, TURNED_B)                                                     \
    extern "C" __global__ void name(const T *a, const T *b, float *c, int m, int n, int k) {           \
        product<T, TYPE, TURNED_A, TURNED_B>(a, b, c, m, n, k);                                        \
    }
PRODUCT(halves_tn, __half, HALF, 0, 0)
PRODUCT(halves_tt, __half, HALF, 0, 1)
PRODUCT(halves_nn, __half, HALF, 1, 0)
PRODUCT(halves_nt, __half, HALF, 1, 1)
PRODUCT(bfloats_tn, __nv_bfloat16, BFLOAT, 0, 0)
PRODUCT(bfloats_nt, __nv_bfloat16, BFLOAT, 1, 1)
PRODUCT(tf32s_tn, float, TF32, 0, 0)

// c = -a * b for one warpgroup, a from registers, b in two stages of which one is filled while the other
// is used. b is k by n, 64 columns; steps of 16 in depth.
extern "C" __global__ void staged(const __half *a, const __half *b, float *c, int k) {
    __shared__ __align__(1024) char tile[2][16 * 128];
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    float d[32] = {};
    uint32_t fragment[2][4];
    auto load = [&](uint32_t (&fragment)[4], int depth) {
        for (int i = 0; i < 4; i++) {
            int row = 16 * warp + lane / 4 + i % 2 * 8, column = depth + lane % 4 * 2 + i / 2 * 8;
            fragment[i] = *(const uint32_t *)&a[(size_t)row * k + column];
        }
    };
    fill(tile[0], (const char *)b, 128, 16);
    load(fragment[0], 0);
    publish();
    __syncthreads();
    // Two steps a turn, so that the fragments stay in registers.
    for (int depth = 0; depth < k; depth += 32) {
        for (int half = 0; half < 2; half++) {
            for (float &value : d) hold(value);
            begin();
            subtract(d, fragment[half], descriptor(tile[half], 0, 1024, 1));
            commit();
            int next = depth + 16 * half + 16;
            // Who used the other stage is done with it.
            wait<1>();
            __syncthreads();
            if (next < k) {
                fill(tile[half ^ 1], (const char *)&b[(size_t)next * 64], 128, 16);
                load(fragment[half ^ 1], next);
                publish();
            }
            __syncthreads();
        }
    }
    wait<0>();
    for (float &value : d) hold(value);
    store(d, c, 64);
}
