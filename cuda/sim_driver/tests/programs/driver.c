/* A program on the driver's interface, as any C program is: linked with -lcuda. The environment variable
 * KERNELS has the path of kernels.ptx. */
#include "driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(CUresult result, const char *call)
{
    const char *name = "?", *text = "?";
    if (result == 0)
        return;
    cuGetErrorName(result, &name);
    cuGetErrorString(result, &text);
    fprintf(stderr, "%s: %s (%s)\n", call, name, text);
    exit(1);
}
#define CHECK(call) check((call), #call)
#define EXPECT(condition)                                            \
    do {                                                             \
        if (!(condition)) {                                          \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition);  \
            exit(1);                                                 \
        }                                                            \
    } while (0)

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    EXPECT(file != NULL);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *text = malloc(size + 1);
    EXPECT(fread(text, 1, size, file) == (size_t)size);
    text[size] = 0;
    fclose(file);
    return text;
}

/* The sum of two vectors, with events around it. */
static void sum(CUmodule module, CUstream stream)
{
    enum { N = 1000 };
    float a[N], b[N], c[N], milliseconds = -1;
    for (int i = 0; i < N; ++i) {
        a[i] = i;
        b[i] = 0.5f * i;
    }
    CUdeviceptr d_a, d_b, d_c;
    CUfunction function;
    CUevent start, end;
    unsigned n = N;
    CHECK(cuModuleGetFunction(&function, module, "sum"));
    CHECK(cuMemAlloc_v2(&d_a, sizeof a));
    CHECK(cuMemAlloc_v2(&d_b, sizeof b));
    CHECK(cuMemAlloc_v2(&d_c, sizeof c));
    CHECK(cuEventCreate(&start, 0));
    CHECK(cuEventCreate(&end, 0));
    CHECK(cuMemcpyHtoDAsync_v2(d_a, a, sizeof a, stream));
    CHECK(cuMemcpyHtoDAsync_v2(d_b, b, sizeof b, stream));
    CHECK(cuEventRecord(start, stream));
    void *parameters[] = {&d_c, &d_a, &d_b, &n};
    CHECK(cuLaunchKernel(function, (N + 127) / 128, 1, 1, 128, 1, 1, 0, stream, parameters, NULL));
    CHECK(cuEventRecord(end, stream));
    CHECK(cuMemcpyDtoHAsync_v2(c, d_c, sizeof c, stream));
    CHECK(cuStreamSynchronize(stream));
    CHECK(cuEventSynchronize(end));
    CHECK(cuEventElapsedTime(&milliseconds, start, end));
    EXPECT(milliseconds >= 0);
    for (int i = 0; i < N; ++i)
        EXPECT(c[i] == 1.5f * i);
    CHECK(cuEventDestroy_v2(start));
    CHECK(cuEventDestroy_v2(end));
    CHECK(cuMemFree_v2(d_a));
    CHECK(cuMemFree_v2(d_b));
    CHECK(cuMemFree_v2(d_c));
    printf("sum: right\n");
}

/* A product of matrices whose size is no multiple of the tile's, by a library's kernel. */
static void product(const char *ptx)
{
    enum { N = 27 };
    static float a[N][N], b[N][N], c[N][N];
    for (int i = 0; i < N; ++i)
        for (int j = 0; j < N; ++j) {
            a[i][j] = (float)((7 * i + 3 * j) % 11) - 5;
            b[i][j] = (float)((5 * i + 2 * j) % 13) - 6;
        }
    CUlibrary library;
    CUkernel kernel;
    CUdeviceptr d_a, d_b, d_c;
    unsigned n = N;
    CHECK(cuLibraryLoadData(&library, ptx, NULL, NULL, 0, NULL, NULL, 0));
    CHECK(cuLibraryGetKernel(&kernel, library, "product"));
    CHECK(cuMemAlloc_v2(&d_a, sizeof a));
    CHECK(cuMemAlloc_v2(&d_b, sizeof b));
    CHECK(cuMemAlloc_v2(&d_c, sizeof c));
    CHECK(cuMemcpyHtoD_v2(d_a, a, sizeof a));
    CHECK(cuMemcpyHtoD_v2(d_b, b, sizeof b));
    CUlaunchAttribute attribute = {.id = 2, .value = {.cooperative = 1}};
    CUlaunchConfig config = {.grid_x = (N + 7) / 8, .grid_y = (N + 7) / 8, .grid_z = 1,
                             .block_x = 8, .block_y = 8, .block_z = 1,
                             .attributes = &attribute, .n_attributes = 1};
    void *parameters[] = {&d_c, &d_a, &d_b, &n};
    CHECK(cuLaunchKernelEx(&config, (CUfunction)kernel, parameters, NULL));
    CHECK(cuMemcpyDtoH_v2(c, d_c, sizeof c));
    /* Whole numbers: sums of them are exact in any order. */
    for (int i = 0; i < N; ++i)
        for (int j = 0; j < N; ++j) {
            float total = 0;
            for (int k = 0; k < N; ++k)
                total += a[i][k] * b[k][j];
            EXPECT(c[i][j] == total);
        }
    CHECK(cuMemFree_v2(d_a));
    CHECK(cuMemFree_v2(d_b));
    CHECK(cuMemFree_v2(d_c));
    CHECK(cuLibraryUnload(library));
    printf("product: right\n");
}

/* A variable of the module, and a kernel that prints. */
static void greet(CUmodule module)
{
    CUfunction function;
    CUdeviceptr launches;
    size_t bytes;
    int counts[2], number = 7;
    CHECK(cuModuleGetFunction(&function, module, "greet"));
    CHECK(cuModuleGetGlobal_v2(&launches, &bytes, module, "launches"));
    EXPECT(bytes == sizeof counts);
    void *parameters[] = {&number};
    fflush(stdout);
    CHECK(cuLaunchKernel(function, 2, 1, 1, 33, 1, 1, 0, NULL, parameters, NULL));
    CHECK(cuCtxSynchronize());
    CHECK(cuMemcpyDtoH_v2(counts, launches, sizeof counts));
    EXPECT(counts[0] == 66 && counts[1] == 40);
    printf("greet: right\n");
}

/* What goes wrong has the driver's codes, names and texts. */
static void errors(CUmodule module, CUdevice device)
{
    const char *name, *text;
    CUfunction function;
    CUdeviceptr values;
    CUdevice none;
    int n = 4;
    EXPECT(cuModuleGetFunction(&function, module, "nothing") == 500);
    EXPECT(cuDeviceGet(&none, 1) == 101);
    EXPECT(cuMemAlloc_v2(&values, 0) == 1);
    EXPECT(cuMemAlloc_v2(&values, (size_t)1 << 60) == 2);
    CHECK(cuGetErrorName(500, &name));
    CHECK(cuGetErrorString(500, &text));
    EXPECT(strcmp(name, "CUDA_ERROR_NOT_FOUND") == 0 && strlen(text) > 0);
    EXPECT(cuGetErrorName(12345, &name) == 1 && name == NULL);
    EXPECT(cuGetErrorString(12345, &text) == 1 && text == NULL);

    /* A write out of bounds ends its context, and no other. */
    CUcontext context;
    CHECK(cuCtxCreate_v2(&context, 0, device));
    CUmodule again;
    char *path = getenv("KERNELS");
    char *ptx = read_file(path);
    CHECK(cuModuleLoadData(&again, ptx));
    free(ptx);
    CHECK(cuModuleGetFunction(&function, again, "overrun"));
    CHECK(cuMemAlloc_v2(&values, n * sizeof(int)));
    void *parameters[] = {&values, &n};
    CHECK(cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, NULL, parameters, NULL));
    EXPECT(cuCtxSynchronize() == 700);
    EXPECT(cuMemFree_v2(values) == 700);
    CHECK(cuCtxDestroy_v2(context));
    CHECK(cuCtxSynchronize());
    printf("errors: right\n");
}

/* Functions by name and version; those of CUDA 2 have addresses of 32 bits. */
static void versions(CUdevice device)
{
    void *old, *new;
    int status;
    unsigned address;
    CUcontext context;
    char text[8] = "";
    CHECK(cuGetProcAddress_v2("cuMemAlloc", &old, 3010, 0, &status));
    EXPECT(old == (void *)cuMemAlloc && status == 0);
    CHECK(cuGetProcAddress_v2("cuMemAlloc", &new, 12000, 0, &status));
    EXPECT(new == (void *)cuMemAlloc_v2 && status == 0);
    CHECK(cuGetProcAddress_v2("cuLaunchKernelEx", &new, 11000, 0, &status));
    EXPECT(new == NULL && status == 2);
    CHECK(cuGetProcAddress_v2("cuNothing", &new, 12000, 0, &status));
    EXPECT(new == NULL && status == 1);
    EXPECT(cuGetProcAddress_v2("cuInit", &new, 99000, 0, &status) == 1);

    EXPECT(cuMemAlloc(&address, 8) == 201);
    CHECK(cuCtxCreate(&context, 0, device));
    CHECK(cuMemAlloc(&address, 8));
    CHECK(cuMemcpyHtoD(address, "32 bits", 8));
    CHECK(cuMemcpyDtoH(text, address, 8));
    EXPECT(strcmp(text, "32 bits") == 0);
    CHECK(cuMemFree(address));
    CHECK(cuCtxDestroy_v2(context));
    printf("versions: right\n");
}

int main(void)
{
    char name[100];
    int count, version, major;
    size_t bytes;
    CUdevice device;
    CUcontext context;
    CUmodule module;
    CUstream stream;
    EXPECT(cuDeviceGetCount(&count) == 3);
    CHECK(cuInit(0));
    CHECK(cuDriverGetVersion(&version));
    CHECK(cuDeviceGetCount(&count));
    EXPECT(count == 1);
    CHECK(cuDeviceGet(&device, 0));
    CHECK(cuDeviceGetName(name, sizeof name, device));
    CHECK(cuDeviceGetAttribute(&major, 75, device));
    CHECK(cuDeviceTotalMem_v2(&bytes, device));
    printf("%s, compute capability %d, CUDA %d\n", name, major, version / 1000);
    EXPECT(cuCtxSynchronize() == 201);
    CHECK(cuCtxCreate_v2(&context, 0, device));
    char *ptx = read_file(getenv("KERNELS"));
    CHECK(cuModuleLoadData(&module, ptx));
    CHECK(cuStreamCreate(&stream, 1));
    sum(module, stream);
    product(ptx);
    greet(module);
    errors(module, device);
    versions(device);
    free(ptx);
    CHECK(cuStreamDestroy_v2(stream));
    CHECK(cuModuleUnload(module));
    CHECK(cuCtxDestroy_v2(context));
    return 0;
}
