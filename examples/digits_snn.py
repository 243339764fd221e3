"""A fully connected spiking network learns the 8x8 digits of scikit-learn.

    python examples/digits_snn.py [--eager] [--epochs N]

Every image is presented as a constant current for T steps; the class is the output neuron that fires most.
"""

import argparse

import numpy as np
from sklearn.datasets import load_digits

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn, optim
from grilly_vk.data import DataLoader

T = 8


def digits(seed=0):
    """Train and test images (N, 64) in [0, 1] and labels, 80 to 20."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(images))
    images, labels = (images[order] / 16.0).astype(np.float32), labels[order].astype(np.int32)
    cut = len(images) * 4 // 5
    return (images[:cut], labels[:cut]), (images[cut:], labels[cut:])


def train(epochs=15, compiled=True, seed=0, report=print):
    """Trains and tests; returns the loss of every step and the test accuracy."""
    grilly_vk.manual_seed(seed)
    (x_train, y_train), (x_test, y_test) = digits()
    model = nn.Sequential(nn.Linear(64, 128), nn.LIFNode(tau=2.0), nn.Linear(128, 10), nn.LIFNode(tau=2.0))
    optimizer = optim.Adam(model.parameters(), lr=5e-3)
    batches = DataLoader(x_train, y_train, batch_size=64, shuffle=True, drop_last=True, seed=seed)

    def rates(x):
        F.reset_net(model)  # every batch is a new sequence
        return F.multi_step_forward(model, x * 4.0, T=T, repeat=True).mean(0)

    def step(x, y):
        optimizer.zero_grad()
        loss = F.mse_loss(rates(x), y)
        loss.backward()
        optimizer.step()
        return loss

    run = grilly_vk.compile(step) if compiled else lambda x, y: step(grilly_vk.tensor(x), grilly_vk.tensor(y))
    targets = np.eye(10, dtype=np.float32)
    losses = []
    for epoch in range(epochs):
        losses += [run(x, targets[y]).item() for x, y in batches]
        report(f"epoch {epoch + 1:2}: loss {np.mean(losses[-len(batches) :]):.4f}")
    with grilly_vk.no_grad():
        guess = rates(grilly_vk.tensor(x_test)).argmax(1).numpy()
    accuracy = float((guess == y_test).mean())
    report(f"test accuracy {accuracy:.4f} on {len(y_test)} digits, {grilly_vk.device()}")
    return losses, accuracy


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--eager", action="store_true")
    parser.add_argument("--epochs", type=int, default=15)
    options = parser.parse_args()
    train(options.epochs, compiled=not options.eager)
