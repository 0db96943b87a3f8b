"""Times `cpu bench mnist` and JAX by turns on the same machine, and prints their ratios.

    cargo build --release -p cpu
    pip install jax
    MNIST_DIR=... python docs/bench/compare.py target/release/cpu

Both take two threads, so a machine with two cores is the one to run it on, with nothing else running.
Each turn is a process of its own that prints the median of its epochs; the ratio is that of the
medians of all turns.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys

MODELS = [("128", "64", "8"), ("512,256", "128", "5")]


def median_seconds(command):
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(re.search(r"median ([0-9.]+) s", output.splitlines()[-1]).group(1))


def main():
    options = argparse.ArgumentParser()
    options.add_argument("program")
    options.add_argument("--turns", type=int, default=5)
    options = options.parse_args()
    jax = [sys.executable, os.path.join(os.path.dirname(__file__), "mnist_jax.py")]
    cpu = [options.program, "bench", "mnist", "--device", "cpu", "--threads", "2"]
    for hidden, batch_size, n_epochs in MODELS:
        model = ["--hidden", hidden, "--batch-size", batch_size, "--epochs", n_epochs]
        turns = [
            (median_seconds(cpu + model), median_seconds(jax + model))
            for _ in range(options.turns)
        ]
        ours, theirs = (statistics.median(column) for column in zip(*turns))
        each = ", ".join(f"{cpu:.3f}/{jax:.3f}" for cpu, jax in turns)
        print(
            f"784-{hidden.replace(',', '-')}-10, batch {batch_size}: cpu {ours:.4f} s, "
            f"jax {theirs:.4f} s, ratio {ours / theirs:.2f} (turns: {each})"
        )


if __name__ == "__main__":
    main()
