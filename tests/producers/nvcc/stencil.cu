// Five points of a plane, by a tile with its halo in shared memory.
// nvcc -arch=sm_75 -lineinfo
constexpr int SIDE = 16;

extern "C" __global__ void diffuse(const float *in, float *out, int width, int height) {
    __shared__ float tile[SIDE + 2][SIDE + 2];
    int x = blockIdx.x * SIDE + threadIdx.x, y = blockIdx.y * SIDE + threadIdx.y;
    auto at = [&](int x, int y) { return in[min(max(y, 0), height - 1) * width + min(max(x, 0), width - 1)]; };
    int tx = threadIdx.x + 1, ty = threadIdx.y + 1;
    tile[ty][tx] = at(x, y);
    if (threadIdx.x == 0) {
        tile[ty][0] = at(x - 1, y);
#ifndef FAULT
        tile[ty][SIDE + 1] = at(x + SIDE, y);
#endif
    }
    if (threadIdx.y == 0) {
        tile[0][tx] = at(x, y - 1);
        tile[SIDE + 1][tx] = at(x, y + SIDE);
    }
    __syncthreads();
    float sides = tile[ty][tx - 1] + tile[ty - 1][tx] + tile[ty + 1][tx];
    if (x < width && y < height) {
        sides += tile[ty][tx + 1];  // FAULT
        out[y * width + x] = tile[ty][tx] + 0.125f * (sides - 4 * tile[ty][tx]);
    }
}
