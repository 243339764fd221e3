"""Monitors on the spiking nodes: both step modes, containers, compiled training, advice."""

import numpy as np
import pytest

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn, optim
from grilly_vk.monitor import OutputMonitor, PotentialMonitor, RateMonitor, SpikeMonitor, firing_rate_report

pytestmark = pytest.mark.skipif(not hasattr(nn, "LIFNode"), reason="there are no spiking nodes yet")

T, B, N = 9, 3, 6


def inputs(seed=0):
    return np.random.default_rng(seed).uniform(0, 2, (T, B, N)).astype(np.float32)


def reference(x, tau=2.0, threshold=1.0):
    """LIFNode with decay_input and a hard reset to 0, float32 like the kernel."""
    v = np.zeros(x.shape[1:], np.float32)
    spikes, potential = np.empty_like(x), np.empty_like(x)
    for t in range(len(x)):
        h = v + (x[t] - v) / np.float32(tau)
        spikes[t] = h >= threshold
        v = potential[t] = h * (1 - spikes[t])
    return spikes, potential


@pytest.mark.parametrize("how", ["steps", "sequence", "container", "forward"])
def test_every_way_to_run_a_node_records_the_same(how):
    x = grilly_vk.tensor(inputs())
    node = nn.LIFNode(step_mode="m" if how == "sequence" else "s")
    container = nn.MultiStepContainer(node)
    with SpikeMonitor(container, nn.LIFNode) as s, PotentialMonitor(node) as v, RateMonitor({"n": node}) as r:
        if how == "steps":
            for t in range(T):
                node(x[t])
        elif how == "sequence":
            node(x)
        elif how == "container":
            container(x)
        else:
            F.multi_step_forward(node, x, T=T)
    spikes, potential = reference(inputs())
    assert s.names == ("module",) and v.names == ("LIFNode",)
    np.testing.assert_array_equal(s["module"], spikes)
    np.testing.assert_allclose(v["LIFNode"], potential, atol=1e-6)
    np.testing.assert_allclose(r["n"], spikes.mean(axis=(0, 1), dtype=np.float64))
    assert r.steps("n") == T * B and node.store_v_seq is False and 0 < spikes.mean() < 1


def test_containers_have_a_time_axis():
    x = grilly_vk.tensor(inputs())
    net = nn.Sequential(nn.Linear(N, 4), nn.LIFNode())
    whole = nn.MultiStepContainer(net)
    with OutputMonitor(whole, [nn.MultiStepContainer, nn.Sequential, nn.LIFNode]) as out:
        result = whole(x).numpy()
    assert len(out) == 3
    for name in out:
        np.testing.assert_array_equal(out[name], result)


def network():
    grilly_vk.manual_seed(0)
    net = nn.Sequential(
        nn.Linear(N, 12), nn.LIFNode(v_threshold=0.1), nn.Linear(12, 4), nn.ParametricLIFNode(v_threshold=0.05)
    )
    F.set_step_mode(net, "m")
    return net


def train(watch, compiled):
    net = network()
    optimizer = optim.Adam(net.parameters(), lr=1e-2)
    monitors = [kind(net) for kind in (SpikeMonitor, PotentialMonitor, RateMonitor)] if watch else []
    target = grilly_vk.tensor(np.arange(B, dtype=np.int32))

    def step(x):
        F.reset_net(net)
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x).mean(axis=0), target)
        loss.backward()
        optimizer.step()
        F.reset_net(net)
        return loss

    run = grilly_vk.compile(step) if compiled else step
    losses = [run(grilly_vk.tensor(inputs(i))).item() for i in range(5)]
    return losses, [p.numpy() for p in net.parameters()], [{n: m[n] for n in m} for m in monitors]


def test_training_has_the_same_bits_watched_and_compiled():
    losses, parameters, _ = train(False, False)
    seen = []
    for compiled in (False, True):
        again, with_monitors, records = train(True, compiled)
        assert again == losses and losses[0] != losses[-1]
        for a, b in zip(parameters, with_monitors):
            np.testing.assert_array_equal(a, b)
        seen.append(records)
    for eager, replayed in zip(*seen):
        assert set(eager) == set(replayed) == {"1", "3"}
        for name in eager:
            np.testing.assert_array_equal(eager[name], replayed[name])
    assert seen[0][0]["1"].shape == (5 * T, B, 12) and seen[0][2]["1"].shape == (12,)


def test_report_and_advice():
    net = network()
    net[1].v_threshold = 0.8
    report = firing_rate_report(net, [inputs(0), inputs(1)])
    assert report["1"].steps == 2 * T * B and set(report.to_dict()) == {"1", "3"}
    with SpikeMonitor(net) as spikes:
        for i in range(2):
            F.reset_net(net)
            net(grilly_vk.tensor(inputs(i)))
    np.testing.assert_allclose(report["1"].rates, spikes["1"].mean(axis=(0, 1), dtype=np.float64))
    quiet = nn.LIFNode(tau=4.0, v_threshold=3.0)
    advice = firing_rate_report(quiet, inputs(), forward=lambda x: F.multi_step_forward(quiet, x, T=T)).advice
    assert advice == [
        f"layer LIFNode: nothing fired in {T * B} steps: is its input zero? Otherwise lower v_threshold (now 3), raise "
        "the input gain (weights, bias, a norm's scale) or lower tau (now 4), which divides the input"
    ]
    assert quiet.v == 0.0


def test_potentials_before_the_reset_are_watched_as_they_are_kept():
    """store_v_seq="before" stays, under a monitor and after it."""
    node = nn.LIFNode(step_mode="m", store_v_seq="before")
    with PotentialMonitor(node) as v:
        node(3.0 * inputs())
        np.testing.assert_array_equal(v["LIFNode"], node.v_seq.numpy())
    assert node.store_v_seq == "before" and v["LIFNode"].max() >= 1.0
