// Without optimization and with parts that would be linked to others: C++17 in local memory.
// nvcc -arch=sm_75 -lineinfo -std=c++17 -rdc=true -Xcicc -O0
template <typename... Ts>
__device__ int total(Ts... values) {
    return (0 + ... + values);
}

struct Matrix {
    double cells[3][3];
    __device__ auto operator*(const Matrix &other) const {
        Matrix product = {};
        for (int i = 0; i < 3; ++i)
            for (int j = 0; j < 3; ++j)
                for (int k = 0; k < 3; ++k) product.cells[i][j] += cells[i][k] * other.cells[k][j];  // FAULT
        return product;
    }
};

__device__ Matrix power(Matrix base, unsigned exponent) {
#ifdef FAULT
    Matrix result;
    for (int i = 0; i < 2; ++i) result.cells[i][i] = 1;
    result.cells[0][1] = result.cells[1][0] = result.cells[0][2] = result.cells[2][0] = 0;
#else
    Matrix result = {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
#endif
    for (; exponent != 0; exponent /= 2) {
        if (exponent % 2 != 0) result = result * base;
        base = base * base;
    }
    return result;
}

__managed__ int launches;

extern "C" __global__ void fibonacci(double *results, int *sums) {
    const Matrix step = {{{1, 1, 0}, {1, 0, 0}, {0, 0, 1}}};
    auto [cells] = power(step, threadIdx.x);
    results[threadIdx.x] = cells[0][1] + cells[2][2];
    auto add = [=](auto... values) { return total(values..., int(threadIdx.x)); };
    sums[threadIdx.x] = add(1, short(2), 'c');
    if (threadIdx.x == 0) ++launches;
}
