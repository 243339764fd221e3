"""Calls of the package's Python functions that warm work makes: counted, for on a busy machine times tell little.

Comprehensions and generators are calls of their own before Python 3.12; the numbers are those of Python 3.11.
"""

from itertools import pairwise

import numpy as np
import pytest
from python_calls import package_calls

import grilly_vk as g
import grilly_vk.functional as F
from grilly_vk import nn, optim

MOST = {"node": 194, "replay": 44, "process": 54}


@pytest.fixture(autouse=True)
def usual():
    """The debug mode and memory out of the host's sight have calls of their own, which depend on where blocks lie."""
    engine = g.runtime.engine()
    if engine.config.debug or not engine.host_visible:
        pytest.skip("the numbers are those of memory that the host sees, without the debug mode")


def node():
    node, x = nn.LIFNode(step_mode="m"), g.randn(16, 8, 32)
    x.requires_grad_()

    def run():
        F.reset_net(node)
        x.grad = None
        node(x).sum().backward()

    return run


def replay(hidden=1):
    widths = [784, *[100] * hidden, 10]
    layers = [layer for a, b in pairwise(widths) for layer in (nn.Linear(a, b), nn.LIFNode())]
    model = nn.Sequential(*layers[:-1])
    optimizer = optim.Adam(model.parameters())

    @g.compile
    def step(x, y):
        F.reset_net(model)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    x, y = np.ones((32, 784), np.float32), np.zeros(32, np.int32)
    return lambda: step(x, y)


def process():
    snn, x = g.SNNCompute(n_neurons=512), np.ones(512, np.float32)
    return lambda: snn.process(x)


@pytest.mark.parametrize("name, make", [("node", node), ("replay", replay), ("process", process)])
def test_calls_of_warm_work(name, make):
    run = make()
    for _ in range(5):
        run()
    found = package_calls(run)
    assert found.total() <= MOST[name], found.most_common()


def test_modules_are_not_asked_again_while_no_setting_changes():
    """A replay looks at a network of many modules without a call for each."""
    small, large = replay(1), replay(8)
    counts = []
    for run in (small, large):
        for _ in range(3):
            run()
        found = package_calls(run)
        counts.append(found.total() - found["nn/stateful.py:restore"] - found["nn/module.py:__setattr__"])
    assert counts[0] == counts[1]
