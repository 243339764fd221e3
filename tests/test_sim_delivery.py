"""Delivery of spikes in grilly_vk.sim: what arrives, against a loop over all synapses in float64."""

import numpy as np
import pytest

import grilly_vk
from grilly_vk.sim.connectors import (
    AllToAll,
    FixedInDegree,
    FixedOutDegree,
    FixedProbability,
    FixedTotalNumber,
    FromList,
    OneToOne,
)
from grilly_vk.sim.delivery import Delivery
from grilly_vk.sim.distributions import Lognormal, Normal, Uniform
from grilly_vk.tensor import from_numpy

LAYOUTS = [(8, 2), (8, 1), (4, 3), (16, 5), (1, 1), (1, 4)]  # lanes, slices; one lane: atomic sums
SOURCES, SIZE = 60, 47


def made(layout=(8, 2), batch=3, sources=SOURCES, size=SIZE, receptors=2, projections=None):
    """A finished delivery of projections with every format, some onto parts of the group."""
    delivery = Delivery(grilly_vk.control.engine(), sources, size, receptors, lanes=layout[0], slices=layout[1])
    for given in projections if projections is not None else mixed():
        delivery.add(*given[:-1], **given[-1])
    delivery.finish(batch)
    return delivery


def mixed():
    """connector, pre, post, same, receptor, weight, delay, seed, options."""
    lines = np.random.default_rng(1).integers(0, [30, 20], (200, 2))
    weights = np.random.default_rng(2).normal(size=(200, 1))
    return [
        (FixedInDegree(9), 0, 40, 0, SIZE, False, 0, 0.1, 3, 1, {}),
        (FixedProbability(0.3), 10, 30, 5, 40, True, 1, -2.5, 7, 2, {}),
        (FixedOutDegree(6), 0, SOURCES, 0, SIZE, False, 0, Normal(1.0, 0.3, low=0.0), Uniform(3, 9), 3, {}),
        (AllToAll(), 50, 10, 7, 13, False, 1, Uniform(-1, 1), 4, 4, {"packed": True}),
        (FromList(np.hstack([lines, weights])), 30, 30, 20, 20, False, 0, None, Uniform(3, 13), 5, {}),
        (OneToOne(), 3, SIZE, 0, SIZE, True, 1, Lognormal(0, 0.5), 5, 6, {}),
        (FixedTotalNumber(80), 20, 5, 40, 7, False, 0, 0.3, Normal(6, 2, low=3, high=20), 7, {"packed": True}),
    ]


def spikes(rng, steps, sources, share=0.1):
    """count (steps), list (steps, sources) of random spikes in random order."""
    fired = [rng.permutation(np.flatnonzero(rng.random(sources) < share)) for _ in range(steps)]
    listed = np.full((steps, sources), 0xFFFFFFFF, np.uint32)  # what lies behind the count must not be looked at
    for k, who in enumerate(fired):
        listed[k, : len(who)] = who
    return fired, listed


def run(delivery, batches, batch=3, seed=0, lengths=None):
    """What arrives at each step, read and cleared as neurons do; and the spikes."""
    rng = np.random.default_rng(seed)
    arrived, fired, now = [], [], 0
    for b in range(batches):
        steps = batch if lengths is None else lengths[b % len(lengths)]
        ring = delivery.ring.numpy()
        for k in range(steps):
            slot = (now + k) % delivery.slots
            arrived.append(ring[:, slot, : delivery.size].copy())
            ring[:, slot, : delivery.size] = 0
        delivery.ring.assign(ring)
        who, listed = spikes(rng, steps, delivery.sources)
        fired += who
        whole = np.full((batch, delivery.sources), 0xFFFFFFFF, np.uint32)
        whole[:steps] = listed
        count = np.zeros(batch + 2, np.uint32)
        count[:steps], count[batch] = [len(w) for w in who], now
        delivery.deliver(from_numpy(count), from_numpy(whole))
        now += steps
    return np.array(arrived), fired


def expected(delivery, fired, steps):
    """The same by a loop over the synapses that the device says it has."""
    out = np.zeros((steps, delivery.receptors, delivery.size))
    for i, p in enumerate(delivery.projections):
        pre, post, weight, delay = delivery.connections(i)
        for t, who in enumerate(fired):
            mine = np.isin(pre, who) & (t + delay < steps)
            np.add.at(out, (t + delay[mine], p.receptor, post[mine]), weight[mine])
    return out


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_arrives(layout):
    """Every format, several projections and receptors, many times around the ring, batches of uneven lengths."""
    delivery = made(layout)
    assert delivery.slots == 32  # the longest delay is 20 steps
    arrived, fired = run(delivery, 40, lengths=[3, 3, 1, 2])
    wanted = expected(delivery, fired, len(arrived)) / np.array(delivery.scale)[:, None]
    np.testing.assert_array_equal(arrived, wanted)  # whole numbers below 2**31, which float64 holds
    assert np.abs(wanted[40:]).min(axis=(0, 2)).max() >= 0 and (wanted != 0).mean() > 0.5


def test_layouts_give_the_same_bits():
    """The same synapses, the same scale and the same ring, whatever the lanes, slices and kernel."""
    first = made(LAYOUTS[0])
    arrived, _ = run(first, 12)
    for layout in LAYOUTS[1:]:
        other = made(layout)
        assert other.scale == first.scale
        np.testing.assert_array_equal(run(other, 12)[0], arrived)
        for i in range(len(first.projections)):
            for a, b in zip(first.connections(i), other.connections(i)):
                np.testing.assert_array_equal(a, b)
