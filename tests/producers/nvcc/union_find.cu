// Connected components by union and find with atomics; the trees' parents are read without a lock.
// nvcc -arch=sm_75 -lineinfo
__device__ int find(int *parents, int node) {
    while (true) {
#ifdef FAULT
        int parent = parents[node];  // FAULT
#else
        int parent = *static_cast<volatile int *>(&parents[node]);
#endif
        if (parent == node) return node;
        node = parent;
    }
}

extern "C" __global__ void join(int *parents, const int2 *edges, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    int a = edges[i].x, b = edges[i].y;
    while (true) {
        a = find(parents, a);
        b = find(parents, b);
        if (a == b) return;
        int high = max(a, b), low = min(a, b);
        int old = atomicMin(&parents[high], low);  // FAULT
        if (old == high) return;
        a = low;
        b = old;
    }
}

extern "C" __global__ void flatten(int *parents, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {
        int root = find(parents, i);
        *static_cast<volatile int *>(&parents[i]) = root;  // FAULT, under some seeds
    }
}
