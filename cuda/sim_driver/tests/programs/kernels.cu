// The kernels of the programs beside this file. NVRTC made `kernels.ptx` of them, with
// `--gpu-architecture=compute_80`: `python3 compile.py`, which wants `cuda-bindings` and
// `nvidia-cuda-nvrtc` from PyPI.

#define TILE 8

__device__ int launches[2] = {0, 40};

/// c[i] = a[i] + b[i]
extern "C" __global__ void sum(float *c, const float *a, const float *b, unsigned n)
{
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n)
        c[i] = a[i] + b[i];
}

/// c = a b, for square matrices of n rows, by tiles in shared memory.
extern "C" __global__ void product(float *c, const float *a, const float *b, unsigned n)
{
    __shared__ float s_a[TILE][TILE], s_b[TILE][TILE];
    unsigned row = blockIdx.y * TILE + threadIdx.y, column = blockIdx.x * TILE + threadIdx.x;
    float total = 0;
    for (unsigned start = 0; start < n; start += TILE) {
        unsigned x = start + threadIdx.x, y = start + threadIdx.y;
        s_a[threadIdx.y][threadIdx.x] = row < n && x < n ? a[row * n + x] : 0;
        s_b[threadIdx.y][threadIdx.x] = y < n && column < n ? b[y * n + column] : 0;
        __syncthreads();
        for (unsigned k = 0; k < TILE; ++k)
            total += s_a[threadIdx.y][k] * s_b[k][threadIdx.x];
        __syncthreads();
    }
    if (row < n && column < n)
        c[row * n + column] = total;
}

/// Counts its threads in a variable of the module, and the first one says so.
extern "C" __global__ void greet(int number)
{
    atomicAdd(&launches[0], 1);
    if (threadIdx.x == 0)
        printf("greetings %d from block %d\n", number, blockIdx.x);
}

/// Writes behind the end of what it is given.
extern "C" __global__ void overrun(int *values, int n)
{
    values[n] = 1;
}
