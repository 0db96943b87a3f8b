#!/usr/bin/env python3
"""Compares the machine code of the kernels in Rust with that of the same kernels in CUDA C++.

    PTXAS=.../ptxas NVDISASM=.../nvdisasm tests/sass/compare.py [--arch sm_90] [--check]

Assembles kernels/ptx/sass_kernels.sm_80.ptx and kernels.nvcc.ptx, and prints for each kernel the
instructions (padding left out), the registers, and how much more the Rust one takes. With --check
it fails if that is more than 5 % and the kernel is not in REASONS. ptxas is in the package
nvidia-cuda-nvcc, nvdisasm in triton, both on PyPI.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
LIMIT = 0.05

# Why a kernel takes more than its twin.
REASONS = {
    "saxpy": "`PerThread` looks that no other thread can have the element (y and z of thread and "
    "block), with an index of 64 bits.",
    "histogram": "the functions of `cuda_std::atomic::intrinsics` are assembly, whose address is a "
    "generic one: `ATOM` where nvcc has `ATOMS` and `REDG`. `core`'s `AtomicU32` gives those.",
    "stencil": "two registers: the same loads, of which ptxas keeps more addresses at a time.",
    "scan": "one register.",
    "mandelbrot": "two registers, and a compare and a branch apart where nvcc has one of both.",
}


def measure(ptx, arch):
    """{kernel: (instructions, registers)}"""
    with tempfile.TemporaryDirectory() as folder:
        cubin = os.path.join(folder, "kernels.cubin")
        command = [os.environ.get("PTXAS", "ptxas"), "-v", f"-arch={arch}", str(ptx), "-o", cubin]
        log = subprocess.run(command, check=True, capture_output=True, text=True).stderr
        command = [os.environ.get("NVDISASM", "nvdisasm"), "-c", cubin]
        sass = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    registers = dict(
        re.findall(r"Function properties for (\w+)\n.*\n.*Used (\d+) registers", log)
    )
    counts, kernel = {}, None
    for line in sass.splitlines():
        if section := re.match(r"\s*\.section\s+\.text\.(\w+)", line):
            kernel = section[1]
            counts[kernel] = 0
        elif kernel and (code := re.match(r"\s*/\*[0-9a-f]{4,}\*/\s+(.*)", line)):
            counts[kernel] += not code[1].startswith("NOP")
    # Each ends in a branch to itself, which is padding too.
    return {kernel: (counts[kernel] - 1, int(registers[kernel])) for kernel in registers}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arch", default="sm_90")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--rust", default=HERE / "kernels/ptx/sass_kernels.sm_80.ptx")
    options = parser.parse_args()
    rust = measure(options.rust, options.arch)
    cuda = measure(HERE / "kernels.nvcc.ptx", options.arch)
    print("| kernel | instructions, Rust | C++ | | registers, Rust | C++ | |")
    print("|---|---|---|---|---|---|---|")
    failures = []
    for kernel, (instructions, registers) in cuda.items():
        ratios = [rust[kernel][0] / instructions - 1, rust[kernel][1] / registers - 1]
        print(
            f"| `{kernel}` | {rust[kernel][0]} | {instructions} | {ratios[0]:+.1%} "
            f"| {rust[kernel][1]} | {registers} | {ratios[1]:+.1%} |"
        )
        if max(ratios) > LIMIT and kernel not in REASONS:
            failures.append(kernel)
    for kernel, reason in REASONS.items():
        print(f"\n`{kernel}`: {reason}")
    if options.check and failures:
        sys.exit(f"more than {LIMIT:.0%} above nvcc's, without a reason: {', '.join(failures)}")


main()
