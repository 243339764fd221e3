"""RecurrentSynapse around nodes with a late reset: all steps as one operation, as step by step."""

import numpy as np
import pytest

import grilly_vk
from grilly_vk import nn
from grilly_vk.ops import recurrent_nodes

T, B = 9, 3


class Own(nn.Linear):
    """Not the library's own class, so that steps are run one after the other."""


def run(kind, n, connection, memory="fast", halves=False, **more):
    """Results and gradients of everything; `more` goes to the node."""
    rng = np.random.default_rng([3, n])
    x = np.abs(rng.normal(0, 0.5, (T, B, n))).astype(np.float32)
    cs, cv = (rng.normal(size=x.shape).astype(np.float32) for _ in range(2))
    weight, bias = (rng.normal(0, 0.4, shape).astype(np.float32) for shape in ((n, n), (n,)))
    first = rng.uniform(0, 1.5, (3, B, n)).astype(np.float32)
    reset, alpha = kind
    node = nn.LateResetNode(
        0.8, alpha, 0.9, reset, memory=memory, store_v_seq=True,
        **{"learn": ("beta", "alpha") if alpha is not None else "beta"} | more,
    )  # fmt: skip
    layer = nn.RecurrentSynapse(node, connection(n, n), step_mode="m")
    layer.connection.weight.detach().assign(weight)
    layer.connection.bias.detach().assign(bias)
    leaves = [grilly_vk.tensor(a, requires_grad=True) for a in (x, *first)]
    node.v, layer.y = leaves[1], leaves[2]
    if alpha is not None:
        node.current = leaves[3]
    loss, found = 0.0, []
    for part in (slice(0, 4), slice(4, T)) if halves else (slice(0, T),):
        s = layer(leaves[0][part])
        loss = loss + (s * cs[part]).sum() + (layer.v_seq * cv[part]).sum()
        found.append((s.numpy(), layer.v_seq.numpy()))
    loss = loss + (node.v * cv[0]).sum() + ((node.current * cs[0]).sum() if alpha is not None else 0.0)
    loss.backward()
    out = [np.concatenate(rows) for rows in zip(*found)] + [node.v.numpy()]
    out += [leaf.grad.numpy() for leaf in leaves if leaf.grad is not None]
    return out + [p.grad.numpy() for p in layer.parameters() if p.grad is not None]


KINDS = [("subtract", None), ("zero", None), ("blank", 0.6), ("none", 0.6), ("subtract", 0.6)]


@pytest.mark.parametrize("n", [5, 8])
@pytest.mark.parametrize("kind", KINDS)
def test_one_operation_is_its_steps(kind, n, monkeypatch):
    """Spikes, potentials, and gradients of input, states, spikes before, weights and decays."""
    want = run(kind, n, Own)
    called = []
    op = recurrent_nodes.recurrent_node
    monkeypatch.setattr(
        "grilly_vk.nn.synapses.recurrent_synapse.recurrent_node", lambda *a, **k: called.append(1) or op(*a, **k)
    )
    ways = [{}, {"memory": "low"}, {"halves": True}] if kind in KINDS[1:3] else [{}]
    ways += ["walk"] if n == 8 else []  # the kernel of GPUs
    for way in ways:
        if way == "walk":
            monkeypatch.setattr(recurrent_nodes, "by_products", lambda engine: False)
            way = {}
        got = run(kind, n, nn.Linear, **way)
        assert called and len(got) == len(want)
        np.testing.assert_array_equal(got[0], want[0])
        for a, b in zip(got[1:], want[1:]):
            np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5 * np.abs(b).max())
    assert 0.1 < want[0].mean() < 0.9


def test_what_is_no_part_of_it_goes_step_by_step(monkeypatch):
    """Thresholds that train, resets at once, gains: the same numbers as with a connection of your own."""
    monkeypatch.setattr("grilly_vk.nn.synapses.recurrent_synapse.recurrent_node", None)
    for more in (
        {"learn": "v_threshold"}, {"late": False}, {"gain": 0.5}, {"spike_factor": 0.5},
        {"learn": ("spike_factor", "beta")},
    ):  # fmt: skip
        for a, b in zip(run(KINDS[0], 5, nn.Linear, **more), run(KINDS[0], 5, Own, **more)):
            np.testing.assert_array_equal(a, b)


def test_a_learnt_decay_is_clipped():
    """Beyond [0, 1] it counts as its end, without a gradient."""
    x = np.abs(np.random.default_rng(0).normal(0, 0.5, (T, B, 8))).astype(np.float32)
    got = []
    for beta in (1.3, 1.0):
        layer = nn.RecurrentSynapse(nn.LateResetNode(nn.Parameter(np.float32(beta))), nn.Linear(8, 8), step_mode="m")
        for parameter in layer.connection.parameters():
            parameter.detach().zero_()
        s = layer(x)
        s.sum().backward()
        got.append((s.numpy(), float(layer.node.beta.grad.item())))
    np.testing.assert_array_equal(got[0][0], got[1][0])
    assert got[0][1] == 0.0 != got[1][1]


def test_a_node_of_all_steps_gives_way_to_the_loop():
    """snnTorch's Leaky, whose default is all steps, may be put into a loop by hand; one that was told so may not."""
    x = np.abs(np.random.default_rng(5).normal(0, 0.8, (6, 2, 4))).astype(np.float32)
    grilly_vk.manual_seed(0)
    wanted = nn.dialects.snntorch.RLeaky(0.9, linear_features=4)
    grilly_vk.manual_seed(0)
    byhand = nn.RecurrentSynapse(nn.dialects.snntorch.Leaky(0.9), nn.Linear(4, 4), step_mode="m")
    np.testing.assert_array_equal(byhand(x).numpy(), wanted(x).numpy())
    np.testing.assert_array_equal(byhand.v_seq.numpy(), wanted.v_seq.numpy())
    told = nn.ElementWiseRecurrentContainer(nn.LateResetNode(0.9, step_mode="m"), lambda a, b: a + b, step_mode="m")
    with pytest.raises(ValueError, match="LateResetNode in it is in step mode 'm'; give the part step_mode='s'"):
        told(x)
    node = nn.dialects.snntorch.Leaky(0.9)
    for wrong in ({"element_wise_function": 3}, {"element_wise_function": max, "step_mode": "l"}):
        with pytest.raises((TypeError, ValueError)):
            nn.ElementWiseRecurrentContainer(node, **wrong)
    assert node.step_mode == "m"  # nothing was changed
