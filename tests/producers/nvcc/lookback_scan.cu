// Running sums in one pass: each block looks back at what the blocks before it have published.
// nvcc -arch=sm_75 -lineinfo
enum State { nothing, aggregate, prefix };

struct Tile {
    int aggregate, prefix, state;
};

__device__ int warp_scan(int value) {
    for (int offset = 1; offset < 32; offset *= 2) {
        int left = __shfl_up_sync(~0u, value, offset);
        if (threadIdx.x % 32 >= offset) value += left;
    }
    return value;
}

__device__ void publish(Tile *tile, int state) {
#ifndef FAULT
    __threadfence();
#endif
    atomicExch(&tile->state, state);
}

// What comes before the block: sums of whole tiles until one knows its own prefix.
__device__ int look_back(Tile *tiles, int tile) {
    int before = 0;
    for (int at = tile - 1; at >= 0; --at) {
        int state;
        while ((state = atomicAdd(&tiles[at].state, 0)) == nothing) {}
        __threadfence();
        if (state == prefix)
            return before + tiles[at].prefix;  // FAULT
        before += tiles[at].aggregate;  // FAULT, under some seeds
    }
    return before;
}

extern "C" __global__ void scan(const int *values, int *sums, int n, Tile *tiles, int *next) {
    __shared__ int warps[32], tile, before;
    // Blocks take tiles in the order in which they start, so that none waits for one that has not.
    if (threadIdx.x == 0) tile = atomicAdd(next, 1);
    __syncthreads();
    int i = tile * blockDim.x + threadIdx.x, lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    int sum = warp_scan(i < n ? values[i] : 0);
    if (lane == 31) warps[warp] = sum;
    __syncthreads();
    if (warp == 0) {
        int all = warp_scan(lane < blockDim.x / 32 ? warps[lane] : 0);
        if (lane < blockDim.x / 32) warps[lane] = all;
        if (lane == blockDim.x / 32 - 1) {
            tiles[tile].aggregate = all;  // FAULT, under some seeds
            publish(&tiles[tile], aggregate);
            before = look_back(tiles, tile);
            tiles[tile].prefix = before + all;  // FAULT
            publish(&tiles[tile], prefix);
        }
    }
    __syncthreads();
    if (warp > 0) sum += warps[warp - 1];
    if (i < n) sums[i] = before + sum;
}
