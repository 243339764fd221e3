"""Every name of document 004 (spyx.nn): signatures, arguments, and what calls return, as that page writes them."""

import inspect

import numpy as np
import pytest

import grilly
import grilly.functional as F
import grilly.nn as nn

# Parameters after self with the document's defaults; activation=superspike() is written None here.
CONSTRUCTORS = {
    "ALIF": {"hidden_shape": ..., "beta": None, "gamma": None, "threshold": 1, "activation": None, "name": "ALIF"},
    "LI": {"layer_shape": ..., "beta": None, "name": "LI"},
    "IF": {"hidden_shape": ..., "threshold": 1, "activation": None, "name": "IF"},
    "LIF": {"hidden_shape": ..., "beta": None, "threshold": 1.0, "activation": None, "name": "LIF"},
    "CuBaLIF": dict(hidden_shape=..., alpha=None, beta=None, threshold=1, activation=None, name="CuBaLIF"),
    "RIF": {"hidden_shape": ..., "threshold": 1, "activation": None, "name": "RIF"},
    "RLIF": {"hidden_shape": ..., "beta": None, "threshold": 1, "activation": None, "name": "RLIF"},
    "RCuBaLIF": {"hidden_shape": ..., "alpha": None, "beta": None, "activation": None, "name": "RCuBaLIF"},
    "ActivityRegularization": {"name": "ActReg"},
    "SumPool": {"window_shape": ..., "strides": ..., "padding": ..., "channel_axis": -1, "name": None},
    "PopulationCode": {"num_classes": ...},
    "sum_pool": {"value": ..., "window_shape": ..., "strides": ..., "padding": ..., "channel_axis": -1},
}
CALLS = {
    "ALIF": ["x", "VT"],
    "LI": ["x", "Vin"],
    "IF": ["x", "V"],
    "LIF": ["x", "V"],
    "CuBaLIF": ["x", "VI"],
    "RIF": ["x", "V"],
    "RLIF": ["x", "V"],
    "RCuBaLIF": ["x", "VI"],
    "ActivityRegularization": ["spikes"],
    "SumPool": ["value"],
}


@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_constructors(name):
    """Names, order and defaults; more arguments may follow."""
    found = list(inspect.signature(getattr(nn, name)).parameters.values())
    wanted = list(CONSTRUCTORS[name].items())
    got = [(p.name, ... if p.default is inspect.Parameter.empty else p.default) for p in found]
    assert got[: len(wanted)] == wanted
    assert all(default is not ... for _, default in got[len(wanted) :])


@pytest.mark.parametrize("name", CALLS)
def test_calls(name):
    found = list(inspect.signature(getattr(nn, name).forward).parameters)[1:]
    assert found[: len(CALLS[name])] == CALLS[name]


@pytest.mark.parametrize("name", [n for n in CALLS if n[-1] in "FI" and n != "SumPool"])
def test_protocol_of_cores(name):
    """`out, state = core(x, state)`, `state = core.initial_state(batch_size)`, by place and by name."""
    core = getattr(nn, name)((7,), name="mine")
    assert isinstance(core, nn.Module) and core.name == "mine"
    assert "batch_size" in inspect.signature(core.initial_state).parameters
    state = core.initial_state(batch_size=3)
    x = np.full((3, 7), 0.7, np.float32)
    out, after = core(x, state)
    assert out.shape == (3, 7) and after.shape == state.shape
    again, _ = core(**dict(zip(CALLS[name], (x, state))))
    np.testing.assert_array_equal(out.numpy(), again.numpy())
    outs, end = F.unroll(core, np.stack([x] * 4), state)
    assert outs.shape == (4, 3, 7) and end.shape == state.shape


def test_default_activation_is_superspike():
    """1 / (1 + 25 abs(x))^2."""
    assert nn.LIF((3,)).activation == nn.superspike() == nn.SuperSpike(beta=25.0)
    np.testing.assert_allclose(nn.superspike(2.0).derivative(grilly.tensor([-1.0, 0.0])).numpy(), [1 / 9, 1.0], 1e-6)


def test_activity_regularization():
    """The count of spikes per neuron and sample, kept while the spikes pass."""
    layer = nn.ActivityRegularization()
    spikes = (np.random.default_rng(0).random((5, 2, 3)) < 0.5).astype(np.float32)
    for row in spikes:
        np.testing.assert_array_equal(layer(row).numpy(), row)
    np.testing.assert_array_equal(layer.spike_count.numpy(), spikes.sum(0))


def test_population_code():
    x = np.arange(12, dtype=np.float32).reshape(2, 6)
    np.testing.assert_array_equal(nn.PopulationCode(3)(x).numpy(), x.reshape(2, 3, 2).sum(-1))
    with pytest.raises(ValueError, match="multiple of num_classes=4"):
        nn.PopulationCode(num_classes=4)(x)


def test_sum_pool_and_sum_pool_layer():
    x = np.ones((2, 6, 6, 3), np.float32)
    for pooled in (
        nn.sum_pool(x, window_shape=2, strides=2, padding="VALID", channel_axis=-1),
        nn.SumPool(window_shape=2, strides=2, padding="VALID", channel_axis=-1, name="pool")(x),
    ):
        assert pooled.shape == (2, 3, 3, 3)  # same rank as value; channels are not pooled
        np.testing.assert_array_equal(pooled.numpy(), 4)
