#!/usr/bin/env python3
"""Compiles the kernels of this file, which are Python, to PTX beside it by numba-cuda, without a GPU.

An array is seven parameters: two pointers that kernels do not use, the number and the size of the elements,
the address, and for each dimension the length and the stride in bytes. Made with numba-cuda 0.30.
"""
import re
from pathlib import Path

from numba import cuda, float32, float64, int32, int64

here = Path(__file__).resolve().parent


def axpy(a, x, y):
    i = cuda.grid(1)
    if i < x.size:
        y[i] += a * x[i]


def sums(x, out):
    parts = cuda.shared.array(64, float64)
    t = cuda.threadIdx.x
    own = 0.0
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        own += x[i]
    parts[t] = own
    half = 32
    while half > 0:
        cuda.syncthreads()
        if t < half:
            parts[t] += parts[t + half]
        half //= 2
    if t == 0:
        cuda.atomic.add(out, 0, parts[0])


def sums_without_barriers(x, out):
    parts = cuda.shared.array(64, float64)
    t = cuda.threadIdx.x
    own = 0.0
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        own += x[i]
    parts[t] = own  # FAULT
    half = 32
    while half > 0:
        if t < half:
            parts[t] += parts[t + half]  # FAULT
        half //= 2
    if t == 0:
        cuda.atomic.add(out, 0, parts[0])  # FAULT, under some seeds


def collatz(numbers, steps):
    i = cuda.grid(1)
    if i < numbers.shape[0]:
        n = numbers[i]
        count = 0
        while n != 1:
            n = n // 2 if n % 2 == 0 else 3 * n + 1
            count += 1
        steps[i, 1] = count
        steps[i, 0] = numbers[i] ** 2 % 1000


def write(kernel, *types):
    ptx, _ = cuda.compile_ptx(kernel, types, cc=(8, 0), lineinfo=True)
    # A mangled name says where the script lies.
    mangled = re.search(r"\.visible \.entry (\w+)\(", ptx).group(1)
    ptx = ptx.replace(mangled, kernel.__name__)
    environment = re.search(r"(\w*NumbaEnv\w*);", ptx)
    if environment:
        ptx = ptx.replace(environment.group(1), "environment")
    ptx = re.sub(r'(?m)^(\s*\.file\s+\d+\s+)"(?:[^"]*/)?([^"/]*)".*$', r'\1"\2"', ptx)
    (here / f"{kernel.__name__}.ptx").write_text(re.sub(r"\n{3,}", "\n\n", ptx).rstrip() + "\n")


write(axpy, float32, float32[:], float32[:])
write(sums, float64[::1], float64[::1])
write(sums_without_barriers, float64[::1], float64[::1])
write(collatz, int64[:], int32[:, ::1])
