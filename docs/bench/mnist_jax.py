"""Times JAX on what `cpu bench mnist` times: seconds of training per epoch, plain SGD, f32.

A whole epoch is one jitted `lax.scan`, with the images on the device as f32, shuffled outside of
the timed part, and the last partial batch left out: what favours JAX. Reads MNIST (raw or gzip IDX)
from $MNIST_DIR, else takes random images, for which the arithmetic is the same.

    pip install jax
    python docs/bench/mnist_jax.py --hidden 128 --batch-size 64 --epochs 5
    python docs/bench/mnist_jax.py --hidden 512,256 --batch-size 128 --epochs 5

With `--gather` the shuffling counts, as it does in `cpu bench`: every step gathers its rows.
"""

import argparse
import gzip
import os
import statistics
import time

import jax
import jax.numpy as jnp
import numpy as np


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
        images = read_idx(directory, "train-images-idx3-ubyte").reshape(60000, 784)
        return images, read_idx(directory, "train-labels-idx1-ubyte")
    random = np.random.default_rng(1)
    return (
        random.integers(0, 256, (60000, 784), dtype=np.uint8),
        random.integers(0, 10, 60000, dtype=np.uint8),
    )


def initial_parameters(sizes):
    key = jax.random.key(1)
    parameters = []
    for n_inputs, n_outputs in zip(sizes, sizes[1:]):
        key, draw = jax.random.split(key)
        limit = (6.0 / (n_inputs + n_outputs)) ** 0.5
        weight = jax.random.uniform(draw, (n_inputs, n_outputs), jnp.float32, -limit, limit)
        parameters.append((weight, jnp.zeros(n_outputs, jnp.float32)))
    return parameters


def loss(parameters, x, labels):
    for weight, bias in parameters[:-1]:
        x = jax.nn.relu(x @ weight + bias)
    weight, bias = parameters[-1]
    log_probabilities = jax.nn.log_softmax(x @ weight + bias)
    return -jnp.mean(jnp.take_along_axis(log_probabilities, labels[:, None], axis=1))


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--hidden", default="128")
    options.add_argument("--batch-size", type=int, default=64)
    options.add_argument("--epochs", type=int, default=5)
    options.add_argument("--learning-rate", type=float, default=0.1)
    options.add_argument("--gather", action="store_true")
    options = options.parse_args()

    images, labels = training_set()
    n_steps = len(images) // options.batch_size
    n_rows = n_steps * options.batch_size
    sizes = [784, *map(int, options.hidden.split(",")), 10]
    parameters = initial_parameters(sizes)
    images = jnp.asarray(images, jnp.float32) / 255.0
    labels = jnp.asarray(labels, jnp.int32)

    def update(parameters, x, labels):
        value, gradients = jax.value_and_grad(loss)(parameters, x, labels)
        parameters = jax.tree.map(
            lambda p, g: p - options.learning_rate * g, parameters, gradients
        )
        return parameters, value

    if options.gather:

        @jax.jit
        def epoch(parameters, images, labels, order):
            def step(parameters, rows):
                return update(parameters, images[rows], labels[rows])

            return jax.lax.scan(step, parameters, order)

    else:

        @jax.jit
        def epoch(parameters, batches, batch_labels):
            def step(parameters, batch):
                return update(parameters, *batch)

            return jax.lax.scan(step, parameters, (batches, batch_labels))

    random = np.random.default_rng(1)
    seconds = []
    for number in range(options.epochs + 1):
        order = jnp.asarray(random.permutation(len(images))[:n_rows], jnp.int32)
        if options.gather:
            arguments = (images, labels, order.reshape(n_steps, -1))
        else:
            arguments = (
                images[order].reshape(n_steps, options.batch_size, 784),
                labels[order].reshape(n_steps, -1),
            )
        jax.block_until_ready(arguments)
        start = time.perf_counter()
        parameters, losses = jax.block_until_ready(epoch(parameters, *arguments))
        elapsed = time.perf_counter() - start
        if number > 0:  # The first one compiles.
            seconds.append(elapsed)
            print(f"epoch {number}: {elapsed:.4f} s, loss {float(losses.mean()):.4f}", flush=True)
    print(
        f"jax {jax.__version__}, {sizes}, batch {options.batch_size}: "
        f"median {statistics.median(seconds):.4f} s, "
        f"min {min(seconds):.4f} s, max {max(seconds):.4f} s"
    )


if __name__ == "__main__":
    main()
