// Attention with a running maximum: a warp has a query, blocks of keys and values are in shared memory.
// nvcc -arch=sm_80 -lineinfo -O3
constexpr int DEPTH = 32, KEYS = 16, WARPS = 4;

extern "C" __global__ void attend(const float *q, const float *k, const float *v, float *out, int n, float scale) {
    __shared__ float s_k[KEYS][DEPTH + 1], s_v[KEYS][DEPTH];
    int lane = threadIdx.x, warp = threadIdx.y;
    int query = blockIdx.x * WARPS + warp;
    float own = q[query * DEPTH + lane], most = -INFINITY, total = 0, sum = 0;
    for (int start = 0; start < n; start += KEYS) {
        for (int key = warp; key < KEYS; key += WARPS) {
            s_k[key][lane] = k[(start + key) * DEPTH + lane];
            s_v[key][lane] = v[(start + key) * DEPTH + lane];
        }
        __syncthreads();  // FAULT, under some seeds
        for (int key = 0; key < KEYS && start + key <= query; ++key) {
            float score = own * s_k[key][lane];
            for (int offset = 16; offset > 0; offset /= 2) score += __shfl_xor_sync(~0u, score, offset);
            score *= scale;
            float larger = fmaxf(most, score), rescale = __expf(most - larger), weight = __expf(score - larger);
            total = total * rescale + weight;
            sum = sum * rescale + weight * s_v[key][lane];
            most = larger;
        }
#ifdef FAULT
        // No key behind the query counts: but the others of the block still wait.
        if (start + KEYS >= query) break;
#endif
        __syncthreads();  // FAULT
    }
    out[query * DEPTH + lane] = sum / total;
}
