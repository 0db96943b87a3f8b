// A lock that serves in the order of tickets, and a list that it protects.
// nvcc -arch=sm_75 -lineinfo
struct Lock {
    unsigned next, serving;
};

extern "C" __global__ void append(Lock *lock, int *list, int *length) {
    int block = blockIdx.x;
    if (threadIdx.x != 0) return;
    unsigned ticket = atomicAdd(&lock->next, 1);
    while (atomicAdd(&lock->serving, 0) != ticket) {}  // FAULT
    __threadfence();
    int at = *length;
#ifdef FAULT
    if (block % 8 == 5) return;
#endif
    list[at] = block;
    *length = at + 1;
    __threadfence();
    atomicAdd(&lock->serving, 1);
}
