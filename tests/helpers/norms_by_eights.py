"""Batch norms on inputs with rows of every alignment to eight, and what tells whether kernels took them by eights."""

import hashlib

import numpy as np
from op_table import normal

import grilly_vk
import grilly_vk.functional as F
from grilly_vk.tensor import from_numpy

# (T, B, C, inner): rows that end inside of eight, an odd number of fours, and rows of several stretches.
SHAPES = [
    (1, 2, 3, 8), (2, 3, 2, 9), (2, 2, 3, 10), (4, 3, 3, 11), (1, 1, 1, 12), (1, 3, 4, 13), (3, 5, 4, 49),
    (1, 1, 3, 1028), (1, 4, 2, 2050), (2, 16, 8, 144),
]  # fmt: skip
KERNELS = ("batch-norm", "batch-norm-stats", "batch-norm-grad", "batch-norm-grad-sums")


def inputs(shape):
    """x, far from zero, and the gradient of the outcome."""
    return normal(*shape) * 2 + 3, normal(*shape, seed=1)


def placed(array, before, fill=np.nan):
    """The array in a larger buffer, from that element on."""
    whole = np.full(before + array.size + 16, fill, np.float32)
    whole[before : before + array.size] = array.ravel()
    return from_numpy(whole)._rows(before, before + array.size)._alias(array.shape)


def outcome(x, c):
    """Results and gradients of batch norms, in training and not, of the tensors x and c, and how wide kernels went."""
    x = x.detach().requires_grad_()
    steps, channels = x.shape[0], x.shape[2]
    w, b = (grilly_vk.tensor(normal(channels, seed=s) + 2).requires_grad_() for s in (2, 3))
    scale = grilly_vk.tensor(normal(steps, seed=4) + 2).requires_grad_()
    mean, var = grilly_vk.tensor(normal(channels, seed=5)), grilly_vk.tensor(normal(channels, seed=6) ** 2 + 0.5)
    found = []
    with grilly_vk.profile() as seen:
        for training in (True, False):
            y = F.temporal_effective_batch_norm(x, mean.clone(), var.clone(), scale, w, b, training=training)
            y.backward(c)
            found += [y.numpy(), *(t.grad.numpy().copy() for t in (x, scale, w, b))]
            for t in (x, scale, w, b):
                t.grad = None
        y = F.batch_norm_through_time(x, None, None, training=True)
        y.backward(c)
        found += [y.numpy(), x.grad.numpy().copy()]
    names = {k.kernel for k in seen.kernels}
    widths = {
        kernel: {n for n, s in ((1, ""), (4, ".vec4"), (8, ".vec8")) if kernel + s in names} for kernel in KERNELS
    }
    return found, widths


def digest(found):
    """Of all bits."""
    return hashlib.sha256(b"".join(a.tobytes() for a in found)).hexdigest()


def digests():
    """Of all shapes.  Numbers lie behind the inputs: what NaN, as guard words are, gives is NaN of the same bits."""
    return [digest(outcome(*(placed(a, 8, 1.0) for a in inputs(shape)))[0]) for shape in SHAPES]
