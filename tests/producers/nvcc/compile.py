#!/usr/bin/env python3
"""Compiles the programs beside it to PTX: compile.py [NAME...], with the nvcc that NVCC names.

Each program becomes NAME.ptx and, with FAULT defined, NAME.fault.ptx. Its second line has its options.
Made with nvcc 13.5.
"""
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

here = Path(__file__).resolve().parent
nvcc = shlex.split(os.environ.get("NVCC", "nvcc"))


def options(source):
    line = source.read_text().splitlines()[1]
    assert line.startswith("// nvcc "), f"{source.name}:2: expected the options, as `// nvcc -arch=sm_80`"
    return shlex.split(line.removeprefix("// nvcc "))


def tidy(ptx):
    # No folder of the machine that compiled it, and none of the notes that only a debugger reads.
    ptx = re.sub(r'(?m)^(\s*\.file\s+\d+\s+)"(?:[^"]*/)?([^"/]*)".*$', r'\1"\2"', ptx)
    ptx = re.sub(r"(?ms)^\s*\.section\s+\.debug_(?!str)\w+\s*\{.*?^\s*\}\s*?$", "", ptx)
    ptx = re.sub(r"(?m)^\s*// (begin|end) inline asm\n", "", ptx)
    # Names that are the file's own have hashes of the folder in them.
    ptx = re.sub(r"_INTERNAL_[0-9a-f]{8}_", "_INTERNAL_00000000_", ptx)
    ptx = re.sub(r"(_INTERNAL_\w+?_cu_)[0-9a-f]{8}", r"\g<1>00000000", ptx)
    ptx = re.sub(r"(?m)(^\$L__info_string\d+:\n)(?:\.b8 .*\n)+", r"\1.b8 0\n", ptx)
    return re.sub(r"\n{3,}", "\n\n", ptx).rstrip() + "\n"


def compile(source, output, extra):
    command = [*nvcc, "-ptx", *options(source), *extra, source.name, "-o", "-"]
    ptx = subprocess.run(command, cwd=source.parent, check=True, stdout=subprocess.PIPE, text=True).stdout
    output.write_text(tidy(ptx))


chosen = sys.argv[1:]
for source in sorted(here.glob("*.cu")):
    if chosen and source.stem not in chosen:
        continue
    compile(source, source.with_suffix(".ptx"), [])
    compile(source, source.with_suffix(".fault.ptx"), ["-DFAULT"])
