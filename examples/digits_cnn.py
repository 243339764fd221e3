"""A small convolutional network (no spikes yet) learns the 8x8 digits of scikit-learn, eagerly or compiled.

python examples/digits_cnn.py [--eager] [--epochs N]
"""

import argparse
import time

import numpy as np
from sklearn.datasets import load_digits

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn, optim
from grilly_vk.data import DataLoader


def digits(seed=0):
    """Train and test images (N, 1, 8, 8) in [0, 1] and labels, 80 to 20."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(images))
    images = (images[order] / 16.0).astype(np.float32).reshape(-1, 1, 8, 8)
    labels = labels[order].astype(np.int32)
    cut = len(images) * 4 // 5
    return (images[:cut], labels[:cut]), (images[cut:], labels[cut:])


def network():
    """About 23,000 parameters."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 4 * 4, 32),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(32, 10),
    )


def train(epochs=12, compiled=True, seed=0, report=print):
    """Trains and tests; returns the loss of every step and the test accuracy."""
    grilly_vk.manual_seed(seed)
    (x_train, y_train), (x_test, y_test) = digits()
    model = network()
    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    schedule = optim.CosineAnnealingLR(optimizer, T_max=epochs)
    batches = DataLoader(x_train, y_train, batch_size=64, shuffle=True, drop_last=True, seed=seed)

    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    run = grilly_vk.compile(step) if compiled else lambda x, y: step(grilly_vk.tensor(x), grilly_vk.tensor(y))
    losses = []
    for epoch in range(epochs):
        start = time.perf_counter()
        losses += [run(x, y).item() for x, y in batches]
        schedule.step()
        mean = np.mean(losses[-len(batches) :])
        report(f"epoch {epoch + 1:2}: loss {mean:.4f}, {time.perf_counter() - start:.2f} s")
    model.eval()
    with grilly_vk.no_grad():
        guess = model(grilly_vk.tensor(x_test)).argmax(1).numpy()
    accuracy = float((guess == y_test).mean())
    report(f"test accuracy {accuracy:.4f} on {len(y_test)} digits, {grilly_vk.device()}")
    return losses, accuracy


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--eager", action="store_true")
    parser.add_argument("--epochs", type=int, default=12)
    options = parser.parse_args()
    train(options.epochs, compiled=not options.eager)
