// Functions of doubles and singles from CUDA's library.
// nvcc -arch=sm_75 -lineinfo
extern "C" __global__ void doubles(const double *x, double *y, int n) {
    int i = threadIdx.x;
#ifdef FAULT
    double v = x[i];  // FAULT
#else
    double v = i < n ? x[i] : 1;
#endif
    double results[] = {sin(v),   cos(3 * v), tan(v),    exp(v),  exp2(v),   expm1(v),  log(v),         log1p(v),
                        log10(v), pow(v, 1.7), cbrt(v),  sqrt(v), rsqrt(v),  erf(v),    erfc(v),        lgamma(v),
                        tgamma(v), sinh(v),    tanh(v),  asin(1 / (1 + v)), atan2(v, 2.0), hypot(v, 3.0),
                        fmod(10 * v, 3.0), sin(1e6 * v), remainder(7 * v, 2.0), floor(v) + rint(3 * v), asinh(v),
                        j0(v),    normcdf(v), 1 / v};
    if (i < n)
        for (int k = 0; k < 30; ++k) y[i * 30 + k] = results[k];
}

extern "C" __global__ void singles(const double *x, float *y) {
    int i = threadIdx.x;
    float v = x[i];
    float results[] = {sinf(v), cosf(100 * v), expf(v), logf(v), powf(v, 2.3f), erff(v), lgammaf(v), tanhf(v), cbrtf(v), v / 3.7f, sqrtf(v), atanf(v)};
    for (int k = 0; k < 12; ++k) y[i * 12 + k] = results[k];
}
