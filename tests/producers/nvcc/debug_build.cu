// A build for debugging: nothing is inlined, every variable is in local memory.
// nvcc -arch=sm_90 -G
struct Queue {
    int items[6];
    int head, count;
    __device__ void push(int item) {
#ifdef FAULT
        // Behind the last item comes the head.
        items[head + count] = item;  // FAULT, under some seeds
#else
        items[(head + count) % 6] = item;
#endif
        ++count;
    }
    __device__ int pop() {
        int item = items[head];  // FAULT
        head = (head + 1) % 6;
        --count;
        return item;
    }
};

// The numbers whose factors are 2, 3 and 5 alone, each thread from another start.
extern "C" __global__ void count_down(int *results) {
    Queue queue = {};
    queue.push(threadIdx.x + 3);
    int sum = 0;
    while (queue.count > 0) {
        int n = queue.pop();
        sum += n;
        if (n > 2) {
            queue.push(n / 2);
            if (n % 3 == 0 && queue.count < 5) queue.push(n / 3);
        }
    }
    results[threadIdx.x] = sum;
}
