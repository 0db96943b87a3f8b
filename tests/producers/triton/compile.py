#!/usr/bin/env python3
"""Compiles the Triton kernels of this file to PTX beside it, without a GPU. Made with triton 3.9.0.

The host passes a kernel's arguments, then two pointers to scratch memory, of which these kernels use
none; a block has 32 * num_warps threads, and its shared memory is dynamic. Names and sizes are in kernels.txt.

A load is two lines of inline assembly, and LLVM counts the second as the next line of the source: where
a load is at fault, the line behind it is marked.
"""
import os
import re
from pathlib import Path

# What is cached has the lines of an earlier version of this file.
os.environ["TRITON_ALWAYS_COMPILE"] = "1"

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

here = Path(__file__).resolve().parent


@triton.jit
def add(x, y, out, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = i < n
    tl.store(out + i, tl.load(x + i, inside) + tl.load(y + i, inside), inside)


@triton.jit
def add_unmasked(x, y, out, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    a = tl.load(x + i)
    tl.store(out + i, a + tl.load(y + i))  # FAULT: add_unmasked


@triton.jit
def softmax(x, out, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    i = tl.arange(0, BLOCK)
    values = tl.load(x + row * columns + i, i < columns, -float("inf"))
    weights = tl.exp(values - tl.max(values, 0))
    tl.store(out + row * columns + i, weights / tl.sum(weights, 0), i < columns)


@triton.jit
def layer_norm(x, scale, shift, out, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    i = tl.arange(0, BLOCK)
    inside = i < columns
    values = tl.load(x + row * columns + i, inside, 0.0)
    mean = tl.sum(values, 0) / columns
    centred = tl.where(inside, values - mean, 0.0)
    variance = tl.sum(centred * centred, 0) / columns  # FAULT: layer_norm_fused
    factor = 1 / tl.sqrt(variance + 1e-5)
    result = centred * factor * tl.load(scale + i, inside) + tl.load(shift + i, inside)
    tl.store(out + row * columns + i, result, inside)


@triton.jit
def product(a, b, c, m, n, k, M: tl.constexpr, N: tl.constexpr, K: tl.constexpr):
    rows = tl.program_id(0) * M + tl.arange(0, M)
    columns = tl.program_id(1) * N + tl.arange(0, N)
    inner = tl.arange(0, K)
    sums = tl.zeros((M, N), tl.float32)
    for start in range(0, k, K):
        j = start + inner
        tile_a = tl.load(a + rows[:, None] * k + j[None, :], (rows[:, None] < m) & (j[None, :] < k), 0.0)
        tile_b = tl.load(b + j[:, None] * n + columns[None, :], (j[:, None] < k) & (columns[None, :] < n), 0.0)
        sums = tl.dot(tile_a, tile_b, sums)
    inside = (rows[:, None] < m) & (columns[None, :] < n)
    tl.store(c + rows[:, None] * n + columns[None, :], sums, inside)


@triton.jit
def attention(q, k, v, out, n, scale, M: tl.constexpr, N: tl.constexpr, D: tl.constexpr):
    rows = tl.program_id(0) * M + tl.arange(0, M)
    depth = tl.arange(0, D)
    keys = tl.arange(0, N)
    queries = tl.load(q + rows[:, None] * D + depth[None, :], rows[:, None] < n, 0.0)
    most = tl.full((M,), -float("inf"), tl.float32)
    total = tl.zeros((M,), tl.float32)
    sums = tl.zeros((M, D), tl.float32)
    for start in range(0, n, N):
        j = start + keys
        tile_k = tl.load(k + j[:, None] * D + depth[None, :], j[:, None] < n, 0.0)
        tile_v = tl.load(v + j[:, None] * D + depth[None, :], j[:, None] < n, 0.0)
        scores = tl.dot(queries, tl.trans(tile_k)) * scale
        scores = tl.where(j[None, :] < n, scores, -float("inf"))
        larger = tl.maximum(most, tl.max(scores, 1))
        weights = tl.exp(scores - larger[:, None])
        rescale = tl.exp(most - larger)
        total = total * rescale + tl.sum(weights, 1)
        sums = tl.dot(weights.to(tl.float16), tile_v, sums * rescale[:, None])
        most = larger
    tl.store(out + rows[:, None] * D + depth[None, :], sums / total[:, None], rows[:, None] < n)


@triton.jit
def histogram(values, counts, n, BINS: tl.constexpr, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    bins = tl.load(values + i, i < n, 0)
    tl.atomic_add(counts + bins, 1, i < n)
    found = tl.histogram(bins, BINS, i < n)
    tl.atomic_add(counts + BINS + tl.arange(0, BINS), found)


@triton.jit
def histogram_without_atomics(values, counts, n, BINS: tl.constexpr, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    bins = tl.load(values + i, i < n, 0)
    found = tl.histogram(bins, BINS, i < n)
    own = counts + tl.arange(0, BINS)
    before = tl.load(own)
    tl.store(own, before + found)  # FAULT: histogram_without_atomics


@triton.jit
def scan_and_sort(x, sums, ordered, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    values = tl.load(x + tl.program_id(0) * BLOCK + i)
    tl.store(sums + tl.program_id(0) * BLOCK + i, tl.cumsum(values, 0))
    tl.store(ordered + tl.program_id(0) * BLOCK + i, tl.sort(values))


def write(capability, kernel, signature, constants, aligned=(), fuses=False):
    """`aligned` are the arguments that are multiples of 16, as Triton finds them to be at a launch."""
    names = list(signature)
    signature = {**signature, **{name: "constexpr" for name in constants}}
    attributes = {(names.index(name),): [["tt.divisibility", 16]] for name in aligned}
    source = ASTSource(kernel, signature, constexprs=constants, attrs=attributes)
    compiled = triton.compile(source, target=GPUTarget("cuda", capability, 32), options={"enable_fp_fusion": fuses})
    ptx = compiled.asm["ptx"]
    # The notes for debuggers hold the folder.
    ptx = re.sub(r'(?m)^(\s*\.file\s+\d+\s+)"(?:[^"]*/)?([^"/]*)".*$', r'\1"\2"', ptx)
    ptx = re.sub(r"(?ms)^\s*\.section\s+\.debug_(?!str)\w+\s*\{.*?\}\s*?$", "", ptx)
    ptx = re.sub(r"(?m)^\s*// (begin|end) inline asm\n", "", ptx)
    ptx = re.sub(r"(?m) *// .*\.py:.*$", "", ptx)
    name = f"{kernel.__name__}{'_fused' if fuses else ''}.sm_{capability}"
    (here / f"{name}.ptx").write_text(re.sub(r"\n{3,}", "\n\n", ptx).rstrip() + "\n")
    metadata = compiled.metadata
    scratch = metadata.global_scratch_size, metadata.profile_scratch_size
    assert not any(scratch), f"{name} wants scratch memory: {scratch}"
    return f"{name} {metadata.num_warps * 32} {metadata.shared}"


pointers = lambda names, kind: {name: f"*{kind}" for name in names.split()}
lines = []
for capability in (80, 90):
    lines += [
        write(capability, add, {**pointers("x y out", "fp32"), "n": "i32"}, {"BLOCK": 512}, ["x", "y", "out", "n"]),
        write(capability, add_unmasked, {**pointers("x y out", "fp32"), "n": "i32"}, {"BLOCK": 256}),
        write(capability, softmax, {**pointers("x out", "fp32"), "columns": "i32"}, {"BLOCK": 256}),
        write(capability, layer_norm, {**pointers("x scale shift out", "fp32"), "columns": "i32"}, {"BLOCK": 128}),
        write(capability, layer_norm, {**pointers("x scale shift out", "fp32"), "columns": "i32"}, {"BLOCK": 128}, fuses=True),
        write(
            capability,
            product,
            {**pointers("a b", "fp16"), "c": "*fp32", "m": "i32", "n": "i32", "k": "i32"},
            {"M": 64, "N": 32, "K": 32},
            ["a", "b", "c", "m", "n", "k"],
        ),
        write(
            capability,
            attention,
            {**pointers("q k v", "fp16"), "out": "*fp32", "n": "i32", "scale": "fp32"},
            {"M": 64, "N": 32, "D": 32},
            ["q", "k", "v", "out"],
        ),
        write(capability, histogram, {**pointers("values counts", "i32"), "n": "i32"}, {"BINS": 32, "BLOCK": 256}),
        write(
            capability,
            histogram_without_atomics,
            {**pointers("values counts", "i32"), "n": "i32"},
            {"BINS": 32, "BLOCK": 256},
        ),
        write(capability, scan_and_sort, pointers("x sums ordered", "i32"), {"BLOCK": 128}),
    ]
(here / "kernels.txt").write_text("\n".join(lines) + "\n")
