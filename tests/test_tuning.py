"""The rules of every kind of device, followed on this one, give results that are right; ops follow nothing else."""

import dataclasses
import math
import re
from pathlib import Path

import numpy as np
import pytest
import test_diehl_cook
import test_lif
import test_ops
from tuned import KINDS, SMALL, tune

import grilly_vk
from grilly_vk import nn
from grilly_vk.models import DiehlCook
from grilly_vk.ops import event_linear
from grilly_vk.runtime import engine, tuning
from grilly_vk.runtime.engine import Engine
from grilly_vk.tensor import from_numpy

SOURCES = Path(grilly_vk.__file__).parent
RECORDS = {
    "matmul", "linear", "linear_by_events", "conv2d", "conv_transpose2d", "conv3d", "softmax", "log_softmax",
    "cross_entropy", "layer_norm", "rms_norm", "batch_norm", "group_norm", "batch_norm_through_time",
    "temporal_effective_batch_norm", "squeeze_excite", "spiking_attention", "synapse_filter", "dual_timescale", "stp",
}  # fmt: skip


@pytest.fixture(params=KINDS)
def rules(request, monkeypatch):
    """The device follows the rules of another kind."""
    tune(monkeypatch, KINDS[request.param])


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_operations_follow_their_references(name, rules, monkeypatch):
    """Forward against the record's float64 reference; gradients, and other layouts, against the device's own rules."""
    op = next(op for op in test_ops.OPS if op.name == name)
    foreign = engine().tuning
    for sample in op.samples:
        test_ops.test_forward(op, sample)
        found = test_ops.outcome(op, sample, from_numpy), test_ops.outcome(op, sample, lambda a: test_ops.view(a)[0])
        with monkeypatch.context() as m:
            m.setattr(engine(), "tuning", tuning.tuning_for(engine().info))
            wanted = test_ops.outcome(op, sample, from_numpy)
        assert engine().tuning is foreign
        for got in found:
            for g, w in zip(got, wanted, strict=True):
                np.testing.assert_allclose(g, w, rtol=op.grad_rtol, atol=op.grad_atol)


@pytest.mark.parametrize("n", [1, 67, 260, 1100])
def test_neurons_in_blocks_follow_the_reference(rules, n):
    x = test_lif.currents((21, n), seed=n, mean=3.0)
    spikes, membrane = nn.LIFNeuron(n, tau_mem=5.0).run(x, record_membrane=True)
    a = math.exp(-1 / 5)
    want, trace, *_ = test_lif.reference(x, got=spikes, a=a, g=1 - a, rest=0.0, th=1.0, reset=0.0, hold_steps=2)
    np.testing.assert_array_equal(spikes, want)
    np.testing.assert_allclose(membrane, trace, rtol=0, atol=4e-6)


def test_images_side_by_side_are_the_same_as_one_by_one(monkeypatch):
    """However many workgroups present them."""
    spikes, found = test_diehl_cook.trains(7, 40, 12), []
    for images in (1, 3, 256):
        tune(monkeypatch, images=images)
        net = DiehlCook(12, 8, seed=1, **test_diehl_cook.LIVELY)
        found.append(net.present_spikes(spikes, learn=False).numpy())
    assert found[0].sum() > 0
    for other in found[1:]:
        np.testing.assert_array_equal(found[0], other)


def test_events_pay_where_the_rules_say_so(monkeypatch):
    x = from_numpy((np.random.default_rng(0).random((80, 16)) < 0.01).astype(np.float32)).as_spikes()
    for gains in (True, False):
        tune(monkeypatch, event_driven=gains)
        assert event_linear.may_pay(x, 64) is gains
    tune(monkeypatch, event_driven=True, event_rows=81)
    assert not event_linear.may_pay(x, 64)
    tune(monkeypatch, event_rows=64, event_outs=65)
    assert not event_linear.may_pay(x, 64)
    tune(monkeypatch, event_forward=1.1, event_gradient=0.0)
    monkeypatch.setattr(engine(), "host_products", False)
    assert event_linear.measured(x, 64) == (True, False)
    monkeypatch.setattr(engine(), "host_products", True)
    tune(monkeypatch, event_host=0.0, host_product=x.count * 64)
    assert event_linear.measured(x, 64) == (False, False)
    assert event_linear.measured(x, 63) == (True, False)
    tune(monkeypatch, event_host=1.1)
    assert event_linear.measured(x, 64) == (True, True)


def test_blocks():
    """A CPU's invocations take as many elements as leave 64 workgroups something to do; a GPU's take one."""
    assert [tuning.CPU.blocks(n) for n in (4095, 4096, 8192, 1 << 20)] == [(1, 0), (2, 8), (4, 8), (16, 8)]
    assert tuning.DISCRETE.blocks(1 << 20) == (1, 0)
    assert SMALL.blocks(64) == (2, 8)


def test_tiles_of_lanes():
    """As tall as the rows ask for; of few tiles each has a workgroup of 64, of many a subgroup of eight."""
    assert [tuning.LANES.lane_rows(n) for n in (1, 8, 9, 16, 17, 100)] == [8, 8, 16, 16, 32, 32]
    assert tuning.LANES.lane_tiles(9, 33, 32) == (16, 64 * 64)
    assert tuning.LANES.lane_tiles(9, 33, 33) == (16, 66 * 8)


def test_each_kind_of_device_has_its_rules():
    info = dataclasses.replace(engine().info, subgroup_sizes=(4, 4), subgroup_size=4)
    kinds = {
        kind: tuning.tuning_for(dataclasses.replace(info, type=kind))
        for kind in ("discrete", "virtual", "cpu", "other")
    }
    assert kinds == {
        "discrete": tuning.DISCRETE, "virtual": tuning.INTEGRATED, "cpu": tuning.CPU, "other": tuning.OTHER,
    }  # fmt: skip
    lanes = dataclasses.replace(info, type="cpu", subgroup_sizes=(8, 8), subgroup_size=8, subgroup_ballot=True)
    assert tuning.tuning_for(lanes) is tuning.LANES


def test_an_engine_takes_other_rules():
    config = dataclasses.replace(engine().config, debug=False, segment_bytes=1 << 20)
    other = Engine(engine().info, config, dataclasses.replace(tuning.DISCRETE, local=32))
    assert other.tuning.row == tuning.DISCRETE.row
    assert other.local == 32
    assert Engine(engine().info, config).tuning == tuning.tuning_for(engine().info)


def test_nothing_else_knows_kinds_of_devices():
    """Above the runtime nobody asks what kind of device it is, and each rule is followed somewhere."""
    sources = {p: p.read_text("utf-8") for p in SOURCES.rglob("*.py")}
    asks = re.compile(r"info\.(type|lanes|broadcasts)\b")
    asking = {p.relative_to(SOURCES).as_posix() for p, text in sources.items() if asks.search(text)}
    assert {p for p in asking if not p.startswith(("runtime/", "cli/"))} == set()
    followed = set(re.findall(r"\btuning\.(\w+)", "\n".join(sources.values())))
    followed |= set(re.findall(r"\bself\.(\w+)", sources[SOURCES / "runtime" / "tuning.py"]))
    assert {f.name for f in dataclasses.fields(tuning.Tuning)} - followed == set()
