"""SpikingJelly's attention; started by benchmarks/attention.py with --peer-python.

The folder that is the only argument holds kind.npy (the class), heads.npy, x.npy and cotangent.npy with tokens before
channels, and p.NAME.npy, the parameters by our names.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from serve import THREADS, serve, two_cores


def module_of(kind, data):
    """SpikingJelly's module with our parameters, whose order is the same in both."""
    from spikingjelly.activation_based import layer, surrogate

    if kind == "TemporalWiseAttention":
        module = layer.TemporalWiseAttention(T=data["x"].shape[0], reduction=4)
    else:
        nodes = {"surrogate_function": surrogate.ATan()}
        module = getattr(layer, kind)(data["x"].shape[-1], int(data["heads"]), **nodes)
    names = {"qkv_conv_bn": "inputs", "qk_conv_bn": "inputs", "proj_conv_bn": "output"}
    parts = {"0.weight": "linear.weight", "1.weight": "norm.weight", "1.bias": "norm.bias"}
    squeeze = {"sharedMLP.0.weight": "scores.down.weight", "sharedMLP.2.weight": "scores.up.weight"}
    for name, p in module.named_parameters():
        own = squeeze.get(name)
        if own is None:
            own = f"{names[name.split('.')[0]]}.{parts['.'.join(name.split('.')[-2:])]}"
        p.data.copy_(torch.from_numpy(data[f"p.{own}"]).reshape(p.shape))
    return module


def main():
    """Builds the work and serves it."""
    torch.set_num_threads(THREADS)
    data = {path.stem: np.load(path) for path in Path(sys.argv[1]).glob("*.npy")}
    kind = str(data["kind"])
    try:
        module = module_of(kind, data)
    except ImportError as error:
        print(f"SpikingJelly is left out: {error}", file=sys.stderr)
        serve({})
        return
    from spikingjelly.activation_based import functional

    turned = kind != "TemporalWiseAttention"  # channels before tokens, as its classes take them

    def own(name):
        t = torch.from_numpy(data[name])
        return t.transpose(-1, -2).contiguous() if turned else t

    x, cotangent = own("x").requires_grad_(), own("cotangent")

    def both():
        x.grad = None
        module.zero_grad()
        functional.reset_net(module)
        y = module(x)
        y.backward(cotangent)
        found = {"y": y.detach(), "grad": x.grad}
        return {k: v.transpose(-1, -2) for k, v in found.items()} if turned else found

    serve({"SpikingJelly": both})


if __name__ == "__main__":
    two_cores()
    main()
