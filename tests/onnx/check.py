"""What exported models compute, by ONNX's own programs: the same as here.

    pip install numpy onnx onnxruntime safetensors
    python tests/onnx/check.py target/release/cpu [MODEL.safetensors ...]

Writes a model for each kind of layer, with random weights, exports it, lets onnx check the file and
onnxruntime run it on random images, in batches of one and of several, and compares the logits with those
that `predict` prints. Models that are named are compared, too.
"""

import json
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from safetensors.numpy import load_file, save_file
from safetensors import safe_open

# Of the largest logit of an image, if that is above 1: both sides compute in 32 bits.
TOLERANCE = 1e-5
N_IMAGES = 7

random = np.random.default_rng(1)


def dense(n_inputs, n_outputs):
    """A layer, and its tensors."""
    scale = n_inputs**-0.5
    return (
        {"kind": "dense", "n_outputs": n_outputs},
        {
            "weight": random.normal(size=(n_outputs, n_inputs)) * scale,
            "bias": random.normal(size=n_outputs),
        },
    )


def activation(name):
    return {"kind": "activation", "activation": name}, {}


def window(size, stride, padding):
    """Each for rows, then for columns."""
    return {"size": size, "stride": stride, "padding": padding}


def conv2d(n_inputs, n_outputs, size, stride=(1, 1), padding=(0, 0)):
    scale = (n_inputs * size[0] * size[1]) ** -0.5
    return (
        {"kind": "conv2d", "n_outputs": n_outputs, "window": window(size, stride, padding)},
        {
            "weight": random.normal(size=(n_outputs, n_inputs, *size)) * scale,
            "bias": random.normal(size=n_outputs),
        },
    )


def pool2d(pooling, size, stride, padding):
    return {"kind": "pool2d", "pooling": pooling, "window": window(size, stride, padding)}, {}


def batch_norm(n_channels):
    tensors = {
        "weight": random.normal(size=n_channels),
        "bias": random.normal(size=n_channels),
        "running_mean": random.normal(size=n_channels),
        "running_var": random.uniform(0.1, 2, size=n_channels),
    }
    return {"kind": "batch_norm"}, tensors


def layer_norm(*shape):
    tensors = {name: random.normal(size=shape) for name in ["weight", "bias"]}
    return {"kind": "layer_norm", "n_dimensions": len(shape)}, tensors


def embedding(n_entries, n_values):
    settings = {"kind": "embedding", "n_entries": n_entries, "n_values": n_values}
    return settings, {"weight": random.normal(size=(n_entries, n_values))}


def tied(layer, owner):
    """A layer that uses the weight of the layer at place `owner`."""
    settings, tensors = layer
    return settings, {"bias": tensors["bias"]}, owner


FLATTEN = ({"kind": "flatten"}, {})
DROPOUT = ({"kind": "dropout", "probability": 0.4}, {})
SOFTMAX = ({"kind": "softmax"}, {})

# No power of two, and no two numbers that are equal.
HEIGHT, WIDTH = 11, 9
N_PIXELS = HEIGHT * WIDTH

# What is between the image and the logits.
CASES = {
    "linear": [FLATTEN, dense(N_PIXELS, 5)],
    "two dense layers": [FLATTEN, dense(N_PIXELS, 13), dense(13, 5)],
    **{
        name: [FLATTEN, dense(N_PIXELS, 13), activation(name), dense(13, 5)]
        for name in [
            "identity",
            "relu",
            "sigmoid",
            "tanh",
            "leaky_relu",
            "leaky_relu(0.25)",
            "gelu",
            "gelu_tanh",
            "silu",
        ]
    },
    **{
        f"{pooling} pooling": [pool2d(pooling, [3, 2], [2, 1], [1, 0]), FLATTEN, dense(6 * 8, 5)]
        for pooling in ["max", "average"]
    },
    "normalized batches": [
        batch_norm(1),
        FLATTEN,
        dense(N_PIXELS, 13),
        batch_norm(13),
        activation("relu"),
        dense(13, 5),
    ],
    "normalized rows": [
        layer_norm(HEIGHT, WIDTH),
        FLATTEN,
        dense(N_PIXELS, 13),
        layer_norm(13),
        dense(13, 5),
    ],
    "dropout and softmax": [FLATTEN, dense(N_PIXELS, 13), DROPOUT, SOFTMAX, dense(13, 5)],
    "convolution": [conv2d(1, 3, [4, 3]), FLATTEN, dense(3 * 8 * 7, 5)],
    "convolutions": [
        conv2d(1, 3, [5, 3], [2, 1], [1, 2]),
        batch_norm(3),
        activation("relu"),
        conv2d(3, 2, [2, 3]),
        FLATTEN,
        dense(2 * 4 * 9, 5),
    ],
    # A pixel is an index, so the images have black and white pixels alone.
    "embedding": [embedding(2, 3), layer_norm(3), FLATTEN, dense(3 * N_PIXELS, 5)],
    "tied dense layers": [FLATTEN, dense(N_PIXELS, 5), dense(5, 5), tied(dense(5, 5), 2)],
    # The same numbers are entries of a table and a matrix.
    "tied embedding": [
        embedding(5, 3),
        FLATTEN,
        dense(3 * N_PIXELS, 3),
        tied(dense(3, 5), 0),
    ],
    "softmax last": [FLATTEN, dense(N_PIXELS, 5), SOFTMAX],
    "dropout last": [FLATTEN, dense(N_PIXELS, 5), DROPOUT],
    "activation last": [FLATTEN, dense(N_PIXELS, 5), activation("tanh")],
}


def write_model(path, layers):
    """A file as `mnist --save` writes it, but for the training."""
    tensors = {}
    for index, (_, arrays, *_) in enumerate(layers):
        for name, array in arrays.items():
            array = np.ascontiguousarray(array, dtype="<f4")
            tensors[f"{index}.{name}"] = array
    description = {
        "version": 1,
        "name": "test",
        "architecture": {
            "input": [1, HEIGHT, WIDTH],
            "layers": [layer for layer, *_ in layers],
            "initializer": "he_normal",
            "ties": [
                {"layer": index, "owner": owner}
                for index, (_, _, *owners) in enumerate(layers)
                for owner in owners
            ],
        },
        "classes": [str(index) for index in range(5)],
        "training": None,
        "crc32": {name: zlib.crc32(array.tobytes()) for name, array in tensors.items()},
    }
    save_file(tensors, path, {"model": json.dumps(description)})


def check(program, model, folder):
    """Exports a model and compares; gives the largest difference."""
    with safe_open(model, "numpy") as file:
        description = json.loads(file.metadata()["model"])
    channels, height, width = description["architecture"]["input"]
    assert channels == 1, f"{model} takes no grey images"

    images = random.integers(0, 256, size=(N_IMAGES, height, width), dtype=np.uint8)
    if description["architecture"]["layers"][0]["kind"] == "embedding":
        images = np.where(images < 128, 0, 255).astype(np.uint8)
    header = [0x803, N_IMAGES, height, width]
    idx = folder / "images"
    idx.write_bytes(np.array(header, dtype=">u4").tobytes() + images.tobytes())
    exported = folder / "model.onnx"
    subprocess.run([program, "export", model, exported], check=True, stdout=subprocess.DEVNULL)
    command = [program, "predict", model, idx, "--device", "cpu", "--json", "--logits"]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    expected = np.array([json.loads(line)["logits"] for line in lines.splitlines()])
    assert expected.shape == (N_IMAGES, len(description["classes"])), expected.shape

    onnx.checker.check_model(str(exported), full_check=True)
    session = onnxruntime.InferenceSession(exported, providers=["CPUExecutionProvider"])
    x = images[:, None].astype(np.float32) / 255
    largest = 0.0
    for batch in [slice(0, N_IMAGES), slice(2, 3)]:
        logits, probabilities = session.run(["logits", "probabilities"], {"image": x[batch]})
        limit = TOLERANCE * np.maximum(1, np.abs(expected[batch]).max(axis=1, keepdims=True))
        difference = np.abs(logits - expected[batch]) / limit
        assert (difference <= 1).all(), f"{model}: {logits} is not {expected[batch]}"
        power = np.exp(expected[batch] - expected[batch].max(axis=1, keepdims=True))
        softmax = power / power.sum(axis=1, keepdims=True)
        assert (np.abs(probabilities - softmax) <= TOLERANCE).all(), f"{model}: {probabilities}"
        largest = max(largest, difference.max() * TOLERANCE)
    names = {tensor.name for tensor in onnx.load(exported).graph.initializer}
    trained = {name for name in load_file(model) if name[0].isdigit()}
    assert trained <= names, trained - names
    weights = {name for name in names if name.endswith(".weight")}
    assert weights <= trained, f"{model}: nobody has trained {weights - trained}"
    return largest


def main():
    program = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        models = {model: Path(model) for model in sys.argv[2:]}
        for index, (name, layers) in enumerate(CASES.items()):
            models[name] = folder / f"{index}.safetensors"
            write_model(models[name], layers)
        largest = 0.0
        for name, model in models.items():
            difference = check(program, model, folder)
            largest = max(largest, difference)
            print(f"{name:<20} {difference:.1e}")
        print(f"{'largest':<20} {largest:.1e}")


if __name__ == "__main__":
    main()
