// A lock that threads spin on, around what is not atomic.
// nvcc -arch=sm_75 -lineinfo
struct Account {
    int lock;
    int deposits;
    double balance;
};

extern "C" __global__ void deposit(Account *accounts, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    Account *account = &accounts[i % n];
    bool done = false;
    while (!done) {
        if (atomicCAS(&account->lock, 0, 1) == 0) {
#ifndef FAULT
            __threadfence();
#endif
            account->deposits += 1;        // FAULT
            account->balance += i * 0.25;  // FAULT
#ifndef FAULT
            __threadfence();
#endif
            atomicExch(&account->lock, 0);
            done = true;
        }
    }
}
