"""Random numbers as they should be, and the same seed giving the same bits."""

from __future__ import annotations

import math

import numpy as np

import grilly_vk as g
from grilly_vk import functional as F

from .runner import PASS, Check, Failed, Found, Time

_PHILOX = (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)  # Random123's known answer for zeros


def checks() -> list[Check]:
    """The rows about random numbers and determinism."""
    numbers = "random numbers are wrong here: send the row and the driver's version"
    return [
        Check("random numbers", "Philox, known answer", _known, numbers),
        Check("random numbers", "mean and variance", _moments, numbers),
        Check("random numbers", "keep rate of dropout", _dropout, numbers),
        Check("determinism", "same seed, same bits", _same_bits, "results depend on timing: send the row", 20.0),
    ]


def _known(time: Time) -> Found:
    got = g.VulkanCompute().random_words(np.zeros((1, 4), np.uint32), (0, 0))[0]
    if tuple(got.tolist()) != _PHILOX:
        raise Failed(f"{[hex(w) for w in got.tolist()]} in place of {[hex(w) for w in _PHILOX]}")
    return Found("as published", PASS)


def _near(name: str, got: float, expected: float, deviation: float) -> str:
    """A failure if `got` is more than five standard deviations off: by chance, once in two million."""
    if not abs(got - expected) <= 5 * deviation:
        raise Failed(f"{name} is {got:.6f}; expected {expected:.6f}, standard deviation {deviation:.6f}")
    return f"{name} {got:.5f}"


def _moments(time: Time) -> Found:
    g.manual_seed(1)
    n = 1 << 18 if time.quick else 1 << 21
    u, z = g.rand(n).numpy().astype(np.float64), g.randn(n).numpy().astype(np.float64)
    if u.min() < 0 or u.max() >= 1:
        raise Failed(f"uniform numbers from {u.min()} to {u.max()}")
    said = [
        _near("uniform mean", u.mean(), 0.5, math.sqrt(1 / 12 / n)),
        _near("variance", u.var(), 1 / 12, math.sqrt(1 / 180 / n)),
        _near("normal mean", z.mean(), 0.0, math.sqrt(1 / n)),
        _near("variance", z.var(), 1.0, math.sqrt(2 / n)),
    ]
    return Found(f"{n:,} each: {', '.join(said)}")


def _dropout(time: Time) -> Found:
    g.manual_seed(2)
    n, p = 1 << 20, 0.3
    x = F.dropout(g.ones(n), p).numpy()
    kept = x != 0
    if not np.allclose(x[kept], 1 / (1 - p), rtol=1e-6):
        raise Failed(f"kept values are {np.unique(x[kept])[:4].tolist()}; expected {1 / (1 - p):.6f}")
    return Found(_near("keep rate", kept.mean(), 1 - p, math.sqrt(p * (1 - p) / n)))


def _workload(rounds: int) -> list[np.ndarray]:
    """A small spiking network that trains with dropout: random numbers, products, reductions, neurons, gradients."""
    g.manual_seed(7)
    net = g.nn.Sequential(
        g.nn.Linear(61, 127), g.nn.LIFNode(tau=2.0, step_mode="m"), g.nn.Dropout(0.2), g.nn.Linear(127, 11)
    )
    optimizer = g.optim.Adam(net.parameters(), lr=1e-2)
    losses = []
    for _ in range(rounds):
        x = g.rand(6, 33, 61) * 2.0
        optimizer.zero_grad()
        loss = ((net(x) - 0.5) ** 2).mean()
        loss.backward()
        optimizer.step()
        g.functional.reset_net(net)
        losses.append(loss)
    return [*(p.numpy() for p in net.parameters()), np.array([loss.item() for loss in losses], np.float32)]


def _same_bits(time: Time) -> Found:
    rounds = 3 if time.quick else 20
    first, second = _workload(rounds), _workload(rounds)
    for i, (a, b) in enumerate(zip(first, second)):
        if not np.isfinite(a).all():
            raise Failed(f"result {i} is not finite")
        if a.tobytes() != b.tobytes():
            raise Failed(f"result {i}: {int((a != b).sum())} of {a.size} values differ between two runs")
    return Found(f"{rounds} training steps twice, {sum(a.size for a in first):,} values with equal bits")
