"""A program on the driver's interface by ctypes. The environment variable KERNELS has the path of kernels.ptx."""

import ctypes
import os
import random
import threading
from ctypes import byref, c_char_p, c_float, c_int, c_size_t, c_uint, c_uint64, c_void_p

cuda = ctypes.CDLL("libcuda.so.1")


def check(result):
    if result != 0:
        name, text = c_char_p(), c_char_p()
        cuda.cuGetErrorName(result, byref(name))
        cuda.cuGetErrorString(result, byref(text))
        raise RuntimeError(f"{name.value.decode()}: {text.value.decode()}")


def upload(values):
    address = c_uint64()
    array = (c_float * len(values))(*values)
    check(cuda.cuMemAlloc_v2(byref(address), c_size_t(4 * len(values))))
    check(cuda.cuMemcpyHtoD_v2(address, array, c_size_t(4 * len(values))))
    return address


def download(address, count):
    array = (c_float * count)()
    check(cuda.cuMemcpyDtoH_v2(array, address, c_size_t(4 * count)))
    return list(array)


def launch(function, grid, block, stream, *arguments):
    pointers = (c_void_p * len(arguments))(*(ctypes.addressof(one) for one in arguments))
    check(cuda.cuLaunchKernel(function, *grid, *block, 0, stream, pointers, None))


def function(module, name):
    handle = c_void_p()
    check(cuda.cuModuleGetFunction(byref(handle), module, name))
    return handle


check(cuda.cuInit(0))
device, context, module = c_int(), c_void_p(), c_void_p()
check(cuda.cuDeviceGet(byref(device), 0))
# The functions without a version are those of CUDA 2, where they are not the same.
free, total = c_size_t(), c_size_t()
check(cuda.cuCtxCreate_v2(byref(context), 0, device))
check(cuda.cuMemGetInfo_v2(byref(free), byref(total)))
assert 0 < free.value <= total.value
with open(os.environ["KERNELS"], "rb") as file:
    check(cuda.cuModuleLoadData(byref(module), file.read()))

random.seed(1)
n = 500
a = [float(random.randrange(-100, 100)) for _ in range(n)]
b = [float(random.randrange(-100, 100)) for _ in range(n)]
d_a, d_b, d_c = upload(a), upload(b), upload([0.0] * n)
launch(function(module, b"sum"), (4, 1, 1), (128, 1, 1), None, d_c, d_a, d_b, c_uint(n))
assert download(d_c, n) == [x + y for x, y in zip(a, b)]
print("sum: right")

# Several threads, each with a stream; ctypes lets go of Python's lock during a call.
failures = []


def multiply(seed):
    try:
        numbers = random.Random(seed)
        size = 17
        check(cuda.cuCtxSetCurrent(context))
        stream = c_void_p()
        check(cuda.cuStreamCreate(byref(stream), 1))
        for _ in range(5):
            left = [float(numbers.randrange(-9, 9)) for _ in range(size * size)]
            right = [float(numbers.randrange(-9, 9)) for _ in range(size * size)]
            d_left, d_right, d_product = upload(left), upload(right), upload([0.0] * size * size)
            launch(
                function(module, b"product"), (3, 3, 1), (8, 8, 1), stream,
                d_product, d_left, d_right, c_uint(size),
            )
            check(cuda.cuStreamSynchronize(stream))
            expected = [
                sum(left[row * size + k] * right[k * size + column] for k in range(size))
                for row in range(size)
                for column in range(size)
            ]
            assert download(d_product, size * size) == expected
            for address in (d_left, d_right, d_product):
                check(cuda.cuMemFree_v2(address))
        check(cuda.cuStreamDestroy_v2(stream))
    except BaseException as failure:
        failures.append(failure)


threads = [threading.Thread(target=multiply, args=(seed,)) for seed in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not failures, failures
print("products in threads: right")

assert cuda.cuMemFree_v2(c_uint64(12345)) == 1
assert cuda.cuStreamSynchronize(c_void_p(12345)) == 400
assert cuda.cuCtxSetCurrent(c_void_p(12345)) == 201
for address in (d_a, d_b, d_c):
    check(cuda.cuMemFree_v2(address))
check(cuda.cuModuleUnload(module))
check(cuda.cuCtxDestroy_v2(context))
print("errors: right")
