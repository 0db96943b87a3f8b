#!/bin/sh
# Compiles the CUDA programs of this folder to PTX: generate.sh path/to/nvcc
# The paths in the output lose their folders. Made with nvcc 13.5.
set -e
nvcc=$1
cd "$(dirname "$0")"
compile() {
    output=$1
    shift
    "$nvcc" -ptx "$@" -o "$output"
    sed -i -E '/^\s*\.file/s#"[^"]*/#"#' "$output"
}
compile calls.ptx -arch=sm_80 calls.cu
compile memory.ptx -arch=sm_80 memory.cu
compile control.ptx -arch=sm_100 control.cu
compile bulk.ptx -arch=sm_90a -std=c++17 bulk.cu
compile hopper.ptx -arch=sm_90a -std=c++17 hopper.cu
compile clusters.ptx -arch=sm_90 -std=c++17 clusters.cu
compile tensor.ptx -arch=sm_80 -std=c++17 tensor.cu
compile tensor_hopper.ptx -arch=sm_90 -std=c++17 tensor.cu
compile wgmma.ptx -arch=sm_90a -std=c++17 wgmma.cu
compile lines.ptx -arch=sm_80 -lineinfo debug.cu
compile debug.ptx -arch=sm_100 -G debug.cu
# The notes for a debugger hold the folder, and nobody reads them.
sed -i -E '/\.section\s+\.debug_info/,$s/^\.b8 [0-9]+$/.b8 0/' debug.ptx
