#!/bin/sh
# Tests and timings for a machine that has a GPU but neither Rust nor this repository.
#
#   tests/gpu.sh pack FOLDER    where the repository is: builds the program and the tests that use a
#                               GPU, strips them, and puts them into FOLDER, with this script
#   FOLDER/gpu.sh run           where the GPU is: runs them
#
# `run` does, in this order, and prints at its end which of these failed:
#
#   devices      what the program finds
#   tests        all tests of kernels against the CPU and the reference, and the simulator's tables of
#                instructions; no GPU is a failure
#   example      examples/own_layer on the GPU, which has to learn as well as on the CPU
#   memcheck, racecheck, synccheck, initcheck
#                the same under compute-sanitizer, without the test that makes a kernel panic
#   mnist        15 epochs with the defaults, and a second run that has to give the same accuracy
#   bench        the timings of docs/measurements.md, once each, and those of a lenet and a cnn
#   fundamentals every algorithm with its checks and its table, the roofline, and the Gaussian
#
# Names of steps after `run` choose among them. What each step prints also goes to FOLDER/results.
#
# Environment:
#   MNIST_DIR           where the four files of MNIST lie; without them `mnist` and `bench` take the
#                       built-in digits
#   COMPUTE_SANITIZER   the tool, if it is neither on the PATH nor in CUDA_HOME/bin or
#                       /usr/local/cuda/bin; if there is none, its steps fail
#   PTXAS               if set to ptxas, the tests of the PTX assemble it
set -eu

# Builds one program, `cargo ARGUMENT...`, and puts it into FOLDER as NAME: `build_into FOLDER NAME
# ARGUMENT...`.
build_into() {
    target=$1/$2
    shift 2
    path=$(cargo "$@" --release --message-format json |
        sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
    [ -n "$path" ] || { echo "gpu.sh: cargo $* made no program" >&2; return 1; }
    strip -o "$target" "$path"
}

pack() {
    folder=$1
    mkdir -p "$folder"
    folder=$(cd "$folder" && pwd)
    cd "$(dirname "$0")/.."
    build_into "$folder" cpu build --package cpu --bin cpu
    build_into "$folder" own_layer build --package own_layer
    for test in gpu_against_cpu fundamentals instructions ptx; do
        build_into "$folder" "$test" test --package cpu --test "$test" --no-run
    done
    cp tests/gpu.sh "$folder/gpu.sh"
    ls -l "$folder"
}

# Finds compute-sanitizer.
sanitizer() {
    for tool in "${COMPUTE_SANITIZER:-}" "$(command -v compute-sanitizer || true)" \
        "${CUDA_HOME:-/usr/local/cuda}/bin/compute-sanitizer" /usr/local/cuda/bin/compute-sanitizer; do
        if [ -n "$tool" ] && [ -x "$tool" ]; then
            echo "$tool"
            return
        fi
    done
    echo "gpu.sh: compute-sanitizer was not found; set COMPUTE_SANITIZER" >&2
    return 1
}

# Runs the tests under one of compute-sanitizer's tools.
check() {
    tool=$(sanitizer) || return 1
    TEST_DEVICES=cpu,cuda "$tool" --tool "$1" --error-exitcode 9 ./gpu_against_cpu --test-threads 1 \
        --skip a_kernel_that_panics_is_named --skip what_is_no_index_stops_the_kernel
}

accuracy() {
    sed -n 's/.*"done":true.*"test_accuracy":\([0-9.]*\).*/\1/p' "$1"
}

step() {
    case $1 in
        devices)
            nvidia-smi || true
            ./cpu devices
            ;;
        tests)
            TEST_DEVICES=cpu,cuda ./gpu_against_cpu && TEST_DEVICES=cuda ./instructions && ./ptx &&
                TEST_DEVICES=cuda CPU_PROGRAM=$PWD/cpu ./fundamentals
            ;;
        memcheck | racecheck | synccheck | initcheck)
            check "$1"
            ;;
        example)
            # As the example's own test on the CPU.
            share=$(./own_layer cuda) && echo "$share" && [ "${share%%.*}" -ge 93 ]
            ;;
        mnist)
            ./cpu mnist --device cuda --metrics results/mnist.jsonl &&
                ./cpu mnist --device cuda --metrics results/mnist-again.jsonl >/dev/null &&
                [ -n "$(accuracy results/mnist.jsonl)" ] &&
                [ "$(accuracy results/mnist.jsonl)" = "$(accuracy results/mnist-again.jsonl)" ]
            ;;
        bench)
            ./cpu bench mnist --device cuda --hidden 128 --batch-size 64 &&
                ./cpu bench mnist --device cuda --hidden 512,256 --batch-size 128 &&
                ./cpu bench mnist --device cuda --hidden 4096,4096 --batch-size 2048 \
                    --learning-rate 0.05 --epochs 3 &&
                ./cpu bench mnist --device cuda --model lenet &&
                ./cpu bench mnist --device cuda --model cnn &&
                ./cpu bench mnist --device cuda --model cnn --augment
            ;;
        fundamentals)
            # Each with its checks and its table; `list` shows their names behind two blanks.
            for name in $(./cpu list | sed -n 's/^  \([a-z-]*\) .*/\1/p'); do
                [ "$name" != roofline ] || continue
                printf '\n-- %s\n' "$name"
                ./cpu "$name" --device cuda || return 1
            done
            ./cpu roofline --device cuda --out results/roofline.svg &&
                ./cpu gaussian --device cuda
            ;;
        *)
            echo "gpu.sh: there is no step '$1'" >&2
            return 2
            ;;
    esac
}

run() {
    cd "$(dirname "$0")"
    mkdir -p results
    export TEST_DEVICES="${TEST_DEVICES:-cpu,cuda}"
    if [ $# -eq 0 ]; then
        set -- devices tests example memcheck racecheck synccheck initcheck mnist bench \
            fundamentals
    fi
    failed=
    for name in "$@"; do
        printf '\n== %s\n' "$name"
        start=$(date +%s)
        # The status of `step`, not that of `tee`.
        { step "$name" && : >results/ok || rm -f results/ok; } 2>&1 | tee "results/$name.txt"
        [ -e results/ok ] || failed="$failed $name"
        rm -f results/ok
        printf '== %s took %s s\n' "$name" $(($(date +%s) - start))
    done
    if [ -n "$failed" ]; then
        printf '\nfailed:%s\n' "$failed"
        return 1
    fi
    printf '\nall steps passed\n'
}

case ${1:-} in
    pack)
        [ $# -eq 2 ] || { echo "usage: tests/gpu.sh pack FOLDER" >&2; exit 2; }
        pack "$2"
        ;;
    run)
        shift
        run "$@"
        ;;
    *)
        sed -n '2,/^set -eu/{/^set -eu/d;s/^# \{0,1\}//;p}' "$0"
        exit 2
        ;;
esac
