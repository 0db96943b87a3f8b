// Bulk copies and copies of tensors, in the ways of the CUDA programming guide.
#include <cstdint>
#include <cuda.h>
#include <cuda/barrier>
#include <cuda/ptx>
#include <utility>

namespace ptx = cuda::ptx;
using Barrier = cuda::barrier<cuda::thread_scope_block>;

// A row is added to: one bulk load, one bulk store.
extern "C" __global__ void add_to_row(float *row, float amount) {
  __shared__ alignas(128) float tile[1024];
#pragma nv_diag_suppress static_var_with_dynamic_init
  __shared__ Barrier full;
  if (threadIdx.x == 0) {
    init(&full, blockDim.x);
    ptx::fence_proxy_async(ptx::space_shared);
  }
  __syncthreads();
  float *mine = row + blockIdx.x * 1024;
  Barrier::arrival_token token;
  if (threadIdx.x == 0) {
    cuda::device::memcpy_async_tx(tile, mine, cuda::aligned_size_t<16>(sizeof tile), full);
    token = cuda::device::barrier_arrive_tx(full, 1, sizeof tile);
  } else {
    token = full.arrive();
  }
  full.wait(std::move(token));
  for (int i = threadIdx.x; i < 1024; i += blockDim.x)
    tile[i] += amount;
  ptx::fence_proxy_async(ptx::space_shared);
  __syncthreads();
  if (threadIdx.x == 0) {
    ptx::cp_async_bulk(ptx::space_global, ptx::space_shared, mine, tile, sizeof tile);
    ptx::cp_async_bulk_commit_group();
    ptx::cp_async_bulk_wait_group_read(ptx::n32_t<0>());
  }
}

// A tile of a matrix is scaled in place.
extern "C" __global__ void scale_tile(const __grid_constant__ CUtensorMap map, int factor) {
  __shared__ alignas(128) int tile[8][64];
  __shared__ Barrier full;
  if (threadIdx.x == 0) {
    init(&full, blockDim.x);
    ptx::fence_proxy_async(ptx::space_shared);
  }
  __syncthreads();
  const int32_t at[2] = {int32_t(blockIdx.x * 64), int32_t(blockIdx.y * 8)};
  Barrier::arrival_token token;
  if (threadIdx.x == 0) {
    ptx::cp_async_bulk_tensor(ptx::space_cluster, ptx::space_global, &tile, &map, at,
                              cuda::device::barrier_native_handle(full));
    token = cuda::device::barrier_arrive_tx(full, 1, sizeof tile);
  } else {
    token = full.arrive();
  }
  full.wait(std::move(token));
  for (int i = threadIdx.x; i < 8 * 64; i += blockDim.x)
    tile[i / 64][i % 64] *= factor;
  ptx::fence_proxy_async(ptx::space_shared);
  __syncthreads();
  if (threadIdx.x == 0) {
    ptx::cp_async_bulk_tensor(ptx::space_global, ptx::space_shared, &map, at, &tile);
    ptx::cp_async_bulk_commit_group();
    ptx::cp_async_bulk_wait_group_read(ptx::n32_t<0>());
    (&full)->~Barrier();
  }
}

// A matrix of 32-bit elements is transposed, tile by tile, without bank conflicts: both tiles are swizzled.
extern "C" __global__ void transpose(const __grid_constant__ CUtensorMap from,
                                     const __grid_constant__ CUtensorMap to) {
  __shared__ alignas(1024) int4 in[32][8], out[32][8];
  __shared__ Barrier full;
  if (threadIdx.x == 0) {
    init(&full, blockDim.x);
    ptx::fence_proxy_async(ptx::space_shared);
  }
  __syncthreads();
  const int32_t x = blockIdx.x * 32, y = blockIdx.y * 32;
  Barrier::arrival_token token;
  if (threadIdx.x == 0) {
    const int32_t at[2] = {x, y};
    ptx::cp_async_bulk_tensor(ptx::space_cluster, ptx::space_global, in, &from, at,
                              cuda::device::barrier_native_handle(full));
    token = cuda::device::barrier_arrive_tx(full, 1, sizeof in);
  } else {
    token = full.arrive();
  }
  full.wait(std::move(token));
  for (int i = threadIdx.x; i < 32 * 32; i += blockDim.x) {
    int row = i / 32, column = i % 32;
    int value = reinterpret_cast<int *>(&in[row][(column / 4) ^ (row % 8)])[column % 4];
    reinterpret_cast<int *>(&out[column][(row / 4) ^ (column % 8)])[row % 4] = value;
  }
  ptx::fence_proxy_async(ptx::space_shared);
  __syncthreads();
  if (threadIdx.x == 0) {
    const int32_t at[2] = {y, x};
    ptx::cp_async_bulk_tensor(ptx::space_global, ptx::space_shared, &to, at, out);
    ptx::cp_async_bulk_commit_group();
    ptx::cp_async_bulk_wait_group_read(ptx::n32_t<0>());
  }
}

// Column sums of a matrix: a producer warp fills two stages, the others empty them, and the sums are added
// to the result by a reducing bulk copy.
extern "C" __global__ void column_sums(const __grid_constant__ CUtensorMap map, int tiles, float *sums) {
  constexpr int STAGES = 2, ROWS = 16, COLUMNS = 96;
  __shared__ alignas(128) float tile[STAGES][ROWS][COLUMNS];
  __shared__ alignas(128) float partial[COLUMNS];
  __shared__ uint64_t full[STAGES], empty[STAGES];
  int warp = threadIdx.x / 32;
  if (threadIdx.x == 0) {
    for (int stage = 0; stage < STAGES; ++stage) {
      ptx::mbarrier_init(&full[stage], 1);
      ptx::mbarrier_init(&empty[stage], COLUMNS);
    }
    ptx::fence_proxy_async(ptx::space_shared);
  }
  __syncthreads();
  if (warp == 0) {
    if (ptx::elect_sync(~0u)) {
      for (int i = 0; i < tiles; ++i) {
        int stage = i % STAGES, round = i / STAGES;
        while (!ptx::mbarrier_try_wait_parity(&empty[stage], (round & 1) ^ 1)) {
        }
        ptx::mbarrier_arrive_expect_tx(ptx::sem_release, ptx::scope_cta, ptx::space_shared, &full[stage],
                                       sizeof tile[stage]);
        const int32_t at[2] = {int32_t(blockIdx.x * COLUMNS), i * ROWS};
        ptx::cp_async_bulk_tensor(ptx::space_cluster, ptx::space_global, &tile[stage], &map, at, &full[stage]);
      }
    }
    // The sums of the others are copied when all of them are there.
    __syncthreads();
    if (threadIdx.x == 0) {
      ptx::cp_reduce_async_bulk(ptx::space_global, ptx::space_shared, ptx::op_add, sums + blockIdx.x * COLUMNS,
                                partial, sizeof partial);
      ptx::cp_async_bulk_commit_group();
      ptx::cp_async_bulk_wait_group(ptx::n32_t<0>());
    }
  } else {
    int column = threadIdx.x - 32;
    float sum = 0;
    for (int i = 0; i < tiles; ++i) {
      int stage = i % STAGES, round = i / STAGES;
      while (!ptx::mbarrier_try_wait_parity(&full[stage], round & 1)) {
      }
      for (int row = 0; row < ROWS; ++row)
        sum += tile[stage][row][column];
      ptx::mbarrier_arrive(&empty[stage]);
    }
    partial[column] = sum;
    ptx::fence_proxy_async(ptx::space_shared);
    __syncthreads();
  }
}

// A map is changed on the device: each block points it at a matrix of its own.
extern "C" __global__ void change_map(const __grid_constant__ CUtensorMap pattern, CUtensorMap *maps,
                                      int *const *matrices, int rows, int *first) {
  __shared__ alignas(128) CUtensorMap shared;
  __shared__ alignas(128) int tile[4][32];
  __shared__ uint64_t full;
  CUtensorMap *mine = maps + blockIdx.x;
  if (threadIdx.x < 32) {
    for (int i = threadIdx.x; i < 16; i += 32)
      shared.opaque[i] = pattern.opaque[i];
    __syncwarp();
    if (threadIdx.x == 0) {
      ptx::tensormap_replace_global_address(ptx::space_shared, &shared, matrices[blockIdx.x]);
      ptx::tensormap_replace_global_dim(ptx::space_shared, &shared, ptx::n32_t<1>(), rows);
      ptx::mbarrier_init(&full, 1);
      ptx::fence_proxy_async(ptx::space_shared);
    }
    __syncwarp();
    ptx::tensormap_cp_fenceproxy(ptx::sem_release, ptx::scope_gpu, mine, &shared, ptx::n32_t<128>());
    ptx::fence_proxy_tensormap_generic(ptx::sem_acquire, ptx::scope_gpu, mine, ptx::n32_t<128>());
    if (threadIdx.x == 0) {
      asm volatile("prefetch.tensormap [%0];" ::"l"(mine) : "memory");
      ptx::mbarrier_arrive_expect_tx(ptx::sem_release, ptx::scope_cta, ptx::space_shared, &full, sizeof tile);
      const int32_t at[2] = {0, 0};
      ptx::cp_async_bulk_tensor(ptx::space_cluster, ptx::space_global, tile, mine, at, &full);
    }
  }
  __syncthreads();
  while (!ptx::mbarrier_try_wait_parity(&full, 0)) {
  }
  first[blockIdx.x * 128 + threadIdx.x] = tile[threadIdx.x / 32][threadIdx.x % 32];
}

// The blocks of a cluster load a quarter each of a row that all of them need, and send it to all.
extern "C" __global__ void __cluster_dims__(4, 1, 1) share_rows(const int *rows, int *sums) {
  __shared__ alignas(128) int row[4][64];
  __shared__ uint64_t full;
  int rank = blockIdx.x % 4, cluster = blockIdx.x / 4;
  if (threadIdx.x == 0) {
    ptx::mbarrier_init(&full, 1);
    ptx::fence_mbarrier_init(ptx::sem_release, ptx::scope_cluster);
    ptx::mbarrier_arrive_expect_tx(ptx::sem_release, ptx::scope_cta, ptx::space_shared, &full, sizeof row);
  }
  ptx::barrier_cluster_arrive();
  ptx::barrier_cluster_wait();
  if (threadIdx.x == 0)
    ptx::cp_async_bulk(ptx::space_cluster, ptx::space_global, row[rank], rows + cluster * 256 + rank * 64,
                       sizeof row[rank], &full, uint16_t(0xf));
  while (!ptx::mbarrier_try_wait_parity(&full, 0)) {
  }
  int sum = 0;
  for (int i = 0; i < 256; ++i)
    sum += row[i / 64][i % 64] * int((i + threadIdx.x) % 7);
  sums[blockIdx.x * 64 + threadIdx.x] = sum;
}

// The same of a matrix, by a tensor map: each block sends its rows of the tile to the blocks of a mask.
extern "C" __global__ void __cluster_dims__(2, 1, 1) share_tiles(const __grid_constant__ CUtensorMap map, int *copies) {
  __shared__ alignas(128) int tile[2][4][32];
  __shared__ uint64_t full;
  int rank = blockIdx.x % 2;
  if (threadIdx.x == 0) {
    ptx::mbarrier_init(&full, 1);
    ptx::fence_mbarrier_init(ptx::sem_release, ptx::scope_cluster);
    ptx::mbarrier_arrive_expect_tx(ptx::sem_release, ptx::scope_cta, ptx::space_shared, &full, sizeof tile);
  }
  ptx::barrier_cluster_arrive();
  ptx::barrier_cluster_wait();
  if (threadIdx.x == 0) {
    const int32_t at[2] = {int32_t(blockIdx.x / 2 * 32), rank * 4};
    ptx::cp_async_bulk_tensor(ptx::space_cluster, ptx::space_global, tile[rank], &map, at, &full, uint16_t(3));
  }
  while (!ptx::mbarrier_try_wait_parity(&full, 0)) {
  }
  for (int i = threadIdx.x; i < 256; i += 64)
    copies[blockIdx.x * 256 + i] = tile[i / 128][i / 32 % 4][i % 32];
}

// Each block of a cluster sends its numbers to the next one.
extern "C" __global__ void __cluster_dims__(4, 1, 1) pass_on(int *numbers) {
  __shared__ alignas(16) int mine[64], others[64];
  __shared__ uint64_t full;
  if (threadIdx.x == 0) {
    ptx::mbarrier_init(&full, 1);
    ptx::fence_mbarrier_init(ptx::sem_release, ptx::scope_cluster);
    ptx::mbarrier_arrive_expect_tx(ptx::sem_release, ptx::scope_cta, ptx::space_shared, &full, sizeof mine);
  }
  mine[threadIdx.x] = numbers[blockIdx.x * 64 + threadIdx.x];
  ptx::fence_proxy_async(ptx::space_shared);
  ptx::barrier_cluster_arrive();
  ptx::barrier_cluster_wait();
  if (threadIdx.x == 0) {
    uint32_t next = (blockIdx.x + 1) % 4;
    int *to;
    uint64_t *told;
    asm("mapa.u64 %0, %1, %2;" : "=l"(to) : "l"(others), "r"(next));
    asm("mapa.u64 %0, %1, %2;" : "=l"(told) : "l"(&full), "r"(next));
    ptx::cp_async_bulk(ptx::space_cluster, ptx::space_shared, to, mine, sizeof mine, told);
  }
  while (!ptx::mbarrier_try_wait_parity(&full, 0)) {
  }
  numbers[blockIdx.x * 64 + threadIdx.x] = others[threadIdx.x];
  // Nobody ends while another one may still copy to it, or from it.
  ptx::barrier_cluster_arrive();
  ptx::barrier_cluster_wait();
}
