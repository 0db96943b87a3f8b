"""Makes kernels.ptx of kernels.cu by NVRTC."""

from pathlib import Path

from cuda.bindings import nvrtc


def check(results):
    if results[0] != nvrtc.nvrtcResult.NVRTC_SUCCESS:
        raise RuntimeError(results[0])
    return results[1] if len(results) == 2 else None


folder = Path(__file__).parent
source = (folder / "kernels.cu").read_bytes()
program = check(nvrtc.nvrtcCreateProgram(source, b"kernels.cu", 0, [], []))
check(nvrtc.nvrtcCompileProgram(program, 1, [b"--gpu-architecture=compute_80"]))
ptx = b" " * check(nvrtc.nvrtcGetPTXSize(program))
check(nvrtc.nvrtcGetPTX(program, ptx))
(folder / "kernels.ptx").write_bytes(ptx.rstrip(b"\0"))
