"""A convolutional network and a perceptron learn handwritten digits with ReLUs, and are converted to spikes.

    python examples/convert_digits.py [--epochs N] [--images N] [--picture FILE]

The digits are the 10,000 of examples/mnist_digits.py.  Thresholds come from 500 of the training images;
the tables show what is lost at how many steps, on the digits left out.
"""

import argparse
import time

import numpy as np
from mnist_digits import digits

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn, optim
from grilly_vk.data import DataLoader
from grilly_vk.nn.conversion import rates_and_activations

STEPS = (4, 8, 16, 32, 64)


def cnn():
    """Two convolutions with batch norm, an average pool, a read-out."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 5, stride=2, padding=2, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.AvgPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
        nn.Flatten(), nn.Dropout(0.3), nn.Linear(32 * 7 * 7, 10),
    )  # fmt: skip


def mlp():
    """Two hidden layers."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Dropout(0.3),
        nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip


def train(model, data, epochs, report=print):
    """Trains a network, compiled, and puts it into evaluation mode."""
    batches = DataLoader(*data, batch_size=60, shuffle=True, drop_last=True, seed=0)
    optimizer = optim.AdamW(model.parameters(), lr=6e-3, weight_decay=1e-2)
    schedule = optim.OneCycleLR(optimizer, max_lr=6e-3, total_steps=epochs * len(batches))

    @grilly_vk.compile
    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    for epoch in range(epochs):
        start, losses = time.perf_counter(), []
        for x, y in batches:
            losses.append(step(x, y).item())
            schedule.step()
        report(f"  epoch {epoch + 1}: loss {np.mean(losses):.4f}, {time.perf_counter() - start:.1f} s")
    return model.eval()


def run(epochs=4, images=None, report=print):
    """Trains and converts both networks: name -> (evaluation, means and activations by layer)."""
    learn, test = digits(images)
    results = {}
    for name, make, passes in (("CNN", cnn, epochs), ("MLP", mlp, 2 * epochs)):
        grilly_vk.manual_seed(0)
        report(f"{name}:")
        ann = train(make(), learn, passes, report)
        snn = nn.Converter(mode="99.9%", T=32)(ann, learn[0][:500])
        start = time.perf_counter()
        evaluation = nn.evaluate(snn, test, STEPS)
        report(f"{evaluation}\n{time.perf_counter() - start:.1f} s for {STEPS[-1]} steps\n")
        layers = rates_and_activations(snn, test[0][:100], STEPS[-1])
        for layer, (means, activations) in layers.items():
            correlation = np.corrcoef(means.ravel(), activations.ravel())[0, 1]
            report(f"  layer {layer}: rates and activations correlate by {correlation:.5f}")
        results[name] = evaluation, layers
    return results


def draw(results, file):
    """Accuracy and spikes against the number of steps, and rates against activations."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    from grilly_vk import plot

    figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
    for axis, (name, (evaluation, _)) in zip(axes, results.items()):
        plot.accuracy_curve(evaluation, axis)
        axis.set_title(name, loc="left", fontsize=10)
    plot.rate_scatter(results["CNN"][1], axes[2])
    axes[2].set_title(f"CNN, {STEPS[-1]} steps", loc="left", fontsize=10)
    figure.savefig(file, dpi=90, metadata={"Software": None})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=4, help="of the CNN; the MLP takes twice as many")
    parser.add_argument("--images", type=int, help="how many of the 10,000 to use")
    parser.add_argument("--picture", help="file for the picture")
    options = parser.parse_args()
    results = run(options.epochs, options.images)
    if options.picture:
        draw(results, options.picture)
