// The source of the fat binaries in this folder: each has machine code for sm_80, and PTX for
// compute_80 and for compute_100.
//
//   nvcc -fatbin -compress-mode=MODE -gencode arch=compute_80,code=[sm_80,compute_80]
//        -gencode arch=compute_100,code=compute_100 add.cu -o MODE.fatbin
//
// MODE is size (Zstandard), speed (LZ4) and none. only_sm_80.fatbin has the machine code alone.
extern "C" __global__ void add(const float *a, const float *b, float *sum, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {
        sum[i] = a[i] + b[i];
    }
}
