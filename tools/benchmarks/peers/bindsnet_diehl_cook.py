"""BindsNET's DiehlAndCook2015v2 on the images of benchmarks/diehl_cook.py; started by it with --peer-python.

The folder that is the only argument holds images.npy (N, 784) and weight.npy (784, n).  Order and detail of a step
differ from our network's, so results do; the work is the same: 250 steps, Bernoulli spikes, traces, STDP on every step,
lateral inhibition, one spike a step, normalised weights.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from serve import serve, two_cores

STEPS, PROBABILITY = 250, 0.06375


def presentation(folder, learn):
    """Presents all images once."""
    from bindsnet.encoding import bernoulli
    from bindsnet.models import DiehlAndCook2015v2

    images, weight = (torch.from_numpy(np.load(folder / f"{name}.npy")) for name in ("images", "weight"))
    network = DiehlAndCook2015v2(784, weight.shape[1], inh=60.0, theta_plus=0.4, norm=78.4)
    network.connections["X", "Y"].w.data.copy_(weight)
    network.train(learn)

    def present():
        for image in images:
            network.run({"X": bernoulli(image, time=STEPS, max_prob=PROBABILITY)}, time=STEPS)
            network.reset_state_variables()
        return {"weight": network.connections["X", "Y"].w.detach().numpy()}

    return present


if __name__ == "__main__":
    two_cores()
    torch.set_num_threads(1)  # its fastest: the tensors are small, and two threads mostly wait for each other
    torch.set_grad_enabled(False)
    torch.manual_seed(0)
    works = {}
    try:
        works = {name: presentation(Path(sys.argv[1]), name == "learning") for name in ("learning", "frozen")}
    except ImportError as error:
        print(f"BindsNET is left out: {error}", file=sys.stderr)
    serve(works)
