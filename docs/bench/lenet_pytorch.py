"""Times PyTorch on what `cpu bench mnist --model lenet` times: seconds of training per epoch, Adam, f32.

The network: convolution 16@5x5, maximum over 2x2, convolution 32@5x5, maximum over 2x2, dense 128,
dense 10, ReLU in between. Images are f32 in memory before the time begins, and shuffling is a gather of
each batch's rows: nothing of PyTorch's data loaders is timed. Reads MNIST (raw or gzip IDX) from
$MNIST_DIR, else takes random images, for which the arithmetic is the same.

    pip install torch numpy
    python docs/bench/lenet_pytorch.py --threads 2 --epochs 3

`--channels-last` and `--compile` try what PyTorch offers to be faster; the last line has the median.
"""

import argparse
import gzip
import os
import statistics
import time

import numpy as np
import torch
from torch import nn


def read_idx(directory, name):
    path = os.path.join(directory, name)
    if os.path.exists(path):
        data = open(path, "rb").read()
    else:
        data = gzip.open(path + ".gz").read()
    n_dimensions = data[3]
    shape = np.frombuffer(data, ">u4", n_dimensions, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * n_dimensions).reshape(shape)


def training_set():
    directory = os.environ.get("MNIST_DIR")
    if directory:
        images = read_idx(directory, "train-images-idx3-ubyte")
        return images, read_idx(directory, "train-labels-idx1-ubyte")
    random = np.random.default_rng(1)
    return (
        random.integers(0, 256, (60000, 28, 28), dtype=np.uint8),
        random.integers(0, 10, 60000, dtype=np.uint8),
    )


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(512, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--batch-size", type=int, default=64)
    options.add_argument("--epochs", type=int, default=5)
    options.add_argument("--learning-rate", type=float, default=0.001)
    options.add_argument("--threads", type=int, default=os.cpu_count())
    options.add_argument("--channels-last", action="store_true")
    options.add_argument("--compile", action="store_true")
    options = options.parse_args()

    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    images, labels = training_set()
    images = torch.tensor(images, dtype=torch.float32).reshape(-1, 1, 28, 28) / 255.0
    labels = torch.tensor(labels, dtype=torch.int64)
    model = lenet()
    if options.channels_last:
        model = model.to(memory_format=torch.channels_last)
        images = images.to(memory_format=torch.channels_last)
    step_model = torch.compile(model) if options.compile else model
    optimizer = torch.optim.Adam(model.parameters(), lr=options.learning_rate)
    loss_function = nn.CrossEntropyLoss()

    seconds = []
    for number in range(options.epochs + 1):
        order = torch.randperm(len(images))
        losses = 0.0
        n_steps = 0
        start = time.perf_counter()
        for rows in order.split(options.batch_size):
            optimizer.zero_grad(set_to_none=True)
            loss = loss_function(step_model(images[rows]), labels[rows])
            loss.backward()
            optimizer.step()
            losses += loss.item()
            n_steps += 1
        elapsed = time.perf_counter() - start
        if number > 0:  # The first one warms up.
            seconds.append(elapsed)
            print(f"epoch {number}: {elapsed:.3f} s, loss {losses / n_steps:.4f}", flush=True)
    print(
        f"torch {torch.__version__}, lenet, batch {options.batch_size}, {options.threads} threads: "
        f"median {statistics.median(seconds):.3f} s, "
        f"min {min(seconds):.3f} s, max {max(seconds):.3f} s"
    )


if __name__ == "__main__":
    main()
