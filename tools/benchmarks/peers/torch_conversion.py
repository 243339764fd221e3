"""SpikingJelly's ANN-to-SNN conversion; started by benchmarks/conversion.py with --peer-python.

The folder that is the only argument holds the weights w1, b1, ... of the network, x.npy and calibration.npy.  The
converted network runs step by step, as SpikingJelly's own examples do, and with all steps as one input (T, B, ...).
"""

import sys
from pathlib import Path

import numpy as np
import torch
from serve import THREADS, serve, two_cores
from torch import nn

STEPS = 32


def network(data):
    """The same as ours."""
    ann = nn.Sequential(
        nn.Conv2d(1, 16, 5, stride=2, padding=2), nn.ReLU(), nn.AvgPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(32 * 7 * 7, 10),
    )  # fmt: skip
    for layer, number in ((0, 1), (3, 2), (6, 3)):
        ann[layer].weight.data.copy_(data[f"w{number}"])
        ann[layer].bias.data.copy_(data[f"b{number}"])
    return ann.eval()


def works(data):
    """Both ways to run it: functions by name."""
    from spikingjelly.activation_based import ann2snn, functional

    loader = [(data["calibration"], torch.zeros(len(data["calibration"])))]

    def converted(mode):
        snn = ann2snn.FXConverter(ann2snn.RateCodingRecipe(loader, mode="Max")).convert(network(data)).eval()
        functional.set_step_mode(snn, mode)
        return snn

    single = converted("s")

    @torch.no_grad()
    def step_by_step():
        functional.reset_net(single)
        total = 0.0
        for _ in range(STEPS):
            total = total + single(data["x"])
        return {"out": (total / STEPS).numpy()}

    found = {"SpikingJelly, step by step": step_by_step}
    multi = converted("m")

    @torch.no_grad()
    def all_steps():
        functional.reset_net(multi)
        return {"out": multi(data["x"].expand(STEPS, *data["x"].shape).contiguous()).mean(0).numpy()}

    try:
        if all_steps()["out"].shape == (len(data["x"]), 10):
            found["SpikingJelly, all steps"] = all_steps
    except RuntimeError as error:  # its plain torch layers take no time axis
        print("all steps at once left out:", error, file=sys.stderr)
    return found


def main():
    """Builds the works and serves them."""
    torch.set_num_threads(THREADS)
    data = {path.stem: torch.from_numpy(np.load(path)) for path in Path(sys.argv[1]).glob("*.npy")}
    try:
        found = works(data)
    except ImportError as error:
        print(f"SpikingJelly's conversion is left out: {error}", file=sys.stderr)
        found = {}
    serve(found)


if __name__ == "__main__":
    two_cores()
    main()
