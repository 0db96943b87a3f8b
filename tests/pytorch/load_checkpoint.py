"""Loads a checkpoint into PyTorch and compares what it computes with what `predict` prints.

    pip install torch safetensors numpy
    python tests/pytorch/load_checkpoint.py target/release/cpu MODEL.safetensors

The tensors have the names and shapes that `torch.nn.Sequential` has for the same layers, so that
`load_state_dict` takes them as they are.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn

# Of the largest logit of an image, if that is above 1: both sides compute in 32 bits.
TOLERANCE = 1e-5
N_IMAGES = 50

ACTIVATIONS = {
    "identity": nn.Identity,
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "leaky_relu": nn.LeakyReLU,
    "gelu": nn.GELU,
    "gelu_tanh": lambda: nn.GELU("tanh"),
    "silu": nn.SiLU,
}


class BatchNorm(nn.modules.batchnorm._BatchNorm):
    """Of rows and of images: PyTorch has a class for each, which refuses the other."""

    def _check_input_dim(self, x):
        pass


POOLING = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}


def layer(settings, tensors, index):
    """PyTorch's layer for one of the description's."""
    kind = settings["kind"]
    weight = tensors.get(f"{index}.weight")
    window = settings.get("window", {})
    window = [tuple(window[name]) for name in ["size", "stride", "padding"] if window]
    if kind == "flatten":
        return nn.Flatten()
    if kind == "dense":
        n_outputs, n_inputs = weight.shape
        return nn.Linear(n_inputs, n_outputs)
    if kind == "conv2d":
        n_outputs, n_inputs = weight.shape[:2]
        return nn.Conv2d(n_inputs, n_outputs, *window)
    if kind == "pool2d":
        return POOLING[settings["pooling"]](*window)
    if kind == "batch_norm":
        return BatchNorm(len(weight))
    if kind == "layer_norm":
        return nn.LayerNorm(tuple(weight.shape))
    if kind == "dropout":
        return nn.Dropout(settings["probability"])
    if kind == "softmax":
        return nn.Softmax(-1)
    if kind == "activation":
        return ACTIVATIONS[settings["activation"]]()
    raise SystemExit(f"layer {index} is of the kind {kind}, which this script does not know")


def main():
    program, model = Path(sys.argv[1]).resolve(), sys.argv[2]
    with safe_open(model, "numpy") as file:
        description = json.loads(file.metadata()["model"])
    # Beside the weights there is what training needs to go on.
    tensors = {
        name: tensor for name, tensor in load_file(model).items() if name.split(".")[0].isdigit()
    }
    layers = description["architecture"]["layers"]
    network = nn.Sequential(*(layer(each, tensors, i) for i, each in enumerate(layers)))
    # PyTorch's batch normalization also counts batches, which is not kept here.
    missing = network.load_state_dict(tensors, strict=False)
    assert not missing.unexpected_keys, missing
    assert all(name.endswith("num_batches_tracked") for name in missing.missing_keys), missing
    network.eval()

    _, height, width = description["architecture"]["input"]
    random = np.random.default_rng(1)
    images = random.integers(0, 256, size=(N_IMAGES, height, width), dtype=np.uint8)
    with tempfile.NamedTemporaryFile() as idx:
        header = np.array([0x803, N_IMAGES, height, width], dtype=">u4")
        idx.write(header.tobytes() + images.tobytes())
        idx.flush()
        command = [program, "predict", model, idx.name, "--device", "cpu", "--json", "--logits"]
        lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    expected = torch.tensor([json.loads(line)["logits"] for line in lines.splitlines()])
    with torch.no_grad():
        logits = network(torch.from_numpy(images[:, None].astype(np.float32) / 255))
    limit = TOLERANCE * expected.abs().amax(dim=1, keepdim=True).clamp(min=1)
    difference = (logits - expected).abs()
    assert (difference <= limit).all(), f"{logits} is not {expected}"
    print(f"{len(tensors)} tensors loaded, the largest difference of a logit is {difference.max():.1e}")


if __name__ == "__main__":
    main()
