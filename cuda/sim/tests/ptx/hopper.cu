// Clusters, mbarriers, tensor copies and warp group products.
#include <cooperative_groups.h>
#include <cuda/barrier>

struct alignas(64) Map {
    char bytes[128];
};

namespace cg = cooperative_groups;

extern "C" __global__ void __cluster_dims__(2, 1, 1) clusters(int *out) {
    __shared__ int tile[32];
    cg::cluster_group cluster = cg::this_cluster();
    tile[threadIdx.x] = cluster.block_rank();
    cluster.sync();
    out[threadIdx.x] = *cluster.map_shared_rank(&tile[threadIdx.x], cluster.block_rank() ^ 1);
    cluster.sync();
}

extern "C" __global__ void __launch_bounds__(128) copies(const __grid_constant__ Map map, float *out) {
    __shared__ alignas(128) float tile[1024];
    __shared__ alignas(8) unsigned long long barrier;
    unsigned bar = (unsigned)__cvta_generic_to_shared(&barrier);
    unsigned to = (unsigned)__cvta_generic_to_shared(tile);
    if (threadIdx.x == 0) {
        asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(bar));
        asm volatile("fence.mbarrier_init.release.cluster;");
        asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], 4096;" ::"r"(bar));
        asm volatile(
            "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes"
            " [%0], [%1, {%3, %4}], [%2];" ::"r"(to), "l"(&map), "r"(bar), "r"(0), "r"(8)
            : "memory");
    }
    __syncthreads();
    asm volatile(
        "{\n"
        ".reg .pred P1;\n"
        "LAB_WAIT:\n"
        "mbarrier.try_wait.parity.shared::cta.b64 P1, [%0], 0;\n"
        "@P1 bra DONE;\n"
        "bra LAB_WAIT;\n"
        "DONE:\n"
        "}\n" ::"r"(bar));
    float d[4] = {0, 0, 0, 0};
    unsigned long long a = to >> 4, b = (to >> 4) + 16;
    asm volatile("wgmma.fence.sync.aligned;");
    asm volatile(
        "wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {%0, %1, %2, %3}, %4, %5, 1, 1, 1, 0, 0;"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "l"(a), "l"(b));
    asm volatile("wgmma.commit_group.sync.aligned;");
    asm volatile("wgmma.wait_group.sync.aligned 0;");
    for (int k = 0; k < 4; ++k) out[threadIdx.x * 4 + k] = d[k];
}
