// Programs whose blocks work in clusters, as CUDA's guide writes them: for tests/clusters.rs.
#include <cooperative_groups.h>
#include <utility>

namespace cg = cooperative_groups;

// What each block knows of itself and its cluster.
extern "C" __global__ void who(unsigned* out) {
  __shared__ unsigned word;
  cg::cluster_group cluster = cg::this_cluster();
  unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  unsigned* mine = out + 8 * block;
  if (threadIdx.x == 0) {
    dim3 index = cluster.block_index(), size = cluster.dim_blocks();
    mine[0] = cluster.block_rank();
    mine[1] = cluster.num_blocks();
    mine[2] = index.x | index.y << 8 | index.z << 16;
    mine[3] = size.x | size.y << 8 | size.z << 16;
    mine[4] = cluster.num_threads();
    mine[5] = cluster.thread_rank();
  }
  if (threadIdx.x == 33) mine[6] = cluster.thread_rank();
  if (threadIdx.x == 34) {
    unsigned* there = cluster.map_shared_rank(&word, cluster.num_blocks() - 1);
    mine[7] = cluster.query_shared_rank(&word) | cluster.query_shared_rank(there) << 8;
  }
}

// A histogram whose bins are spread over the shared memory of a cluster's blocks.
extern "C" __global__ void histogram(unsigned* bins, int n_bins, int bins_per_block, const int* input, int n) {
  extern __shared__ unsigned shared[];
  cg::cluster_group cluster = cg::this_cluster();
  for (int i = threadIdx.x; i < bins_per_block; i += blockDim.x) shared[i] = 0;
  cluster.sync();
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
    int bin = min(max(input[i], 0), n_bins - 1);
    unsigned* there = cluster.map_shared_rank(shared, bin / bins_per_block);
    atomicAdd(there + bin % bins_per_block, 1);
  }
  cluster.sync();
  unsigned first = cluster.block_rank() * bins_per_block;
  for (int i = threadIdx.x; i < bins_per_block && first + i < n_bins; i += blockDim.x)
    atomicAdd(&bins[first + i], shared[i]);
}

// The sum of a row by a cluster: each block sums a part, the first one adds the parts up.
extern "C" __global__ void __cluster_dims__(4, 1, 1) row_sums(const float* in, float* out, int columns) {
  __shared__ float part;
  __shared__ float warps[4];
  cg::cluster_group cluster = cg::this_cluster();
  int row = blockIdx.x / 4, rank = cluster.block_rank();
  float sum = 0;
  for (int i = rank * blockDim.x + threadIdx.x; i < columns; i += 4 * blockDim.x) sum += in[row * columns + i];
  for (int lane = 16; lane > 0; lane /= 2) sum += __shfl_down_sync(~0u, sum, lane);
  if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x == 0) part = warps[0] + warps[1] + warps[2] + warps[3];
  cluster.sync();
  if (rank == 0 && threadIdx.x == 0) {
    float total = 0;
    for (int other = 0; other < 4; other++) total += *cluster.map_shared_rank(&part, other);
    out[row] = total;
  }
  cluster.sync();
}

// Blocks hand numbers on in a ring, by barriers in each other's shared memory.
extern "C" __global__ void ring(const unsigned* in, unsigned* out, int rounds) {
  __shared__ alignas(8) unsigned long long full, empty;
  __shared__ unsigned box[64];
  cg::cluster_group cluster = cg::this_cluster();
  unsigned rank = cluster.block_rank(), n_blocks = cluster.num_blocks(), i = threadIdx.x;
  unsigned full_here = __cvta_generic_to_shared(&full), empty_here = __cvta_generic_to_shared(&empty);
  if (i == 0) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], 64;" ::"r"(full_here));
    asm volatile("mbarrier.init.shared::cta.b64 [%0], 64;" ::"r"(empty_here));
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  }
  cluster.sync();
  unsigned next = (rank + 1) % n_blocks, last = (rank + n_blocks - 1) % n_blocks, full_next, empty_last;
  asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(full_next) : "r"(full_here), "r"(next));
  asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(empty_last) : "r"(empty_here), "r"(last));
  unsigned* there = cluster.map_shared_rank(box, next);
  auto wait = [](unsigned barrier, unsigned parity) {
    unsigned done;
    do {
      asm volatile(
          "{.reg .pred p; mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 p, [%1], %2;\n"
          "selp.u32 %0, 1, 0, p;}" : "=r"(done) : "r"(barrier), "r"(parity) : "memory");
    } while (!done);
  };
  unsigned value = in[blockIdx.x * 64 + i];
  for (int round = 0; round < rounds; round++) {
    // The next block's box is free once it has been emptied.
    if (round > 0) wait(empty_here, (round - 1) & 1);
    there[63 - i] = value;
    asm volatile("mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%0];" ::"r"(full_next) : "memory");
    wait(full_here, round & 1);
    value = box[i] + 1;
    asm volatile("mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%0];" ::"r"(empty_last) : "memory");
  }
  out[blockIdx.x * 64 + i] = value;
  cluster.sync();
}

// Neighbours exchange the edges of a stencil while they compute what needs none.
extern "C" __global__ void stencil(const float* in, float* out, int steps) {
  __shared__ float cells[2][66];
  cg::cluster_group cluster = cg::this_cluster();
  unsigned rank = cluster.block_rank(), n_blocks = cluster.num_blocks(), i = threadIdx.x + 1;
  cells[0][i] = in[blockIdx.x * 64 + threadIdx.x];
  if (i == 1) cells[0][0] = cells[1][0] = 0;
  if (i == 64) cells[0][65] = cells[1][65] = 0;
  cluster.sync();
  for (int step = 0; step < steps; step++) {
    float* now = cells[step % 2];
    if (i == 1 && rank > 0) *cluster.map_shared_rank(&now[65], rank - 1) = now[1];
    if (i == 64 && rank + 1 < n_blocks) *cluster.map_shared_rank(&now[0], rank + 1) = now[64];
    cg::cluster_group::arrival_token token = cluster.barrier_arrive();
    float own = 2 * now[i];
    cluster.barrier_wait(std::move(token));
    cells[(step + 1) % 2][i] = (now[i - 1] + own + now[i + 1]) / 4;
    cluster.sync();
  }
  out[blockIdx.x * 64 + threadIdx.x] = cells[steps % 2][i];
}
