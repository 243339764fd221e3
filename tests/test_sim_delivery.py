"""Delivery of spikes in grilly_vk.sim: what arrives, against a loop over all synapses in float64."""

import numpy as np
import pytest
from sim_delivery import LAYOUTS

import grilly_vk
from grilly_vk.sim import tables
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


def test_tables_in_parts(monkeypatch):
    """A table that one buffer can't hold is cut, and gives the same."""
    whole = made()
    arrived, _ = run(whole, 12)
    monkeypatch.setattr(tables, "most_bytes", lambda engine: 20_000)
    cut = made()
    assert cut.cut.parts > 1 and whole.cut.parts == 1
    np.testing.assert_array_equal(run(cut, 12)[0], arrived)
    for i in range(len(whole.projections)):
        for a, b in zip(whole.connections(i), cut.connections(i)):
            np.testing.assert_array_equal(a, b)
    monkeypatch.setattr(tables, "most_bytes", lambda engine: 2_000)
    with pytest.raises(grilly_vk.OutOfDeviceMemory, match="storage buffers of 2000 bytes"):
        made()


@pytest.mark.parametrize(
    "degree, weight, most",
    [(1000, 1.0, 2.6), (100, 1.0, 3.1), (20, 1.0, 5.2), (1000, Normal(1, 0.1), 5.0)],
)
def test_bytes_of_a_synapse(degree, weight, most):
    """By owners, onto two populations of one group, the second smaller: room is for synapses, not for padding."""
    delivery = Delivery(grilly_vk.control.engine(), 2000, 2500, 1)
    assert grilly_vk.control.engine().tuning.sim_lanes == 8
    delivery.add(FixedInDegree(degree * 4 // 5), 0, 2000, 0, 2000, False, 0, weight, 2, 1, packed=True)
    delivery.add(FixedInDegree(degree * 4 // 5), 0, 2000, 2000, 500, False, 0, weight, 2, 2, packed=True)
    delivery.finish(1)
    assert delivery.synapses == 2000 * degree
    assert sum(part.nbytes for part in delivery._parts) / delivery.synapses < most


@pytest.mark.parametrize("layout", LAYOUTS)
def test_many_neurons(layout):
    """More targets than 16 bits count, and more than 11 bits do in lanes of packed synapses."""
    for size, far in ((65_536, [65_534, 65_535]), (140_000, [65_533, 65_534, 65_535, 65_536, 131_071, 139_999])):
        _arrives_at(layout, size, [0, 1, 2047, 2048, *far])


def _arrives_at(layout, size, far):
    lines = np.array([[q % 3, post] for q, post in enumerate(far)])
    for packed, weight in ((False, 1.5), (False, Uniform(1, 2)), (True, Uniform(1, 2))):
        given = [(FromList(lines), 0, 3, 0, size, False, 0, weight, 1, 1, {"packed": packed})]
        delivery = made(layout, 1, 3, size, 1, given)
        pre, post, _, _ = delivery.connections(0)
        np.testing.assert_array_equal(np.column_stack([pre, post]), lines[np.lexsort(lines.T[::-1])])
        arrived, fired = run(delivery, 3, batch=1, seed=3)
        np.testing.assert_array_equal(arrived, expected(delivery, fired, 3) / delivery.scale[0])
        assert (arrived != 0).any()


@pytest.mark.parametrize("delay, batch, slots", [(1, 1, 2), (15, 15, 32), (17, 15, 32), (18, 15, 64), (32, 1, 64)])
def test_slots(delay, batch, slots):
    """As many as the longest delay and a batch take; delays as long as they allow arrive on time."""
    given = [(AllToAll(), 0, 5, 0, 6, False, 0, 1.0, delay, 1, {})]
    delivery = made((8, 2), batch, 5, 6, 1, given)
    assert delivery.slots == slots and delivery.width % 4 == 0 and delivery.least_delay == delay
    steps = 5 * slots // batch
    arrived, fired = run(delivery, steps, batch=batch)
    np.testing.assert_array_equal(arrived, expected(delivery, fired, steps * batch) / delivery.scale[0])


def test_sums_use_31_bits_and_no_more():
    """All of the neurons that a target hears fire at once: the largest sum there can be is above 2**29, below 2**31."""
    for weight in (0.7, -123.0, Normal(-1.0, 0.1, high=0.0), Lognormal(0, 1)):
        for connector in (FixedInDegree(33), FixedProbability(0.9), FixedOutDegree(20), AllToAll()):
            for packed in (False, True):
                given = [(connector, 0, 50, 0, 40, False, 0, weight, 1, 1, {"packed": packed})]
                delivery = made((8, 2), 1, 50, 40, 1, given)
                count, all_ = np.array([50, 0, 0], np.uint32), np.arange(50, dtype=np.uint32)[None]
                delivery.deliver(from_numpy(count), from_numpy(all_))
                ring = delivery.ring.numpy()[0, 1, :40].astype(np.int64)
                _, post, weights, _ = delivery.connections(0)
                np.testing.assert_array_equal(ring * delivery.scale[0], np.bincount(post, weights, 40))
                assert np.abs(ring).max() < 2**31 - 1
                assert np.abs(ring).max() > (2**28 if packed or isinstance(connector, AllToAll) else 2**29)


@pytest.mark.parametrize(
    "weights, packed",
    [
        ([(2**31 - 1) / 4] * 4, False),  # each is rounded up, so that 30 bits must do
        ([(2**31 - 10) / 4] * 4, True),  # to 15 bits
        ([1.5e9, -1.5e9, 1.5e9, -1.5e9], False),  # whatever the order, since sizes are added
    ],
)
def test_sums_of_rounded_weights_fit(weights, packed):
    lines = [(i, 1, w) for i, w in enumerate(weights)]
    delivery = made(receptors=1, projections=[(FromList(lines), 0, 4, 0, 3, False, 0, None, 3, 1, {"packed": packed})])
    sizes = np.abs(delivery.connections(0)[2]).sum() / delivery.scale[0]
    assert 2**28 < sizes < 2**31


def test_lanes_own_no_spare_places():
    """A group of 26 in 48 places: lanes without neurons add their zeros where no other lane does."""
    delivery = made((8, 3), size=26, receptors=1, projections=[(AllToAll(), 0, 5, 0, 26, False, 0, 1.0, 3, 1, {})])
    assert delivery.cut.slices * delivery.cut.span == 48 <= delivery.spare < delivery.width


def test_clocks_beyond_32_bits_of_slots():
    """The step's number wraps around after 2**32; slots go on in turn."""
    given = [(OneToOne(), 0, 4, 0, 4, False, 0, 1.0, 3, 1, {})]
    delivery = made((8, 2), 2, 4, 4, 1, given)
    count = np.array([1, 1, 2**32 - 1, 0], np.uint32)
    delivery.deliver(from_numpy(count), from_numpy(np.array([[1, 9, 9, 9], [2, 9, 9, 9]], np.uint32)))
    ring = delivery.ring.numpy()[0, :, :4]
    assert np.argwhere(ring).tolist() == [[2, 1], [3, 2]]


def test_nothing_to_deliver():
    """Empty groups, no sources and no synapses take calls as others do."""
    for sources, size, projections in ((0, 0, []), (3, 0, []), (3, 5, []), (3, 5, [(FixedInDegree(0), 0, 3, 0, 5)])):
        given = [(*p, False, 0, 1.0, 1, 1, {}) for p in projections]
        delivery = made((8, 2), 1, sources, size, 2, given)
        assert delivery.synapses == 0 and delivery.least_delay is None and delivery.scale == [1.0, 1.0]
        count = np.array([sources, 0, 0], np.uint32)
        delivery.deliver(from_numpy(count), from_numpy(np.arange(max(1, sources), dtype=np.uint32)[None]))
        assert not delivery.ring.numpy().any()


def test_wrong_calls():
    """Before anything changes, with what was expected."""
    engine = grilly_vk.control.engine()
    with pytest.raises(ValueError, match="receptors must be at most 256"):
        Delivery(engine, 1, 1, 257)
    with pytest.raises(ValueError, match="size must be at least 0"):
        Delivery(engine, 1, -1, 1)
    with pytest.raises(ValueError, match="lanes must be 1 or a multiple of four, got 6"):
        Delivery(engine, 1, 1, 1, lanes=6)
    delivery = Delivery(engine, 4, 4, 1)
    with pytest.raises(RuntimeError, match="not finished"):
        delivery.deliver(from_numpy(np.zeros(3, np.uint32)), from_numpy(np.zeros((1, 4), np.uint32)))
    with pytest.raises(RuntimeError, match="not finished"):
        delivery.connections(0)
    right = (AllToAll(), 0, 4, 0, 4, False, 0, 1000.0, 2, 1)
    delivery.add(*right)
    with pytest.raises(ValueError, match="batch must be at most 2 steps, the shortest delay, got 3"):
        delivery.finish(3)
    delivery.add(*right[:7], 1e-4, 2, 1)
    with pytest.raises(ValueError, match=r"weight of projection 1, at most 0\.0001, is too small"):
        delivery.finish(2)
    delivery = Delivery(engine, 4, 4, 1)
    delivery.add(*right)
    delivery.finish(2)
    with pytest.raises(RuntimeError, match="finished"):
        delivery.add(*right)
    with pytest.raises(RuntimeError, match="finished already"):
        delivery.finish(2)
    with pytest.raises(ValueError, match=r"list must have shape \(B, 4\) and count \(B \+ 2,\)"):
        delivery.deliver(from_numpy(np.zeros(3, np.uint32)), from_numpy(np.zeros((2, 4), np.uint32)))
    with pytest.raises(ValueError, match=r"i must be a projection's number, 0 \.\. 0, got 1"):
        delivery.connections(1)
