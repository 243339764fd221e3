"""Monitors: what they record, how much memory they take, and that the network does not notice."""

import copy
import gc
import warnings

import numpy as np
import pytest
from spiking import Spiking, reference

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn, optim
from grilly_vk.monitor import (
    AttributeMonitor,
    InputMonitor,
    OutputMonitor,
    PotentialMonitor,
    RateMonitor,
    SpikeMonitor,
)
from grilly_vk.ops.monitor import count_spikes, read_counters, read_ring, ring_append, ring_cursor, spike_counters
from grilly_vk.tensor import from_numpy

T, B, N = 7, 3, 5


def inputs(steps=T, batch=B, n=N, seed=0):
    return np.random.default_rng(seed).uniform(-0.2, 1.0, (steps, batch, n)).astype(np.float32)


def network(step_mode="s"):
    grilly_vk.manual_seed(1)
    return nn.Sequential(nn.Linear(N, 8), Spiking(0.3, step_mode), nn.Linear(8, 4), Spiking(0.1, step_mode))


# --- the device's part -------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 6, 8])
@pytest.mark.parametrize("size", [1, 5, 64])
def test_ring_keeps_the_last_steps(n, size):
    """Pieces of all lengths, longer than the ring too, in both variants."""
    rng = np.random.default_rng(n)
    x = rng.random((40, n)).astype(np.float32)
    ring, cursor = grilly_vk.zeros((size, n)), ring_cursor(from_numpy(x))
    at = 0
    for length in (1, 3, 0, 9, 2, 25):
        before = ring.version
        ring_append(from_numpy(x[at : at + length]), ring, cursor)
        assert ring.version == before + 1
        at += length
        values, total = read_ring(ring, cursor)
        np.testing.assert_array_equal(values, x[max(0, at - size) : at])
        assert total == at


def test_ring_takes_the_first_elements_of_each_step():
    x = np.arange(48, dtype=np.float32).reshape(4, 3, 4)
    ring = grilly_vk.zeros((6, 2, 4))
    cursor = ring_cursor(ring)
    ring_append(from_numpy(x), ring, cursor)
    np.testing.assert_array_equal(read_ring(ring, cursor)[0], x[:, :2])


def test_ring_counts_steps_beyond_32_bits():
    ring = grilly_vk.zeros((4, 1))
    cursor = from_numpy(np.array([1, 4, 2**32 - 2, 5], np.uint32))
    ring_append(grilly_vk.ones((3, 1)), ring, cursor)
    assert cursor.numpy().tolist() == [0, 4, 1, 6]
    assert read_ring(ring, cursor)[1] == 6 * 2**32 + 1


def test_ring_refuses_what_does_not_fit():
    ring = grilly_vk.zeros((4, 3))
    cursor = ring_cursor(ring)
    with pytest.raises(ValueError, match="a step of x has 2 elements; expected at least 3"):
        ring_append(grilly_vk.ones((1, 2)), ring, cursor)
    with pytest.raises(TypeError, match="x is int32; expected float32"):
        ring_append(grilly_vk.zeros((1, 3), dtype=np.int32), ring, cursor)
    with pytest.raises(ValueError, match="cursor has shape"):
        ring_append(grilly_vk.ones((1, 3)), ring, ring)
    assert read_ring(ring, cursor)[0].shape == (0, 3)


@pytest.mark.parametrize("rows, n", [(1, 1), (5, 7), (2000, 4), (333, 3), (40, 64), (0, 3)])
def test_counts_are_exact(rows, n):
    rng = np.random.default_rng(rows)
    x = ((rng.random((rows, n)) < 0.3) * rng.choice([1.0, -2.0, np.nan, 1e-30], (rows, n))).astype(np.float32)
    x[x == 0] = -0.0
    counters = spike_counters(n, from_numpy(x))
    for _ in range(2):
        count_spikes(from_numpy(x), counters)
    counts, seen = read_counters(counters)
    np.testing.assert_array_equal(counts, 2 * (x != 0).sum(axis=0))
    assert seen == 2 * rows


def test_counts_go_beyond_32_bits():
    counters = from_numpy(np.array([[2**32 - 1, 2**32 - 1, 7, 2**32 - 3, 2**32 - 1], [0, 3, 1, 0, 9]], np.uint32))
    count_spikes(from_numpy(np.tile(np.float32([1, 0, 1, 1]), (3, 1))), counters)
    counts, seen = read_counters(counters)
    assert counts.tolist() == [2**32 + 2, 4 * 2**32 - 1, 2**32 + 10, 2**32] and seen == 10 * 2**32 + 2


def test_counts_of_booleans_and_wrong_sizes():
    counters = spike_counters(3, grilly_vk.zeros(1))
    count_spikes(from_numpy(np.array([[True, False, True]])), counters)
    assert read_counters(counters)[0].tolist() == [1, 0, 1]
    with pytest.raises(ValueError, match="counters has shape"):
        count_spikes(grilly_vk.ones((2, 4)), counters)


# --- what is recorded ----------------------------------------------------------------------


def test_one_step_per_call():
    x = inputs()
    layer = Spiking(0.8)
    spikes, potential = reference(x, 0.8)
    with SpikeMonitor(layer) as s, PotentialMonitor(layer) as v, RateMonitor(layer) as r, InputMonitor(layer) as i:
        for step in x:
            layer(grilly_vk.tensor(step))
    assert s.names == ("Spiking",) and list(s) == ["Spiking"] and s.steps("Spiking") == T
    np.testing.assert_array_equal(s["Spiking"], spikes)
    np.testing.assert_array_equal(v["Spiking"], potential)
    np.testing.assert_array_equal(i["Spiking"], x)
    np.testing.assert_allclose(r["Spiking"], spikes.mean(axis=(0, 1), dtype=np.float64), rtol=1e-12)
    np.testing.assert_array_equal(r.counts("Spiking"), spikes.sum(axis=(0, 1)))
    assert r.steps("Spiking") == T * B and 0 < spikes.mean() < 1


def test_all_steps_in_a_call():
    x = inputs()
    layer = Spiking(0.8, "m")
    spikes, potential = reference(x, 0.8)
    with SpikeMonitor(layer) as s, PotentialMonitor(layer) as v, RateMonitor(layer) as r:
        layer(grilly_vk.tensor(x[:4]))
        layer(grilly_vk.tensor(x[4:]))
    np.testing.assert_array_equal(s["Spiking"], spikes)
    np.testing.assert_array_equal(v["Spiking"], potential)
    np.testing.assert_allclose(r["Spiking"], spikes.mean(axis=(0, 1), dtype=np.float64), rtol=1e-12)
    assert s.steps("Spiking") == T and r.steps("Spiking") == T * B


def test_modules_without_a_step_mode_follow_the_monitor():
    x = grilly_vk.tensor(inputs())
    layer = nn.Linear(N, 2)
    with OutputMonitor(layer, "Linear") as one, OutputMonitor(layer, "Linear", step_mode="m") as many:
        out = layer(x).numpy()
    np.testing.assert_array_equal(one["Linear"], out[None])
    np.testing.assert_array_equal(many["Linear"], out)


def test_containers_tell_their_parts_of_time():
    """What a container calls with `steps=` has a time axis, whatever its own step mode says."""

    class Part(Spiking):
        def forward(self, x, steps=None):
            self.step_mode = "s" if steps is None else "m"
            out = super().forward(x)
            self.step_mode = "s"
            return out

    class Container(nn.Module):
        takes_steps = True

        def __init__(self):
            super().__init__()
            self.part = Part(0.8)

        def forward(self, x):
            return self.part(x, steps="loop")

    x = inputs()
    net = Container()
    chosen = ["Container", "part"]
    with OutputMonitor(net, chosen) as s, PotentialMonitor(net) as v, RateMonitor(net) as r:
        net(grilly_vk.tensor(x))
    spikes, potential = reference(x, 0.8)
    assert r.steps("part") == T * B
    for name in chosen:
        np.testing.assert_array_equal(s[name], spikes)
    np.testing.assert_array_equal(v["part"], potential)


def test_steps_without_a_batch_are_neurons():
    layer = Spiking(0.5)
    with RateMonitor(layer) as r:
        layer(grilly_vk.tensor([1.0, 0.0, 1.0]))
    assert r["Spiking"].tolist() == [1, 0, 1] and r.steps("Spiking") == 1


def test_store_v_seq_is_put_back():
    layer = Spiking(step_mode="m")
    first, second = PotentialMonitor(layer), PotentialMonitor(layer)
    first.remove()
    first.remove()
    assert layer.store_v_seq is True
    second.remove()
    assert layer.store_v_seq is False


def test_a_potential_that_is_not_kept_is_an_error():
    class Forgets(nn.Module):
        step_mode, v, v_threshold = "m", 0.0, 1.0

        def forward(self, x):
            return x

    layer = Forgets()
    with PotentialMonitor(layer), pytest.raises(RuntimeError, match="Forgets runs all steps in one call and keeps no"):
        layer(grilly_vk.ones((2, 1, 3)))


def test_only_the_last_steps_are_kept():
    x = inputs()
    layer = Spiking(0.8)
    monitor = SpikeMonitor(layer, max_steps=4)
    for step in x:
        layer(grilly_vk.tensor(step))
    np.testing.assert_array_equal(monitor["Spiking"], reference(x, 0.8)[0][-4:])
    assert monitor.steps("Spiking") == T
    monitor.clear()
    assert monitor["Spiking"].shape == (0, B, N) and monitor.steps("Spiking") == 0
    layer(grilly_vk.tensor(x[0]))
    assert monitor["Spiking"].shape == (1, B, N)


def test_bytes_bound_the_steps_too():
    layer = Spiking()
    monitor = SpikeMonitor(layer, max_bytes=3 * 4 * B * N + 5)
    for step in inputs():
        layer(grilly_vk.tensor(step))
    assert monitor["Spiking"].shape == (3, B, N) and monitor.nbytes == 3 * 4 * B * N + 16
    small = SpikeMonitor(layer, max_bytes=8)
    with pytest.raises(ValueError, match=r"max_bytes: one step of Spiking, of shape \(3, 5\), takes 60 bytes; 8 are"):
        layer(grilly_vk.tensor(inputs()[0]))
    small.remove()


def test_memory_does_not_grow():
    net = network()
    x = grilly_vk.tensor(inputs()[0])
    monitors = [kind(net) for kind in (SpikeMonitor, PotentialMonitor, RateMonitor)]

    def used(calls):
        for _ in range(calls):
            net(x)
        gc.collect()
        return grilly_vk.memory_stats()["bytes_in_use"], [m.nbytes for m in monitors]

    assert used(5) == used(200)


def test_nothing_waits_for_the_device():
    net = network()
    x = grilly_vk.tensor(inputs()[0])
    monitors = [kind(net) for kind in (SpikeMonitor, PotentialMonitor, RateMonitor)]
    net(x)
    grilly_vk.synchronize()
    before = grilly_vk.memory_stats()["submits"]
    for _ in range(20):
        net(x)
    assert grilly_vk.memory_stats()["submits"] == before
    assert all(len(m) == 2 for m in monitors)


def test_samples_bound_the_batch():
    layer = Spiking(0.8)
    monitor = SpikeMonitor(layer, samples=2)
    x = inputs()
    layer(grilly_vk.tensor(x[0]))
    layer.reset()
    layer(grilly_vk.tensor(x[1, :2]))
    assert monitor["Spiking"].shape == (2, 2, N)
    np.testing.assert_array_equal(monitor["Spiking"][1], x[1, :2] >= 0.8)


def test_transforms_are_off_the_tape():
    line, seen = nn.Linear(N, 2), []
    with OutputMonitor(line, "Linear", transform=lambda y: seen.append(y) or y * 2.0) as monitor:
        out = line(grilly_vk.tensor(inputs()[0]))
    assert out.node is not None and seen[0].node is None and not seen[0].requires_grad
    np.testing.assert_array_equal(monitor["Linear"][0], 2 * out.numpy())


def test_model_and_monitor_may_go_together():
    layer = Spiking(step_mode="m")
    layer.watched_by = PotentialMonitor(layer)  # a cycle, which the garbage collector finds
    del layer
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gc.collect()


def test_another_batch_size_is_left_out_with_a_warning():
    layer = Spiking(0.8)
    monitor, rates = SpikeMonitor(layer), RateMonitor(layer)
    x = inputs()
    layer(grilly_vk.tensor(x[0]))
    layer.reset()
    with pytest.warns(RuntimeWarning, match=r"Spiking gave steps of shape \(2, 5\).*holds steps of shape \(3, 5\)"):
        layer(grilly_vk.tensor(x[1, :2]))
    with warnings.catch_warnings():  # once is enough
        warnings.simplefilter("error")
        layer(grilly_vk.tensor(x[2, :2]))
    assert monitor["Spiking"].shape == (1, B, N)
    assert rates.steps("Spiking") == B + 2 + 2
    monitor.clear()
    layer(grilly_vk.tensor(x[3, :2]))
    assert monitor["Spiking"].shape == (1, 2, N)
    layer.reset()
    monitor.remove()
    with pytest.raises(ValueError, match=r"Spiking has neurons of shape \(4,\), but those counted so far have"):
        layer(grilly_vk.ones((2, 4)))


def test_transform_and_attributes():
    x = inputs()
    layer = Spiking(0.8)
    with (
        SpikeMonitor(layer, transform=lambda s: s[..., 1:3]) as some,
        AttributeMonitor(layer, "v", transform=lambda v: v.mean()) as mean,
    ):
        for step in x:
            layer(grilly_vk.tensor(step))
    spikes, potential = reference(x, 0.8)
    np.testing.assert_array_equal(some["Spiking"], spikes[..., 1:3])
    np.testing.assert_allclose(mean["Spiking"], potential.mean(axis=(1, 2)), rtol=1e-5, atol=1e-7)


def test_first_of_several_outputs_and_arrays():
    class Core(nn.Module):
        is_spiking = True

        def forward(self, x):
            return (x > 0.5), {"state": 1}

    class OnHost(nn.Module):
        def forward(self, x):
            return x.numpy()

    core, host = Core(), OnHost()
    with SpikeMonitor(core) as s, OutputMonitor(host, OnHost) as h:
        core(grilly_vk.tensor([[0.0, 1.0]]))
        host(grilly_vk.tensor([[0.0, 1.0]]))
    assert s["Core"].dtype == bool and s["Core"].tolist() == [[[False, True]]]
    assert h["OnHost"].tolist() == [[[0.0, 1.0]]]


# --- which modules ---------------------------------------------------------------------------


def test_choosing_modules():
    net = network()
    assert SpikeMonitor(net).names == ("1", "3")
    assert OutputMonitor(net, nn.Linear).names == ("0", "2")
    assert OutputMonitor(net, ["2", Spiking]).names == ("1", "2", "3")
    assert OutputMonitor(net, net[2]).names == ("2",)
    assert OutputMonitor(net, "Sequential").modules["Sequential"] is net
    assert OutputMonitor([net[0], net[1]]).names == ("0", "1")
    assert OutputMonitor({"fc": net[0]}).names == ("fc",)
    assert AttributeMonitor(net, "weight").names == ("0", "2")


@pytest.mark.parametrize(
    "make, error, text",
    [
        (lambda net: SpikeMonitor(nn.Linear(2, 2)), ValueError, "no spiking module; name what to look at.*'Linear'"),
        (lambda net: SpikeMonitor(net, "fc9"), ValueError, "the model has no 'fc9'; it has 'Sequential' .*'0'"),
        (lambda net: SpikeMonitor(net, nn.Conv2d), ValueError, "no Conv2d"),
        (lambda net: SpikeMonitor(net, nn.Linear(1, 1)), ValueError, r"no Linear\("),
        (lambda net: SpikeMonitor(net, 3), TypeError, "names, types or Modules, not int"),
        (lambda net: SpikeMonitor(net, []), ValueError, "modules is empty"),
        (lambda net: SpikeMonitor(3), TypeError, "model must be a Module, or several in a list or dict, not int"),
        (lambda net: SpikeMonitor([3]), TypeError, "model holds int as '0'"),
        (lambda net: SpikeMonitor(net, max_steps=0), ValueError, "max_steps must be at least 1"),
        (lambda net: SpikeMonitor(net, samples=0), ValueError, "samples must be at least 1"),
        (lambda net: SpikeMonitor(net, step_mode="x"), ValueError, "step_mode must be one of 's', 'm'"),
        (lambda net: SpikeMonitor(net, transform=1), TypeError, "transform must be callable"),
        (lambda net: AttributeMonitor(net, 1), TypeError, "attribute must be the name of one"),
        (lambda net: AttributeMonitor(net, "u"), ValueError, "model has no module with an attribute 'u'"),
        (lambda net: AttributeMonitor(net, "v", ["0"]), ValueError, r"0 \(Linear\) has no attribute 'v'"),
    ],
)
def test_bad_arguments(make, error, text):
    net = network()
    with pytest.raises(error, match=text):
        make(net)
    assert not any(m._forward_hooks for m in net.modules())


def test_asking_for_what_is_not_there():
    monitor = SpikeMonitor(network())
    with pytest.raises(KeyError, match="no module 'fc' is monitored; there are '1', '3'"):
        monitor["fc"]
    with pytest.raises(KeyError, match="nothing was recorded of '1': it was not called"):
        monitor["1"]
    assert len(monitor) == 0 and "1" not in monitor and "fc" not in monitor and not dict(monitor)
    assert repr(monitor) == "SpikeMonitor(1, 3)"


def test_values_that_are_no_tensors():
    layer = Spiking()
    with AttributeMonitor(layer, "v_threshold"), pytest.raises(TypeError, match="Spiking gave float to its monitor"):
        layer(grilly_vk.ones((1, 2)))


# --- coming and going --------------------------------------------------------------------------


def test_removed_monitors_stop_and_can_be_read():
    layer = Spiking(0.5)
    x = grilly_vk.ones((1, 2))
    with SpikeMonitor(layer) as monitor:
        layer(x)
    layer(x)
    assert monitor["Spiking"].shape == (1, 1, 2) and not layer._forward_hooks
    with pytest.raises(RuntimeError, match="removed"):
        monitor.enable()


def test_disabled_monitors_wait():
    layer = Spiking(0.5)
    monitor = RateMonitor(layer)
    x = grilly_vk.ones((1, 2))
    layer(x)
    monitor.disable()
    layer(x)
    monitor.enable()
    layer(x)
    assert monitor.steps("Spiking") == 2


def test_a_monitor_that_nobody_holds_is_gone():
    layer = Spiking()
    SpikeMonitor(layer)
    assert not layer._forward_hooks


def test_copies_of_a_model_record_apart():
    layer = Spiking(0.5)
    monitor = RateMonitor(layer)
    layer(grilly_vk.ones((1, 2)))
    layer.reset()
    twin = copy.deepcopy(layer)
    twin(grilly_vk.ones((1, 2)))
    assert monitor.steps("Spiking") == 1


# --- the network does not notice -----------------------------------------------------------------


def train(monitors, compiled=False, steps=6):
    net = network("m")
    optimizer = optim.Adam(net.parameters(), lr=1e-2)
    held = [make(net) for make in monitors]
    target = grilly_vk.tensor(np.arange(B, dtype=np.int32))

    def step(x):
        for m in net.modules():
            if isinstance(m, Spiking):
                m.reset()
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x).mean(axis=0), target)
        loss.backward()
        optimizer.step()
        return loss

    run = grilly_vk.compile(step) if compiled else step
    losses = [run(grilly_vk.tensor(inputs(seed=i))).item() for i in range(steps)]
    return losses, [p.numpy() for p in net.parameters()], held


EVERY_KIND = [lambda net: SpikeMonitor(net, max_steps=10), PotentialMonitor, RateMonitor, InputMonitor]


def test_training_has_the_same_bits():
    losses, parameters, _ = train([])
    watched, with_monitors, held = train(EVERY_KIND)
    assert losses == watched and losses[0] != losses[-1]
    for a, b in zip(parameters, with_monitors):
        np.testing.assert_array_equal(a, b)
    assert held[2].steps("1") == 6 * T * B


def test_compiled_training_records_in_every_replay():
    losses, _, plain = train(EVERY_KIND)
    again, _, compiled = train(EVERY_KIND, compiled=True)
    assert losses == again
    for a, b in zip(plain, compiled):
        assert list(a) == list(b) == ["1", "3"]
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])
            assert a.steps(name) == b.steps(name)
    assert plain[0]["1"].shape == (10, B, 8)


def test_a_monitor_that_comes_after_compiling_records():
    layer = Spiking(0.5)

    @grilly_vk.compile
    def run(x):
        layer.reset()
        return layer(x)

    x = np.ones((1, 2), np.float32)
    run(x)
    monitor = RateMonitor(layer)
    run(x)
    run(x)
    assert monitor.steps("Spiking") == 2 and run.captures == 2
    monitor.disable()
    run(x)
    assert monitor.steps("Spiking") == 2 and run.captures == 2
    monitor.enable()
    run(x)
    assert monitor.steps("Spiking") == 3 and run.captures == 2
    monitor.remove()
    run(x)
    assert monitor.steps("Spiking") == 3 and run.captures == 2


def test_captured_graphs():
    """Replays append; a graph from before the monitor runs without it, and asking says so; no values inside."""
    layer, x = Spiking(0.5), grilly_vk.ones((1, 2))
    before = grilly_vk.capture()
    with before:
        layer.reset()
        layer(x)
    spikes, rates = SpikeMonitor(layer, max_steps=3), RateMonitor(layer)
    before.replay()
    with pytest.raises(KeyError, match="A graph that was captured before runs without the monitor"):
        spikes["Spiking"]
    graph = grilly_vk.capture()
    with graph:
        layer.reset()
        layer(x)
        layer(x * 0.0)
        with pytest.raises(RuntimeError, match="values can't be read while a graph is captured"):
            spikes["Spiking"]
    assert spikes["Spiking"].shape == (0, 1, 2)
    for _ in range(3):
        graph.replay()
    assert spikes["Spiking"][:, 0, 0].tolist() == [0, 1, 0] and spikes.steps("Spiking") == 6
    assert rates["Spiking"].tolist() == [0.5, 0.5]
    spikes.clear()
    rates.clear()
    assert np.isnan(rates["Spiking"]).all()
    graph.replay()
    assert spikes["Spiking"][:, 0, 0].tolist() == [1, 0] and rates.counts("Spiking").tolist() == [1, 1]
    layer.reset()
    with pytest.warns(RuntimeWarning, match="left out"):  # what the replay put in is not given up
        layer(grilly_vk.ones((2, 2)))


def test_checkpoints_are_counted_once():
    layer, line = Spiking(0.2), nn.Linear(N, N)
    monitor = RateMonitor(layer)

    def part(x):
        layer.reset()
        return layer(line(x))

    grilly_vk.checkpoint(part, grilly_vk.tensor(inputs()[0])).sum().backward()
    assert monitor.steps("Spiking") == B and line.weight.grad is not None


def test_zeros_are_no_spikes():
    layer = Spiking()
    with RateMonitor(layer) as monitor:
        layer(grilly_vk.zeros((4, 3)))
    assert monitor["Spiking"].tolist() == [0, 0, 0]
