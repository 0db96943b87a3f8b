// C = A B by tiles in shared memory, each thread a column of four elements.
// nvcc -arch=sm_75 -lineinfo
constexpr int TILE = 16, ROWS = 4;

extern "C" __global__ void product(const float *a, const float *b, float *c, int m, int n, int k) {
    __shared__ float s_a[TILE][TILE], s_b[TILE][TILE];
    int column = blockIdx.x * TILE + threadIdx.x, row = blockIdx.y * TILE + threadIdx.y;
    float sums[ROWS] = {};
    for (int start = 0; start < k; start += TILE) {
        for (int r = threadIdx.y; r < TILE; r += TILE / ROWS) {
            int y = blockIdx.y * TILE + r, x = start + threadIdx.x;
            s_a[r][threadIdx.x] = y < m && x < k ? a[y * k + x] : 0;              // FAULT
            s_b[r][threadIdx.x] = start + r < k && column < n ? b[(start + r) * n + column] : 0;  // FAULT
        }
        __syncthreads();
        for (int j = 0; j < TILE; ++j)
            for (int r = 0; r < ROWS; ++r)
                sums[r] += s_a[threadIdx.y + r * TILE / ROWS][j] * s_b[j][threadIdx.x];  // FAULT
#ifndef FAULT
        __syncthreads();
#endif
    }
    for (int r = 0; r < ROWS; ++r) {
        int y = row + r * TILE / ROWS;
        if (y < m && column < n) c[y * n + column] = sums[r];
    }
}
