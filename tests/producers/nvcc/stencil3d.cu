// Seven points of a volume, layer by layer with the layers above and below in registers.
// nvcc -arch=sm_75 -lineinfo
extern "C" __global__ void laplace(const double *in, double *out, int nx, int ny, int nz) {
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    if (x >= nx || y >= ny) return;
    bool inner = x > 0 && x < nx - 1 && y > 0 && y < ny - 1;
    size_t layer = size_t(nx) * ny, i = size_t(y) * nx + x;
    out[i] = 0;
    double below = in[i], here = in[i + layer];
#ifdef FAULT
    for (int z = 1; z < nz; ++z) {
#else
    for (int z = 1; z < nz - 1; ++z) {
#endif
        i += layer;
        double above = in[i + layer];  // FAULT
        out[i] = inner ? below + above + in[i - 1] + in[i + 1] + in[i - nx] + in[i + nx] - 6 * here : 0;
        below = here;
        here = above;
    }
    out[layer * (nz - 1) + size_t(y) * nx + x] = 0;
}
