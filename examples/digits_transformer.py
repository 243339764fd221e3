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

T, PATCH, WIDTH, HEADS = 4, 2, 64, 2


def digits(seed=0):
    """Train and test images (N, 1, 8, 8) of mean 0 and deviation 1, and labels, 80 to 20."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(images))
    images = ((images[order] - images.mean()) / images.std()).astype(np.float32).reshape(-1, 1, 8, 8)
    labels, cut = labels[order].astype(np.int32), len(images) * 4 // 5
    return (images[:cut], labels[:cut]), (images[cut:], labels[cut:])


def train(epochs=7, attention="ssa", compiled=True, seed=0, report=print):
    """Trains and tests; returns the loss of every step, the test accuracy and the model."""
    grilly_vk.manual_seed(seed)
    (x_train, y_train), (x_test, y_test) = digits()
    model = models.Spikformer(
        8, PATCH, 1, 10, embed_dim=WIDTH, num_heads=HEADS, depth=2, mlp_ratio=1, attention=attention, T=T
    )
    batches = DataLoader(x_train, y_train, batch_size=32, shuffle=True, drop_last=True, seed=seed)
    optimizer = optim.AdamW(model.parameters(), lr=1e-2, weight_decay=1e-2)
    rate = optim.OneCycleLR(optimizer, 1e-2, total_steps=epochs * len(batches) + 1)

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


def maps(model, image):
    """What each block attends to in an image (1, 8, 8): for self-attention the counts q k^T of every pair of tokens,
    (N, N), as a mean over steps and heads; for Q-K attention the share of steps and heads in which a token's gate is
    open, (N,), or a channel's, (D,)."""
    seen, kept = [], []
    for block in model.blocks:
        part = block.attention.inputs if hasattr(block.attention, "scale") else block.attention.node
        kept.append(part.register_forward_hook(lambda module, args, out: seen.append(out.numpy()[:, 0])))
    model.eval()
    with grilly_vk.no_grad():
        model(grilly_vk.tensor(image[None]))
    model.train()
    for hook in kept:
        hook.remove()
    if not hasattr(model.blocks[0].attention, "scale"):
        return [gates.mean((0, 2) if gates.shape[1] == model.embedding.tokens else 0) for gates in seen]
    q_and_k = [np.split(spikes, 3, -1)[:2] for spikes in seen]
    return [np.einsum("tnd,tmd->nm", q, k) / (T * HEADS) for q, k in q_and_k]


def picture(model, path, images, labels):
    """Draws the maps of three digits."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    chosen = [int(np.flatnonzero(labels == digit)[0]) for digit in (0, 3, 7)]
    figure, axes = plt.subplots(3, 5, figsize=(9, 5.4), layout="constrained")
    for row, i in zip(axes, chosen):
        row[0].imshow(images[i, 0], cmap="gray_r")
        row[0].set_ylabel(f"a {labels[i]}")
        for block, found in enumerate(maps(model, images[i])):
            pair, place = row[1 + 2 * block], row[2 + 2 * block]
            if found.ndim == 2:
                pair.imshow(found, cmap="magma")
                pair.set_title(f"block {block + 1}: q k^T, up to {found.max():.1f}", fontsize=8)
                found = found.mean(0)  # what each token is looked at by the others
            else:
                pair.bar(range(len(found)), found)
                pair.set_title(f"block {block + 1}: gates that are open", fontsize=8)
            if len(found) == model.embedding.tokens:
                place.imshow(np.kron(found.reshape(model.embedding.grid), np.ones((PATCH, PATCH))), cmap="magma")
                place.contour(images[i, 0], levels=[0.0], colors="white", linewidths=1.5)
                place.set_title("looked at" if hasattr(model.blocks[0].attention, "scale") else "open", fontsize=8)
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
    figure.savefig(path, dpi=90, metadata={"Software": None})
    plt.close(figure)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--attention", choices=("ssa", "token", "channel"), default="ssa")
    parser.add_argument("--eager", action="store_true")
    parser.add_argument("--epochs", type=int, default=7)
    parser.add_argument("--picture", help="draw the attention of the trained model into this file")
    options = parser.parse_args()
    *_, trained = train(options.epochs, options.attention, compiled=not options.eager)
    if options.picture:
        picture(trained, options.picture, *digits()[1])
