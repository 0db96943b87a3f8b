#!/usr/bin/env python3
"""Compiles the programs beside it by NVRTC, the library that compiles while a program runs.

NVRTC names the library, libnvrtc.so.13 of the package nvidia-cuda-nvrtc; without, it is looked for beside
this Python's packages. Made with NVRTC 13.5.
"""
import ctypes
import os
import re
import sysconfig
from pathlib import Path

here = Path(__file__).resolve().parent


def library():
    if "NVRTC" in os.environ:
        return ctypes.CDLL(os.environ["NVRTC"])
    found = sorted(Path(sysconfig.get_paths()["purelib"]).glob("nvidia/*/lib/libnvrtc.so.*"))
    assert found, "no NVRTC: install nvidia-cuda-nvrtc, or name the library by NVRTC"
    return ctypes.CDLL(str(found[0]))


nvrtc = library()
nvrtc.nvrtcGetErrorString.restype = ctypes.c_char_p


def check(code):
    assert code == 0, nvrtc.nvrtcGetErrorString(code).decode()


def text(program, what):
    size = ctypes.c_size_t()
    check(getattr(nvrtc, f"nvrtcGet{what}Size")(program, ctypes.byref(size)))
    buffer = ctypes.create_string_buffer(size.value)
    check(getattr(nvrtc, f"nvrtcGet{what}")(program, buffer))
    return buffer.value.decode()


def compile(name, output, options, expressions=()):
    """Writes the PTX, in which the kernels that `expressions` instantiate have the names of `expressions`."""
    source = (here / f"{name}.cu").read_text().encode()
    program = ctypes.c_void_p()
    check(nvrtc.nvrtcCreateProgram(ctypes.byref(program), source, f"{name}.cu".encode(), 0, None, None))
    for expression in expressions:
        check(nvrtc.nvrtcAddNameExpression(program, expression.encode()))
    arguments = [option.encode() for option in options]
    code = nvrtc.nvrtcCompileProgram(program, len(arguments), (ctypes.c_char_p * len(arguments))(*arguments))
    assert code == 0, text(program, "ProgramLog")
    ptx = text(program, "PTX")
    for label, expression in expressions.items() if expressions else ():
        lowered = ctypes.c_char_p()
        check(nvrtc.nvrtcGetLoweredName(program, label.encode(), ctypes.byref(lowered)))
        ptx = re.sub(rf"\b{lowered.value.decode()}\b", expression, ptx)
    check(nvrtc.nvrtcDestroyProgram(ctypes.byref(program)))
    ptx = re.sub(r'(?m)^(\s*\.file\s+\d+\s+)"(?:[^"]*/)?([^"/]*)".*$', r'\1"\2"', ptx)
    (here / output).write_text(re.sub(r"\n{3,}", "\n\n", ptx).rstrip() + "\n")


for suffix, fault in (("", []), (".fault", ["-DFAULT"])):
    names = {"map<Scaled<double>, double, 4>": "map_double", "map<Scaled<unsigned short>, unsigned short, 3>": "map_short"}
    options = ["--gpu-architecture=compute_80", "-lineinfo", "-std=c++17", "-DTILE=64", "-DWEIGHT=0.25f", *fault]
    compile("jit", f"jit{suffix}.ptx", options, names)
    pasted = {"REDUCED_TYPE": "long long", "INPUT_TYPE": "signed char", "COMBINE(a,b)": "((a)+(b))", "IDENTITY": "0"}
    options = ["--gpu-architecture=compute_75", "-lineinfo", "-default-device", "--dopt=on"]
    compile("reduction", f"reduction{suffix}.ptx", [*options, *(f"-D{key}={value}" for key, value in pasted.items()), *fault])
pasted = {"REDUCED_TYPE": "float", "INPUT_TYPE": "float", "COMBINE(a,b)": "fmaxf(a,b)", "IDENTITY": "-1e30f"}
compile("reduction", "reduction_float.ptx", ["--gpu-architecture=compute_90a", "--fmad=false", "-restrict", *(f"-D{key}={value}" for key, value in pasted.items())])
