"""Make tests/data/golden_norm.npz: what SpikingJelly's norms over time compute, with all gradients.

Every case is one layer in training mode on three batches x (T, B, C, ...), then in evaluation mode on the last of them.
With a fixed cotangent c of each batch, (y * c).sum() is differentiated with respect to x and the parameters, which are
drawn at random.  In the file: per case the inputs, cotangents and parameters, the outputs and gradients of every batch,
the running statistics after the third, the output in evaluation, and `header`, JSON with versions and calls.

Names: parameters and statistics have ours.  BatchNormThroughTime keeps a list of T batch norms there; here their
numbers are stacked to (T, C).  SpikingJelly's NeuNorm has an m that is smaller by C, so that its w is C times our
weight and its gradient 1 / C of ours: both are ours in the file, C being `scale` in the header.
"""

from __future__ import annotations

import numpy as np
import torch
from spikingjelly.activation_based import layer

from golden import apart, versions

T, B, BATCHES = 3, 3, 3
TOLERANCE = 1e-5  # float32 sums of a hundred terms in another order


def cases():
    """Our class and arguments, SpikingJelly's, and the shape of one sample."""
    shapes = {"1d": [(5,), (4, 3)], "2d": [(3, 3, 3), (4, 2, 2)]}
    for kind, samples in shapes.items():
        for shape in samples:
            c = shape[0]
            for settings in ({}, {"eps": 0.01, "momentum": 0.3}, {"momentum": None}):
                yield case(
                    f"ThresholdDependentBatchNorm{kind}",
                    {"num_features": c, "v_threshold": 0.5, "alpha": 0.7, **settings},
                    {"alpha": 0.7, "v_th": 0.5, "num_features": c, **settings}, shape,
                )  # fmt: skip
                both = {"T": T, "num_features": c, **settings}
                yield case(f"TemporalEffectiveBatchNorm{kind}", both, both, shape)
                yield case(f"BatchNormThroughTime{kind}", both, both, shape)
            plain = {"T": T, "num_features": c, "affine": False}
            yield case(f"TemporalEffectiveBatchNorm{kind}", plain, plain, shape)
    for shape in ((3, 3, 3), (4, 2, 2)):
        for k, shared in ((0.9, False), (0.6, True)):
            names = ("in_channels", "height", "width")
            settings = {**dict(zip(names, shape)), "k": k, "shared_across_channels": shared}
            yield case("NeuNorm", settings, settings, shape, scale=shape[0])


def case(name, arguments, theirs, shape, scale=1):
    """One case as it goes into the header."""
    return {"layer": name, "arguments": arguments, "peer": theirs, "shape": list(shape), "scale": scale}


def parameters(spec, module):
    """Our name -> (SpikingJelly's parameters, stacked in ours if they are several)."""
    if spec["layer"].startswith("BatchNormThroughTime"):
        return {"weight": [bn.weight for bn in module.bn_list]}
    if spec["layer"] == "NeuNorm":
        return {"weight": module.w}
    names = ("weight", "bias", "scale")
    return {name: getattr(module, name) for name in names if getattr(module, name, None) is not None}


def statistics(spec, module):
    """Our name -> values."""
    if spec["layer"] == "NeuNorm":
        return {}
    names = ("running_mean", "running_var", "num_batches_tracked")
    if spec["layer"].startswith("BatchNormThroughTime"):
        return {n: np.stack([getattr(bn, n).numpy() for bn in module.bn_list]) for n in names}
    return {n: getattr(module, n).numpy() for n in names}


def coarse(values):
    """As multiples of 1/32, which take less room in the file."""
    return (np.round(values * 32) / 32).astype(np.float32)


def run(spec, rng, dtype=torch.float32):
    """One case: a dictionary of arrays."""
    module = getattr(layer, spec["layer"])(**spec["peer"])
    module.step_mode = "m"
    found, scale = {}, spec["scale"]
    own = parameters(spec, module)
    for name, given in own.items():
        group = given if isinstance(given, list) else [given]
        values = rng.normal(1.0, 0.5, (len(group), *group[0].shape)).astype(np.float32)
        for parameter, value in zip(group, values):
            parameter.data = torch.from_numpy(value * np.float32(scale))
        found[name] = values if isinstance(given, list) else values[0]
    module.to(dtype)
    for i in range(BATCHES):
        if spec["layer"] == "NeuNorm":
            x = (rng.random((T, B, *spec["shape"])) < 0.4).astype(np.float32)
        else:
            x = coarse(rng.normal(0.5 + i, 1.5, (T, B, *spec["shape"])))
        cotangent = coarse(rng.normal(size=x.shape))
        given = torch.from_numpy(x).to(dtype).requires_grad_()
        module.zero_grad()
        if hasattr(module, "reset"):
            module.reset()
        y = module(given)
        (y * torch.from_numpy(cotangent).to(dtype)).sum().backward()
        found |= {f"x{i}": x, f"c{i}": cotangent, f"y{i}": y.detach().numpy(), f"grad_x{i}": given.grad.numpy()}
        for name, parameter in parameters(spec, module).items():
            group = parameter if isinstance(parameter, list) else [parameter]
            grads = np.stack([p.grad.numpy() for p in group]) * scale
            found[f"grad_{name}{i}"] = grads if isinstance(parameter, list) else grads[0]
    found |= statistics(spec, module)
    module.eval()
    if hasattr(module, "reset"):
        module.reset()
    with torch.no_grad():
        found["eval"] = module(torch.from_numpy(x).to(dtype)).numpy()
    return found


def collect(written=None):
    """The content of the file: arrays named by case, and the header."""
    torch.set_num_threads(1)
    arrays, specs, drift = {}, list(cases()), 0.0
    for i, spec in enumerate(specs):
        found, double = (run(spec, np.random.default_rng([0, i]), dtype) for dtype in (torch.float32, torch.float64))
        drift = max(drift, *(apart(found[k], double[k]) for k in found))
        arrays |= {f"{i}/{k}": np.asarray(v, np.float32) for k, v in found.items()}
    assert drift < TOLERANCE, f"float32 and float64 are {drift:.1e} apart"
    header = {
        "versions": versions("spikingjelly", "torch", "numpy", "python"),
        "shapes": {"T": T, "B": B, "batches": BATCHES},
        "loss": "(y * c).sum()",
        "float64_apart": drift,
        "cases": specs,
    }
    return arrays, header
