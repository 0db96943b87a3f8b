// Whole programs of the kind that books on CUDA have, each with a result that the host can compute.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cstdio>

// Counts bytes: each block in its shared memory first, then all in global memory.
extern "C" __global__ void histogram(const unsigned char *values, int n, unsigned *counts) {
    __shared__ unsigned local[256];
    for (int k = threadIdx.x; k < 256; k += blockDim.x) local[k] = 0;
    __syncthreads();
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
        atomicAdd(&local[values[i]], 1u);
    __syncthreads();
    for (int k = threadIdx.x; k < 256; k += blockDim.x)
        if (local[k]) atomicAdd(&counts[k], local[k]);
}

__device__ int warp_sum(int value) {
    for (int offset = 16; offset > 0; offset /= 2) value += __shfl_down_sync(0xFFFFFFFF, value, offset);
    return value;
}

// Sum of all values; the block that comes last adds up the sums of all.
extern "C" __global__ void reduce(const int *values, int n, int *partial, unsigned *ticket, int *sum) {
    __shared__ int sums[32];
    __shared__ bool last;
    int total = 0;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) total += values[i];
    total = warp_sum(total);
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
    if (lane == 0) sums[warp] = total;
    __syncthreads();
    if (warp == 0) {
        total = warp_sum(lane < warps ? sums[lane] : 0);
        if (lane == 0) {
            partial[blockIdx.x] = total;
            __threadfence();
            last = atomicAdd(ticket, 1u) == gridDim.x - 1;
        }
    }
    __syncthreads();
    if (last) {
        __threadfence();
        int rest = 0;
        for (int k = threadIdx.x; k < gridDim.x; k += blockDim.x) rest += ((volatile int *)partial)[k];
        rest = warp_sum(rest);
        if (lane == 0) sums[warp] = rest;
        __syncthreads();
        if (threadIdx.x == 0) {
            int all = 0;
            for (int k = 0; k < warps; ++k) all += sums[k];
            *sum = all;
        }
    }
}

// Running sums of up to 2048 values in one block (Blelloch).
extern "C" __global__ void scan(int *values, int n) {
    extern __shared__ int tree[];
    int i = threadIdx.x;
    tree[2 * i] = 2 * i < n ? values[2 * i] : 0;
    tree[2 * i + 1] = 2 * i + 1 < n ? values[2 * i + 1] : 0;
    int offset = 1;
    for (int d = blockDim.x; d > 0; d /= 2, offset *= 2) {
        __syncthreads();
        if (i < d) tree[offset * (2 * i + 2) - 1] += tree[offset * (2 * i + 1) - 1];
    }
    if (i == 0) tree[2 * blockDim.x - 1] = 0;
    for (int d = 1; d < 2 * blockDim.x; d *= 2) {
        offset /= 2;
        __syncthreads();
        if (i < d) {
            int a = offset * (2 * i + 1) - 1, b = offset * (2 * i + 2) - 1;
            int t = tree[a];
            tree[a] = tree[b];
            tree[b] += t;
        }
    }
    __syncthreads();
    if (2 * i < n) values[2 * i] = tree[2 * i];
    if (2 * i + 1 < n) values[2 * i + 1] = tree[2 * i + 1];
}

extern "C" __global__ void transpose(const double *in, double *out, int rows, int columns) {
    __shared__ double tile[16][17];
    int x = blockIdx.x * 16 + threadIdx.x, y = blockIdx.y * 16 + threadIdx.y;
    if (x < columns && y < rows) tile[threadIdx.y][threadIdx.x] = in[y * columns + x];
    __syncthreads();
    x = blockIdx.y * 16 + threadIdx.x;
    y = blockIdx.x * 16 + threadIdx.y;
    if (x < rows && y < columns) out[y * rows + x] = tile[threadIdx.x][threadIdx.y];
}

// A bitonic sorting network of twice as many keys as a block has threads.
extern "C" __global__ void sort(long long *keys) {
    extern __shared__ long long shared_keys[];
    int n = 2 * blockDim.x;
    long long *own = keys + (size_t)blockIdx.x * n;
    for (int i = threadIdx.x; i < n; i += blockDim.x) shared_keys[i] = own[i];
    for (int size = 2; size <= n; size *= 2) {
        for (int stride = size / 2; stride > 0; stride /= 2) {
            __syncthreads();
            int i = 2 * threadIdx.x - (threadIdx.x & (stride - 1));
            bool up = (i & size) == 0;
            long long a = shared_keys[i], b = shared_keys[i + stride];
            if ((a > b) == up) {
                shared_keys[i] = b;
                shared_keys[i + stride] = a;
            }
        }
    }
    __syncthreads();
    for (int i = threadIdx.x; i < n; i += blockDim.x) own[i] = shared_keys[i];
}

// Quicksort by recursion, each thread a row of its own in local memory.
__device__ __noinline__ void quicksort(short *first, short *last) {
    if (last - first < 2) return;
    short pivot = first[(last - first) / 2];
    short *i = first, *j = last - 1;
    while (i <= j) {
        while (*i < pivot) ++i;
        while (*j > pivot) --j;
        if (i <= j) {
            short t = *i;
            *i++ = *j;
            *j-- = t;
        }
    }
    quicksort(first, j + 1);
    quicksort(i, last);
}

extern "C" __global__ void quicksorts(short *rows, int length) {
    short own[48];
    short *row = rows + (blockIdx.x * blockDim.x + threadIdx.x) * length;
    for (int k = 0; k < length; ++k) own[k] = row[k];
    quicksort(own, own + length);
    for (int k = 0; k < length; ++k) row[k] = own[k];
}

// A list in the heap that threads push to without locks, and one of them takes down.
struct Node {
    int value;
    Node *next;
};

extern "C" __global__ void lists(Node **heads, int *sums) {
    Node *node = (Node *)malloc(sizeof(Node));
    node->value = threadIdx.x + 1000 * blockIdx.x;
    Node *expected = *(Node *volatile *)(heads + blockIdx.x);
    for (;;) {
        node->next = expected;
        __threadfence();
        Node *found = (Node *)atomicCAS((unsigned long long *)(heads + blockIdx.x), (unsigned long long)expected,
                                        (unsigned long long)node);
        if (found == expected) break;
        expected = found;
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        int sum = 0;
        for (Node *at = heads[blockIdx.x]; at;) {
            sum += at->value;
            Node *next = at->next;
            free(at);
            at = next;
        }
        heads[blockIdx.x] = nullptr;
        sums[blockIdx.x] = sum;
    }
}

// Dot products in half precision and in bf16, with sums in single precision and packed.
extern "C" __global__ void dots(const __half2 *a, const __half2 *b, const __nv_bfloat16 *c, float *out, int pairs) {
    int i = threadIdx.x;
    float sum = 0.0f;
    __half2 packed = __float2half2_rn(0.0f);
    float brain = 0.0f;
    for (int k = 0; k < pairs; ++k) {
        __half2 x = a[i * pairs + k], y = b[i * pairs + k];
        float2 product = __half22float2(__hmul2(x, y));
        sum += product.x + product.y;
        packed = __hfma2(x, y, packed);
        brain += __bfloat162float(c[i * pairs + k]);
    }
    out[3 * i] = sum;
    out[3 * i + 1] = __low2float(packed) + __high2float(packed);
    out[3 * i + 2] = brain;
}

// What is printed comes out whole, line by line, in any order.
extern "C" __global__ void prints(int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) printf("%d of %d: %s %5.2f %c %llx\n", i, n, i % 2 ? "odd" : "even", i * 0.5, 'a' + i % 26,
                      (unsigned long long)i << 33);
}

// Game of life on a torus: reads of neighbours, integer division, several launches.
extern "C" __global__ void life(const unsigned char *in, unsigned char *out, int width, int height) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= width * height) return;
    int x = i % width, y = i / width, count = 0;
    for (int dy = -1; dy <= 1; ++dy)
        for (int dx = -1; dx <= 1; ++dx)
            if (dx || dy) count += in[(y + dy + height) % height * width + (x + dx + width) % width];
    out[i] = count == 3 || (count == 2 && in[i]);
}

// Matrix product with tiles in shared memory and double buffers.
extern "C" __global__ void product(const float *a, const float *b, float *c, int m, int n, int k) {
    __shared__ float ta[2][16][16], tb[2][16][16];
    int tx = threadIdx.x, ty = threadIdx.y, row = blockIdx.y * 16 + ty, column = blockIdx.x * 16 + tx;
    float sum = 0.0f;
    int at = 0;
    for (int start = 0; start < k; start += 16, at ^= 1) {
        ta[at][ty][tx] = row < m && start + tx < k ? a[row * k + start + tx] : 0.0f;
        tb[at][ty][tx] = column < n && start + ty < k ? b[(start + ty) * n + column] : 0.0f;
        __syncthreads();
        for (int j = 0; j < 16; ++j) sum = fmaf(ta[at][ty][j], tb[at][j][tx], sum);
    }
    if (row < m && column < n) c[row * n + column] = sum;
}
