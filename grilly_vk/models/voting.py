"""Classes out of the responses of neurons that learned without labels: which neuron stands for what, and who wins."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import arguments

METHODS = ("mean", "proportion")


def classes(name: str, labels: Any, count: int, n_classes: int) -> np.ndarray:
    """Labels as int64 (count,), each from 0 to n_classes - 1.

    Raises:
        TypeError, ValueError: the message names the argument.
    """
    given = arguments.numbers_of(name, labels)
    if given.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold whole numbers, not {given.dtype}")
    arguments.shape(name, given.shape, (count,))
    if given.size and not (given.min() >= 0 and given.max() < n_classes):
        raise ValueError(f"{name} must lie in 0..{n_classes - 1}, got {given.min()}..{given.max()}")
    return given.astype(np.int64)


def class_rates(counts: np.ndarray, labels: np.ndarray, n_classes: int) -> np.ndarray:
    """Mean spike count of each neuron in the images of each class, float32 (n, n_classes); 0 for absent classes."""
    one_hot = np.zeros((len(labels), n_classes))
    one_hot[np.arange(len(labels)), labels] = 1.0
    return np.asarray((counts.T @ one_hot) / np.maximum(one_hot.sum(0), 1.0), np.float32)


def preferred(rates: np.ndarray) -> np.ndarray:
    """The class that each neuron fires most for, int64 (n,); -1 for neurons that fired for none."""
    return np.where(rates.any(1), rates.argmax(1), -1)


def scores(counts: np.ndarray, rates: np.ndarray, method: str) -> np.ndarray:
    """Evidence (images, n_classes) for each class.

    "mean": the mean count of the neurons that prefer the class (Diehl & Cook 2015, section 2.6).  "proportion": every
    neuron's count, shared out over the classes as its responses to labelled images were.
    """
    if method == "mean":
        members = preferred(rates)[:, None] == np.arange(rates.shape[1])
        weight = members / np.maximum(members.sum(0), 1)
    else:
        total = rates.sum(1, keepdims=True, dtype=np.float64)
        weight = rates / np.where(total > 0, total, 1.0)
    return np.asarray(counts @ weight)


def winners(evidence: np.ndarray) -> np.ndarray:
    """The class with most evidence, the first of equals; -1 where there is none."""
    return np.where(evidence.any(1), evidence.argmax(1), -1)
