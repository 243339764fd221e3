"""Hebbian learning finds principal components: Oja's subspace rule and Sanger's, on 8 x 8 digits, against an SVD.

    python examples/oja_pca.py [--components 4] [--picture FILE]

The digits are those that come with scikit-learn.
"""

import argparse

import numpy as np
from sklearn.datasets import load_digits

from grilly_vk import nn


def learn(rule="oja_subspace", components=4, epochs=30, seed=0):
    """Learns from the digits in batches; returns the weights (components, 64), and the true components in order."""
    images = load_digits().data
    images = (images - images.mean(0)) / 16
    rng = np.random.default_rng(seed)
    layer = nn.HebbianLayer(64, components, rule, seed=seed)
    for epoch in range(epochs):
        rate = 0.5 / (1 + epoch)  # steps that shrink, so that the weights come to rest
        for batch in np.array_split(rng.permutation(images), 36):
            layer.update_weights(batch, layer(batch), rate)
    return layer.weight, np.linalg.svd(images, full_matrices=False)[2][:components]


def angle(a, b):
    """The largest principal angle between the spaces that the rows span, in degrees."""
    bases = [np.linalg.qr(np.asarray(m, np.float64).T)[0] for m in (a, b)]
    return float(np.degrees(np.arccos(np.clip(np.linalg.svd(bases[0].T @ bases[1])[1].min(), -1, 1))))


def main(components=4, picture=None):
    for rule in ("oja_subspace", "sanger"):
        weight, true = learn(rule, components)
        print(f"{rule}: {components} outputs lie {angle(weight, true):.2f} degrees off the first principal components")
    each = [angle(w[None], v[None]) for w, v in zip(weight, true)]
    print("sanger, each output against its own component:", ", ".join(f"{a:.1f}" for a in each), "degrees")
    if picture:
        from grilly_vk import plot

        ax = plot.weight_map(weight, shape=(8, 8), columns=components)
        ax.figure.savefig(picture, bbox_inches="tight", dpi=80)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--components", type=int, default=4)
    parser.add_argument("--picture", help="a file for what Sanger's rule found")
    options = parser.parse_args()
    main(options.components, options.picture)
