"""A spiking transformer of two blocks learns the 8x8 digits of scikit-learn.

    python examples/digits_transformer.py [--attention ssa|token|channel] [--eager] [--epochs N] [--picture FILE]

Every image is cut into 16 patches of 2x2 pixels, the tokens, and presented for 4 steps.  --picture draws what the
tokens of a few held-out digits attend to (matplotlib is needed).
"""

import argparse

import numpy as np
from sklearn.datasets import load_digits

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import models, optim
from grilly_vk.data import DataLoader

T, PATCH, WIDTH, HEADS = 4, 2, 64, 4


def digits(seed=0):
    """Train and test images (N, 1, 8, 8) of mean 0 and deviation 1, and labels, 80 to 20."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(images))
    images = ((images[order] - images.mean()) / images.std()).astype(np.float32).reshape(-1, 1, 8, 8)
    labels, cut = labels[order].astype(np.int32), len(images) * 4 // 5
    return (images[:cut], labels[:cut]), (images[cut:], labels[cut:])


def train(epochs=12, attention="ssa", compiled=True, seed=0, report=print):
    """Trains and tests; returns the loss of every step, the test accuracy and the model."""
    grilly_vk.manual_seed(seed)
    (x_train, y_train), (x_test, y_test) = digits()
    model = models.Spikformer(
        8, PATCH, 1, 10, embed_dim=WIDTH, num_heads=HEADS, depth=2, mlp_ratio=2, attention=attention, T=T
    )
    batches = DataLoader(x_train, y_train, batch_size=64, shuffle=True, drop_last=True, seed=seed)
    optimizer = optim.AdamW(model.parameters(), lr=4e-3, weight_decay=1e-2)
    rate = optim.CosineAnnealingLR(optimizer, epochs * len(batches))

    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    run = grilly_vk.compile(step) if compiled else lambda x, y: step(grilly_vk.tensor(x), grilly_vk.tensor(y))
    losses = []
    report(f"{model.num_parameters()} parameters, {model.embedding.tokens} tokens, attention {attention!r}")
    report("epoch    loss  accuracy")
    for epoch in range(epochs):
        for x, y in batches:
            losses.append(run(x, y).item())
            rate.step()
        accuracy = test(model, x_test, y_test)
        report(f"{epoch + 1:5} {np.mean(losses[-len(batches) :]):7.4f}  {accuracy:8.4f}")
    report(f"test accuracy {accuracy:.4f} on {len(y_test)} digits, {grilly_vk.device()}")
    return losses, accuracy, model


def test(model, images, labels):
    """The share of images that are told right."""
    model.eval()
    with grilly_vk.no_grad():
        guess = model(grilly_vk.tensor(images)).argmax(1).numpy()
    model.train()
    return float((guess == labels).mean())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--attention", choices=("ssa", "token", "channel"), default="ssa")
    parser.add_argument("--eager", action="store_true")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--picture", help="draw the attention of the trained model into this file")
    options = parser.parse_args()
    train(options.epochs, options.attention, compiled=not options.eager)
