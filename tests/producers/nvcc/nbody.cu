// Bodies that attract each other: each block reads all of them through shared memory.
// nvcc -arch=sm_75 -lineinfo --fmad=false
extern __shared__ float4 tile[];

extern "C" __global__ void accelerate(const float4 *bodies, float3 *accelerations, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    float4 own = bodies[min(i, n - 1)];
    float3 sum = {};
    for (int start = 0; start < n; start += blockDim.x) {
        int other = start + threadIdx.x;
#ifdef FAULT
        if (other < n) tile[threadIdx.x] = bodies[other];
#else
        tile[threadIdx.x] = other < n ? bodies[other] : float4{};
#endif
        __syncthreads();
#pragma unroll 4
        for (int k = 0; k < blockDim.x; ++k) {
            float4 body = tile[k];  // FAULT
            float dx = body.x - own.x, dy = body.y - own.y, dz = body.z - own.z;
            float square = dx * dx + dy * dy + dz * dz + 0.01f;
            float inverse = 1 / sqrtf(square);
            float scale = body.w * inverse * inverse * inverse;
            sum.x += dx * scale;
            sum.y += dy * scale;
            sum.z += dz * scale;
        }
        __syncthreads();
    }
    if (i < n) accelerations[i] = sum;
}
