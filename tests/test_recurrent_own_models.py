"""RecurrentSynapse around nodes of text: all steps in one op, against float64 and its parts step by step."""

import copy
import math

import numpy as np
import pytest
from test_custom_node import OWN, RECORDS
from test_recurrent_synapse import WAYS, built, by_parts, compare, no_parts, numbers, ours, take, theirs  # noqa: F401

import grilly_vk
from grilly_vk import nn, surrogate
from grilly_vk.ops import nodes

RESETS = {"turning": lambda h: h - 2 * math.pi, "theta": lambda h: h - 2 * math.pi}


def made(title, **options):
    given, _, *own = OWN[title]
    if not isinstance(given, dict):
        return given(**own[0], **options)
    return nn.CustomNode(nn.NeuronModel(title, **given), **options)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("title", ["conductance", "turning", "theta", "scaled"])
def test_values_and_gradients(title, way, monkeypatch, no_parts):  # noqa: F811
    """Charges whose slopes read the input and whose input is kept, levels and resets of their own, a learned number."""
    take(way, monkeypatch)
    for size, options in (((7, 2, 4), {}), ((6, 2, 5), {"detach_reset": True})):
        given, cotangents = numbers(*size, seed=2)
        if title in RESETS:  # which need a stronger input to come round
            given["x"] = given["x"] * np.float32(3)
        net = built(made(title, **options), given, learnable=True)

        def formula(node, x, v, u, w):
            return *OWN[title][1](x, v, u, w)[:3], None

        got = ours(net, given, cotangents)
        compare(got, theirs(net, formula, given, cotangents, RESETS.get(title)), 1e-4)
        assert 0.03 < got["s"].mean() < 0.95


@pytest.mark.parametrize("way", WAYS)
def test_the_same_model_as_text_gives_the_same_bits(way, monkeypatch, no_parts):  # noqa: F811
    """Values and all gradients."""
    take(way, monkeypatch)
    given, cotangents = numbers(7, 2, 8)
    model = nn.NeuronModel("lif", **dict(RECORDS["lif"]._arguments()))
    both = [nn.ParametricLIFNode(3.0), nn.CustomNode(model, tau=3.0)]
    both[1].load_state_dict(both[0].state_dict())
    want, got = (ours(built(node, given), given, cotangents) for node in both)
    assert want.keys() == got.keys()
    for key, value in want.items():
        np.testing.assert_array_equal(got[key], value)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("title", ["turning", "scaled"])
def test_options_of_the_node_are_the_parts(title, way, monkeypatch):
    """Without kept potentials, in pieces, and with surrogates of the user's own: as text, and as a function."""
    take(way, monkeypatch)
    given, cotangents = numbers(9, 3, 8)
    bell = "1.0 / (1.0 + x * x)"
    ways = [{"memory": "low"}, {}, *({"surrogate_function": surrogate.Custom(s)} for s in (bell, _bell))]
    for options in ways:
        node = made(title, **options)
        fused, parts = built(node, given), by_parts(built(copy.deepcopy(node), given))
        want = ours(parts, given, cotangents)
        with monkeypatch.context() as cut:
            if not options:
                cut.setattr(type(grilly_vk.tensor(0.0).engine), "steps_per_submit", lambda self, work: 4)
            compare(ours(fused, given, cotangents), want, 5e-5)


def _bell(z):
    return 1.0 / (1.0 + z * z)


def test_a_model_of_two_states_is_called_each_step(monkeypatch):
    calls, forward = [], nn.SpikingNode.forward
    monkeypatch.setattr(nn.SpikingNode, "forward", lambda self, x, **more: calls.append(x) or forward(self, x, **more))
    for title, count in (("conductance", 0), ("curved", 5)):
        net = built(made(title), numbers(5, 2, 4)[0])
        assert net(np.ones((5, 2, 4), np.float32)).shape == (5, 2, 4)
        assert len(calls) == count


def test_the_kernels_are_compiled_at_the_first_call(tmp_path, monkeypatch, caplog):
    """And told of once; nodes alone need none of them."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    nodes.own_kernels.cache_clear()
    net = built(nn.CustomNode(nn.NeuronModel("heard", "h = v * 0.375 + x")), numbers(3, 2, 4)[0])
    x = np.ones((3, 2, 4), np.float32)
    for _ in range(2):
        net(x)
    said = [record.getMessage().split(" in ")[0] for record in caplog.records]
    assert said == [f"compiled the {kind}kernels of the neuron model 'heard'" for kind in ("", "recurrent ")]
