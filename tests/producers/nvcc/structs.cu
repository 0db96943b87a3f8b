// Templates over structs that are passed by value, with arrays in them.
// nvcc -arch=sm_75 -lineinfo -std=c++17
template <typename T, int N>
struct Polynomial {
    T coefficients[N];
    __device__ T operator()(T x) const {
        T sum = 0;
        for (int i = N - 1; i >= 0; --i) sum = sum * x + coefficients[i];
        return sum;
    }
};

struct alignas(16) Task {
    char kind;
    double scale;
    short columns[5];
    Polynomial<float, 3> polynomial;
};

template <typename T, int N>
__device__ void apply(Polynomial<T, N> polynomial, const T *x, T *y) {
    if constexpr (N > 3)
        y[threadIdx.x] = polynomial(x[threadIdx.x]) + 1;
    else
        y[threadIdx.x] = polynomial(x[threadIdx.x]);
}

extern "C" __global__ void doubles(Polynomial<double, 6> p, const double *x, double *y) { apply(p, x, y); }
extern "C" __global__ void floats(const float *x, Polynomial<float, 2> p, float *y) { apply(p, x, y); }

extern "C" __global__ void tasks(Task task, int n, float *out) {
#ifdef FAULT
    int k = threadIdx.x;
#else
    int k = threadIdx.x % n;
#endif
    float column = task.columns[k];  // FAULT
    out[threadIdx.x] = task.kind == 's' ? float(task.scale) * column : task.polynomial(column);
}
