// Distances in a graph, a level per launch, with the next level's nodes in a queue.
// nvcc -arch=sm_75 -lineinfo
__device__ int queue_length;

extern "C" __global__ void expand(const int *starts, const int *edges, int *distances, const int *level, int count,
                                  int *next, int distance) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) return;
    int node = level[i];
    for (int k = starts[node]; k < starts[node + 1]; ++k) {
        int neighbour = edges[k];
#ifdef FAULT
        if (distances[neighbour] < 0) {  // FAULT
            distances[neighbour] = distance;  // FAULT
#else
        if (atomicCAS(&distances[neighbour], -1, distance) == -1) {
#endif
            next[atomicAdd(&queue_length, 1)] = neighbour;
        }
    }
}
