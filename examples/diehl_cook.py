"""Digits learned without labels: spikes, competition and STDP, after Diehl & Cook 2015.

    python examples/diehl_cook.py [--neurons 400] [--images 8000] [--seed 0] [--picture FILE]

Each image is shown once.  The labels of the images learned from say afterwards which neuron stands for which digit;
the digits that are tested were never shown.  The digits are those of examples/mnist_digits.py.
"""

import argparse
import sys
import time
from pathlib import Path

import grilly_vk
from grilly_vk.models import DiehlCook

sys.path.insert(0, str(Path(__file__).parent))
from mnist_digits import digits

# Fewer neurons fire for more images each, so their thresholds rise in smaller steps.
THETA_PLUS = {100: 0.1, 400: 0.4}


def train(neurons=400, images=8000, seed=0, report=print):
    """Learns and tests; returns the network and its test accuracies by the two ways of voting."""
    (x_train, y_train), (x_test, y_test) = digits()
    x_train, y_train = x_train[:images], y_train[:images]
    net = DiehlCook(n_neurons=neurons, theta_plus=THETA_PLUS.get(neurons, 0.4), seed=seed)
    start = time.perf_counter()

    def progress(done, total):
        if done % 1024 == 0 or done == total:
            report(f"{done:5} of {total} images, {time.perf_counter() - start:.1f} s")

    net.fit(x_train, y_train, progress=progress)
    counts = net.present(x_test, learn=False)
    accuracy = {m: net.score(counts, y_test, method=m, counts=True) for m in ("mean", "proportion")}
    report(f"{(net.labels >= 0).sum()} of {neurons} neurons stand for a digit; {grilly_vk.device()}")
    for method, share in accuracy.items():
        report(f"accuracy on {len(y_test)} digits never shown, voting by {method}: {share:.3f}")
    return net, accuracy


def draw(net, file):
    """What each neuron has learned, as a picture."""
    import matplotlib.image

    matplotlib.image.imsave(file, net.weight_map(), cmap="magma", vmin=0, vmax=0.7)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--neurons", type=int, default=400)
    parser.add_argument("--images", type=int, default=8000, help="how many to learn from, at most 9,000")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", help="a file for the weights of all neurons")
    options = parser.parse_args()
    network, _ = train(options.neurons, options.images, options.seed)
    if options.picture:
        draw(network, options.picture)
