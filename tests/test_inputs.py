"""Modules called with more inputs than they take: an error that says so, and never another meaning."""

import inspect

import numpy as np
import pytest

import grilly_vk as g
from grilly_vk import nn

X = np.ones((2, 3), np.float32)


@pytest.mark.parametrize("make", [nn.LIFNode, nn.IFNode, nn.ParametricLIFNode, nn.AdaptiveLIFNode])
def test_a_state_beside_the_input_is_refused(make):
    """snnTorch's call ``spk, mem = lif(x, mem)``: the second must not be taken for something internal."""
    node = make()
    with pytest.raises(TypeError, match=f"{make.__name__} takes one input, got 2; its state is in the node .*lif_step"):
        _spikes, _mem = node(g.tensor(X), g.zeros(2, 3))


def test_inputs_are_counted_before_anything_runs():
    class Two(nn.Module):
        def forward(self, x, y=None):
            return x if y is None else x + y

    class Any(nn.Module):
        def forward(self, *xs):
            return len(xs)

    assert Two()(g.tensor(X), g.tensor(X)).shape == (2, 3) and Any()(1, 2, 3) == 3
    with pytest.raises(TypeError, match=r"Two takes 2 inputs, got 3$"):
        Two()(1, 2, 3)
    with pytest.raises(TypeError, match=r"Linear takes one input, got 2$"):
        nn.Linear(3, 2)(g.tensor(X), g.tensor(X))
    with pytest.raises(TypeError, match=r"Sequential takes one input, got 2$"):
        nn.Sequential(nn.Linear(3, 2))(g.tensor(X), g.tensor(X))


def test_no_internal_argument_is_positional():
    """Every layer: what containers say to it comes by keyword."""
    for name in nn.__all__:
        cls = getattr(nn, name)
        if not (isinstance(cls, type) and issubclass(cls, nn.Module)):
            continue
        for parameter in inspect.signature(cls.forward).parameters.values():
            if parameter.name in ("steps", "norm", "repeat"):
                assert parameter.kind is inspect.Parameter.KEYWORD_ONLY, f"{name}.forward({parameter.name})"
