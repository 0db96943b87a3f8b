// Assertions on the device.
// nvcc -arch=sm_75 -lineinfo
#include <cassert>

extern "C" __global__ void roots(const int *squares, int *out) {
    int square = squares[threadIdx.x], root = 0;
    while (root * root < square) ++root;
#ifdef FAULT
    assert(root * root == square && root % 7 != 3);  // FAULT
#else
    assert(root * root == square);
#endif
    out[threadIdx.x] = root;
}
