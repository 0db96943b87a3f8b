// A stack without locks, whose nodes are on the device's heap.
// nvcc -arch=sm_75 -lineinfo
struct Node {
    Node *next;
    int value;
};

extern "C" __global__ void push(Node **head, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    Node *node = new Node{nullptr, i};
    Node *old = *static_cast<Node *volatile *>(head);
    while (true) {
        *static_cast<Node *volatile *>(&node->next) = old;
        __threadfence();
        Node *found = reinterpret_cast<Node *>(atomicCAS(reinterpret_cast<unsigned long long *>(head),
                                                         reinterpret_cast<unsigned long long>(old),
                                                         reinterpret_cast<unsigned long long>(node)));
        if (found == old) break;
        old = found;
    }
}

extern "C" __global__ void pop_all(Node **head, int *values) {
    int count = 0;
    for (Node *node = *head; node != nullptr;) {
        Node *next = node->next;
        values[count++] = node->value;
        delete node;
#ifdef FAULT
        if (count == 7) delete node;  // FAULT
#endif
        node = next;
    }
    *head = nullptr;
}
