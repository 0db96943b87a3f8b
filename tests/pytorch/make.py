"""Writes the numbers that tests/pytorch/main.rs compares with: what PyTorch computes, in double precision.

    python tests/pytorch/make.py        (needs torch and safetensors; no GPU)

Each family is a file, <family>.safetensors. Its metadata has the list of its cases as JSON: a name and the
settings of each. The tensors of a case are called <case>.<tensor>. Whatever PyTorch starts from is a number that single
precision holds too, so that every device starts from the same.
"""

import json
import pathlib
import zlib

import safetensors.torch
import torch
from torch.nn import functional

torch.set_default_dtype(torch.float64)
FOLDER = pathlib.Path(__file__).parent


class Family:
    def __init__(self, name):
        self.name, self.cases, self.tensors = name, [], {}
        # Each family has its own, so that a new case does not change the other files.
        self.generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))

    def draw(self, *shape, scale=1.0):
        """Uniform from -scale to scale."""
        return ((2 * torch.rand(*shape, generator=self.generator) - 1) * scale).float().double()

    def integers(self, limit, *shape):
        return torch.randint(limit, shape, generator=self.generator)

    def case(self, name, settings=None, **tensors):
        self.cases.append({"name": name, **(settings or {})})
        for key, tensor in tensors.items():
            self.tensors[f"{name}.{key}"] = tensor.detach().clone().contiguous()

    def save(self):
        # A single entry: several come in any order, and the file would differ from run to run.
        metadata = {"made": json.dumps({"by": f"torch {torch.__version__}", "cases": self.cases})}
        safetensors.torch.save_file(self.tensors, FOLDER / f"{self.name}.safetensors", metadata)


def optimizers():
    family = Family("optimizers")
    parameter, gradients = family.draw(11, scale=2.0), family.draw(6, 11)
    # One gradient is always 0, one always the same.
    gradients[:, 3], gradients[:, 4] = 0.0, 0.75
    optim = torch.optim
    for name, make, settings in [
        ("sgd", optim.SGD, {"lr": 0.1}),
        ("sgd_decay", optim.SGD, {"lr": 0.1, "weight_decay": 0.05}),
        ("sgd_momentum", optim.SGD, {"lr": 0.1, "momentum": 0.9}),
        ("sgd_momentum_decay", optim.SGD, {"lr": 0.03, "momentum": 0.8, "weight_decay": 0.05}),
        ("sgd_nesterov", optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
        ("sgd_nesterov_decay", optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.05}),
        ("adam", optim.Adam, {"lr": 0.01}),
        ("adam_settings", optim.Adam, {"lr": 0.3, "betas": [0.8, 0.99], "eps": 1e-3, "weight_decay": 0.05}),
        ("adam_one_mean", optim.Adam, {"lr": 0.1, "betas": [0.0, 0.9]}),
        ("adamw", optim.AdamW, {"lr": 0.01}),
        ("adamw_settings", optim.AdamW, {"lr": 0.3, "betas": [0.7, 0.95], "eps": 1e-4, "weight_decay": 0.1}),
        ("rmsprop", optim.RMSprop, {"lr": 0.01}),
        ("rmsprop_decay", optim.RMSprop, {"lr": 0.1, "alpha": 0.9, "eps": 1e-4, "weight_decay": 0.05}),
        ("rmsprop_momentum", optim.RMSprop, {"lr": 0.01, "momentum": 0.9}),
        ("rmsprop_centered", optim.RMSprop, {"lr": 0.01, "centered": True}),
        ("rmsprop_all", optim.RMSprop, {"lr": 0.05, "alpha": 0.8, "momentum": 0.5, "centered": True, "weight_decay": 0.1}),
        ("adagrad", optim.Adagrad, {"lr": 0.1}),
        (
            "adagrad_settings",
            optim.Adagrad,
            {"lr": 0.3, "lr_decay": 0.25, "initial_accumulator_value": 0.5, "eps": 1e-3, "weight_decay": 0.05},
        ),
    ]:
        value = torch.nn.Parameter(parameter.clone())
        optimizer = make([value], **settings)
        steps = []
        for gradient in gradients:
            value.grad = gradient.clone()
            optimizer.step()
            steps.append(value.detach().clone())
        # Without what is a number rather than an array.
        state = {key: array for key, array in optimizer.state[value].items() if array is not None and key != "step"}
        settings = {**optimizer.defaults, **settings}
        known = "lr momentum nesterov weight_decay betas eps alpha centered lr_decay initial_accumulator_value".split()
        settings = {key: settings[key] for key in known if key in settings}
        settings["optimizer"] = make.__name__
        family.case(name, settings, parameter=parameter, gradients=gradients, steps=torch.stack(steps), **state)
    family.save()


def rates(make, base, n_steps):
    """What a scheduler of PyTorch sets at each step."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=base)
    scheduler = make(optimizer)
    rates = []
    for _ in range(n_steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def schedules():
    family = Family("schedules")
    schedulers, base = torch.optim.lr_scheduler, 0.25
    for n_warm_up in [0, 4]:
        for n_steps in [1, 3, 27]:
            n_decay = n_steps - n_warm_up
            if n_decay < 1:
                continue
            for name, settings, make in [
                ("constant", {}, lambda o: schedulers.ConstantLR(o, factor=1.0)),
                ("step", {"every": 5, "factor": 0.3}, lambda o: schedulers.StepLR(o, step_size=5, gamma=0.3)),
                ("exponential", {"factor": 0.85}, lambda o: schedulers.ExponentialLR(o, gamma=0.85)),
                (
                    "cosine",
                    {"minimum": 1 / 128},
                    lambda o: schedulers.CosineAnnealingLR(o, T_max=n_decay, eta_min=1 / 128),
                ),
                (
                    "one_cycle",
                    {},
                    lambda o: schedulers.OneCycleLR(o, max_lr=base, total_steps=n_decay, cycle_momentum=False),
                ),
            ]:
                # The same as SequentialLR makes of the two, but OneCycleLR takes no part in one.
                warm_up = lambda o: schedulers.LinearLR(o, start_factor=1 / (n_warm_up + 1), total_iters=n_warm_up)
                values = rates(warm_up, base, n_warm_up) + rates(make, base, n_decay)
                settings = {"schedule": name, "base": base, "n_warm_up": n_warm_up, **settings}
                family.case(f"{name}_{n_warm_up}_{n_steps}", settings, rates=torch.tensor(values))
    family.save()


def clipping():
    family = Family("clipping")
    gradients = [family.draw(*shape, scale=2.0) for shape in [(7,), (3, 5), (1,), (4, 2, 3)]]
    for name, settings in [
        ("norm", {"norm": 1.5}),
        ("norm_above", {"norm": 1e3}),
        ("value", {"value": 0.7}),
    ]:
        parameters = [torch.nn.Parameter(torch.zeros_like(gradient)) for gradient in gradients]
        for parameter, gradient in zip(parameters, gradients):
            parameter.grad = gradient.clone()
        tensors = {}
        if "norm" in settings:
            tensors["total_norm"] = torch.nn.utils.clip_grad_norm_(parameters, settings["norm"]).reshape(1)
        else:
            torch.nn.utils.clip_grad_value_(parameters, settings["value"])
        for index, (parameter, gradient) in enumerate(zip(parameters, gradients)):
            tensors[f"gradient{index}"] = gradient
            tensors[f"clipped{index}"] = parameter.grad
        family.case(name, {"n_parameters": len(parameters), **settings}, **tensors)
    family.save()


def losses():
    family = Family("losses")
    for name, scale, label_smoothing in [
        ("cross_entropy", 3.0, 0.0),
        ("cross_entropy_smooth", 3.0, 0.1),
        ("cross_entropy_smoother", 30.0, 0.3),
    ]:
        y, labels = family.draw(7, 5, scale=scale).requires_grad_(), family.integers(5, 7)
        loss = functional.cross_entropy(y, labels, label_smoothing=label_smoothing)
        (dy,) = torch.autograd.grad(loss, y)
        settings = {"loss": "cross_entropy", "label_smoothing": label_smoothing}
        family.case(name, settings, y=y, labels=labels, loss=loss.reshape(1), dy=dy)
    for name, function, settings in [
        ("mean_squared_error", functional.mse_loss, {}),
        ("l1", functional.l1_loss, {}),
        ("huber", functional.huber_loss, {"delta": 1.0}),
        ("huber_narrow", functional.huber_loss, {"delta": 0.25}),
        ("binary_cross_entropy", functional.binary_cross_entropy_with_logits, {}),
    ]:
        y, target = family.draw(7, 3, scale=3.0), family.draw(7, 3, scale=3.0)
        if name == "binary_cross_entropy":
            target = (target / 6 + 0.5).float().double()
            # Where exponentials overflow in single precision, and where a probability is certain.
            y[0], target[0] = torch.tensor([95.0, -95.0, 0.0]), torch.tensor([0.0, 1.0, 1.0])
        else:
            # The derivative where both are the same.
            y[0, 0] = target[0, 0]
        y.requires_grad_()
        loss = function(y, target, **settings)
        (dy,) = torch.autograd.grad(loss, y)
        settings = {"loss": name.removesuffix("_narrow"), **settings}
        family.case(name, settings, y=y, target=target, loss=loss.reshape(1), dy=dy)
    family.save()


def backward(y, dy, **inputs):
    """The gradients of y weighted by dy, under the names d<input>."""
    gradients = torch.autograd.grad(y, list(inputs.values()), dy)
    return {f"d{name}": gradient for name, gradient in zip(inputs, gradients)}


def dense_and_convolutions():
    family = Family("products")
    x, weight, bias = family.draw(5, 7).requires_grad_(), family.draw(3, 7).requires_grad_(), family.draw(3).requires_grad_()
    y = functional.linear(x, weight, bias)
    dy = family.draw(*y.shape)
    gradients = backward(y, dy, x=x, weight=weight, bias=bias)
    family.case("dense", {"layer": "dense"}, x=x, weight=weight, bias=bias, y=y, dy=dy, **gradients)
    for name, size, strides, padding in [
        ("convolution", [3, 3], [1, 1], [0, 0]),
        ("convolution_padded", [5, 5], [1, 1], [2, 2]),
        ("convolution_strided", [3, 2], [2, 1], [1, 0]),
        ("convolution_leaving_pixels", [2, 3], [3, 2], [0, 1]),
        ("convolution_of_pixels", [1, 1], [1, 1], [0, 0]),
    ]:
        x = family.draw(2, 3, 7, 6).requires_grad_()
        weight, bias = family.draw(5, 3, *size).requires_grad_(), family.draw(5).requires_grad_()
        y = functional.conv2d(x, weight, bias, stride=strides, padding=padding)
        dy = family.draw(*y.shape)
        settings = {"layer": "convolution", "size": size, "strides": strides, "padding": padding}
        gradients = backward(y, dy, x=x, weight=weight, bias=bias)
        family.case(name, settings, x=x, weight=weight, bias=bias, y=y, dy=dy, **gradients)
    family.save()


def pooling():
    family = Family("pooling")
    for kind, function in [("max", functional.max_pool2d), ("average", functional.avg_pool2d)]:
        for name, size, strides, padding in [
            ("plain", [2, 2], [2, 2], [0, 0]),
            ("overlapping", [3, 3], [2, 2], [1, 1]),
            ("oblong", [3, 2], [1, 2], [1, 0]),
            ("leaving_pixels", [2, 1], [3, 2], [0, 0]),
        ]:
            x = family.draw(2, 3, 7, 6).requires_grad_()
            y = function(x, size, stride=strides, padding=padding)
            dy = family.draw(*y.shape)
            settings = {"pooling": kind, "size": size, "strides": strides, "padding": padding}
            family.case(f"{kind}_{name}", settings, x=x, y=y, dy=dy, **backward(y, dy, x=x))
    family.save()


def normalization():
    family = Family("normalization")
    for name, make, shape in [
        ("batch_norm_1d", torch.nn.BatchNorm1d, (7, 5)),
        ("batch_norm_2d", torch.nn.BatchNorm2d, (3, 5, 4, 3)),
    ]:
        layer = make(5, eps=1e-5, momentum=0.1)
        layer.weight.data, layer.bias.data = family.draw(5, scale=2.0), family.draw(5)
        tensors = {"weight": layer.weight, "bias": layer.bias}
        # Two steps, since the running statistics of the second build on the first's.
        for step in range(2):
            x = (family.draw(*shape, scale=2.0) + 0.5).requires_grad_()
            y = layer(x)
            dy = family.draw(*shape)
            gradients = backward(y, dy, x=x, weight=layer.weight, bias=layer.bias)
            step_tensors = dict(x=x, y=y, dy=dy, **gradients)
            step_tensors.update(running_mean=layer.running_mean, running_var=layer.running_var)
            tensors.update({f"{key}{step}": tensor.detach().clone() for key, tensor in step_tensors.items()})
        layer.eval()
        x = family.draw(*shape, scale=2.0)
        tensors.update(x_evaluation=x, y_evaluation=layer(x))
        settings = {"layer": "batch_norm", "n_channels": 5, "epsilon": layer.eps, "momentum": layer.momentum}
        family.case(name, settings, **tensors)
    layer = torch.nn.LayerNorm(7, eps=1e-5)
    layer.weight.data, layer.bias.data = family.draw(7, scale=2.0), family.draw(7)
    x = (family.draw(5, 7, scale=2.0) + 0.5).requires_grad_()
    y = layer(x)
    dy = family.draw(*y.shape)
    gradients = backward(y, dy, x=x, weight=layer.weight, bias=layer.bias)
    settings = {"layer": "layer_norm", "epsilon": layer.eps}
    family.case("layer_norm", settings, x=x, weight=layer.weight, bias=layer.bias, y=y, dy=dy, **gradients)
    family.save()


def elementwise():
    family = Family("elementwise")
    x = family.draw(5, 7, scale=6.0)
    x[0, 0] = 0.0
    dy = family.draw(5, 7)
    for name, function in [
        ("identity", lambda x: x * 1.0),
        ("relu", functional.relu),
        ("leaky_relu", lambda x: functional.leaky_relu(x, 1 / 64)),
        ("sigmoid", torch.sigmoid),
        ("tanh", torch.tanh),
        ("gelu", functional.gelu),
        ("gelu_tanh", lambda x: functional.gelu(x, approximate="tanh")),
        ("silu", functional.silu),
        ("softmax", lambda x: functional.softmax(x, dim=1)),
        ("dropout", lambda x: functional.dropout(x, p=0.4, training=False) * 1.0),
    ]:
        x = x.detach().requires_grad_()
        y = function(x)
        settings = {"slope": 1 / 64} if name == "leaky_relu" else {}
        family.case(name, settings, x=x, y=y, dy=dy, **backward(y, dy, x=x))
    family.save()


def embedding():
    family = Family("embedding")
    weight, indices = family.draw(6, 3).requires_grad_(), family.integers(6, 4, 5)
    indices[0, :2], indices[1, 0] = 2, 2
    y = functional.embedding(indices, weight)
    dy = family.draw(*y.shape)
    family.case("embedding", {}, indices=indices, weight=weight, y=y, dy=dy, **backward(y, dy, weight=weight))
    family.save()


def metrics():
    family = Family("metrics")
    n_classes = 5
    scores, labels = family.draw(61, n_classes), family.integers(n_classes - 1, 61)
    # Mostly right, never class 3, and there is no image of class 4.
    scores[torch.arange(61), labels] += 0.6
    scores[:, 3] -= 9.0
    predictions = scores.argmax(dim=1)
    confusion = torch.zeros(n_classes, n_classes, dtype=torch.int64)
    for label, prediction in zip(labels, predictions):
        confusion[label, prediction] += 1
    right = confusion.diagonal().double()

    def share(part, whole):
        return torch.where(whole > 0, part / whole.clamp(min=1), 0.0)

    precision, recall = share(right, confusion.sum(dim=0)), share(right, confusion.sum(dim=1))
    both = precision + recall
    f1 = torch.where(both > 0, 2 * precision * recall / both.clamp(min=1e-300), 0.0)
    top = [(scores.topk(k, dim=1).indices == labels[:, None]).any(dim=1).double().mean() for k in range(1, 6)]
    accuracy = (predictions == labels).double().mean().reshape(1)
    arrays = dict(scores=scores, labels=labels, predictions=predictions, confusion=confusion, accuracy=accuracy)
    family.case("metrics", {"n_classes": n_classes}, **arrays, precision=precision, recall=recall, f1=f1, top=torch.stack(top))
    family.save()


for write in [
    optimizers,
    schedules,
    clipping,
    losses,
    dense_and_convolutions,
    pooling,
    normalization,
    elementwise,
    embedding,
    metrics,
]:
    write()
