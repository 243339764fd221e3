"""Every operation, from its record (see helpers/op_table.py): forward, gradients, any layout, bad input, same bits."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest
from op_table import ASPECTS, Op, Sample

import grilly_vk
from grilly_vk.tensor import Tensor, from_numpy

OPS: list[Op] = [
    op
    for path in sorted((Path(__file__).parent / "helpers").glob("records_*.py"))
    for op in importlib.import_module(path.stem).OPS
]
CASES = [pytest.param(op, s, id=f"{op.name}-{i}") for op in OPS for i, s in enumerate(op.samples)]


def tensors(sample: Sample, grad: bool = False) -> list[Tensor]:
    out = [from_numpy(np.asarray(a, order="C").copy()) for a in sample.arrays]
    for i in wanted(sample) if grad else ():
        out[i].requires_grad_()
    return out


def wanted(sample: Sample) -> list[int]:
    floats = [i for i, a in enumerate(sample.arrays) if a.dtype == np.float32]
    return floats if sample.grad is None else list(sample.grad)


SMOOTH = [
    c for c in CASES if c.values[0].differentiable and wanted(c.values[1]) and all(a.size for a in c.values[1].arrays)
]


def several(result) -> list:
    return list(result) if isinstance(result, (tuple, list)) else [result]


def doubles(sample: Sample) -> list[np.ndarray]:
    return [a.astype(np.float64) if a.dtype == np.float32 else a for a in sample.arrays]


@pytest.mark.parametrize("op", [pytest.param(o, id=o.name) for o in OPS])
def test_a_record_covers_what_it_should(op):
    """Empty input, sizes that are and are no multiple of four, broadcasting, errors; or a reason why not."""
    assert set(op.without) <= set(ASPECTS)
    covered = {name for name, covers in ASPECTS.items() if covers(op)}
    assert not set(ASPECTS) - covered - set(op.without), "not covered, and no reason why"
    assert not covered & set(op.without) - {"broadcast"}, "covered, so the reason is not one"
    if "broadcast" in op.without:
        assert any(error is ValueError for _, _, error, _ in op.errors), "shapes that don't fit must be an error"


def test_names_are_unique():
    names = [op.name for op in OPS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("op", "sample"), CASES)
def test_forward(op, sample):
    with np.errstate(all="ignore"):
        want = several(op.reference(*doubles(sample), **sample.options))
    got = several(op.run(*tensors(sample), **sample.options))
    assert len(got) == len(want)
    for g, w in zip(got, want):
        w = np.asarray(w)
        assert g.shape == w.shape
        kind = {"f": np.float32, "b": np.bool_, "i": np.int32, "u": np.int32}[w.dtype.kind]
        assert g.dtype == kind
        np.testing.assert_allclose(g.numpy(), w, rtol=op.rtol, atol=op.atol)


@pytest.mark.parametrize(("op", "sample"), SMOOTH)
def test_gradient(op, sample):
    """Against central differences of the float64 reference, for a random cotangent."""
    inputs = tensors(sample, grad=True)
    outputs = several(op.run(*inputs, **sample.options))
    rng = np.random.default_rng(1)
    seeds = [rng.standard_normal(o.shape).astype(np.float32) for o in outputs if o.requires_grad]
    live = [i for i, o in enumerate(outputs) if o.requires_grad]
    assert live, "no output is on the tape"
    total = None
    for i, seed in zip(live, seeds):
        part = (outputs[i] * from_numpy(seed)).sum()
        total = part if total is None else total + part
    total.backward()

    def value(arrays):
        with np.errstate(all="ignore"):
            results = several(op.reference(*arrays, **sample.options))
        return sum((np.asarray(results[i]) * s.astype(np.float64)).sum() for i, s in zip(live, seeds))

    base, step = doubles(sample), 1e-5
    for k in wanted(sample):
        want = np.zeros(base[k].shape)
        for at in np.ndindex(*want.shape):
            moved = [a.copy() for a in base]
            moved[k][at] += step
            above = value(moved)
            moved[k][at] -= 2 * step
            want[at] = (above - value(moved)) / (2 * step)
        assert inputs[k].grad is not None, f"input {k} got no gradient"
        np.testing.assert_allclose(inputs[k].grad.numpy(), want, rtol=op.grad_rtol, atol=op.grad_atol)


# ---- input that is no block of its own ----

_AROUND = 3  # elements on either side; no multiple of four, so that no view begins at a multiple of 16 bytes
_FILL = {"f": np.nan, "i": -(2**31), "b": True}


def view(array: np.ndarray) -> tuple[Tensor, Tensor]:
    """The array inside a larger buffer that is full of NaN, and the whole buffer."""
    whole = np.full(array.size + 2 * _AROUND, _FILL[array.dtype.kind], array.dtype)
    whole[_AROUND : _AROUND + array.size] = array.reshape(-1)
    buffer = from_numpy(whole)
    return buffer._rows(_AROUND, _AROUND + array.size)._alias(array.shape), buffer


def strided(array: np.ndarray) -> np.ndarray:
    """The same array laid out backwards, with gaps, its axes in the opposite order in memory."""
    wide = np.zeros([2 * n for n in array.shape[::-1]], array.dtype)
    out = wide.T[tuple(slice(None, None, -2) for _ in array.shape)] if array.ndim else wide
    out[...] = array
    return out


def outcome(op: Op, sample: Sample, make, seeds=None):
    """Results, their kinds, and gradients for incoming ones, of inputs and incoming gradients that `make` makes."""
    inputs = [make(a) for a in sample.arrays]
    if op.differentiable and all(a.size for a in sample.arrays):
        for i in wanted(sample):
            inputs[i].requires_grad_()
    outputs = several(op.run(*inputs, **sample.options))
    live = [o for o in outputs if o.requires_grad]
    leaves = [t for t in inputs if t.requires_grad]
    rng = np.random.default_rng(2)
    given = [make(rng.standard_normal(o.shape).astype(np.float32)) for o in live]
    gradients = grilly_vk.grad(live, leaves, given) if live else ()
    return [np.asarray(t) for t in (*outputs, *gradients) if t is not None]


@pytest.mark.parametrize(("op", "sample"), CASES)
def test_input_that_is_no_block_of_its_own(op, sample):
    """Forward and gradient, bit for bit where the record says so; strided numpy arrays also in place of tensors."""
    want = outcome(op, sample, lambda a: from_numpy(np.array(a, order="C")))
    buffers = []

    def inside(array):
        tensor, buffer = view(array)
        buffers.append((buffer, array.size))
        return tensor

    found = [outcome(op, sample, inside), outcome(op, sample, lambda a: from_numpy(strided(a)))]
    if op.arrays:
        plain = several(op.run(*map(strided, sample.arrays), **sample.options))
        found.append([np.asarray(t) for t in plain] + want[len(plain) :])
    for got in found:
        assert len(got) == len(want)
        for g, w in zip(got, want):
            np.testing.assert_allclose(g, w, rtol=0 if op.exact else op.rtol, atol=0 if op.exact else op.atol)
    for buffer, size in buffers:
        values = buffer.numpy()
        around = np.concatenate([values[:_AROUND], values[_AROUND + size :]])
        np.testing.assert_array_equal(around, np.full(2 * _AROUND, _FILL[values.dtype.kind], values.dtype))


@pytest.mark.parametrize("op", [pytest.param(o, id=o.name) for o in OPS])
def test_same_bits_twice_and_whatever_ran_before(op):
    sample = op.samples[0]

    def bits():
        inputs = tensors(sample, grad=op.differentiable)
        outputs = several(op.run(*inputs, **sample.options))
        if op.differentiable and outputs[0].requires_grad:
            outputs[0].sum().backward()
        gradients = [t.grad.numpy() for t in inputs if t.grad is not None]
        return [o.numpy().tobytes() for o in outputs] + [g.tobytes() for g in gradients]

    first = bits()
    waste = [grilly_vk.tensor.full((a.size + 8,), float("nan")) for a in sample.arrays for _ in range(4)]
    grilly_vk.synchronize()
    del waste  # what is allocated next is full of NaN
    assert bits() == first


@pytest.mark.parametrize("op", [pytest.param(o, id=o.name) for o in OPS if o.differentiable])
def test_an_input_that_changes_after_its_use(op):
    """Backward says so, or does not need it: the gradients are those of what it was."""
    sample = next((c.values[1] for c in SMOOTH if c.values[0] is op), None)
    if sample is None:
        pytest.skip("no sample with a gradient")

    def gradients(change=None):
        inputs = tensors(sample, grad=True)
        live = [o for o in several(op.run(*inputs, **sample.options)) if o.requires_grad]
        leaves = [t for t in inputs if t.requires_grad]
        if change is not None:
            inputs[change].detach().assign(sample.arrays[change] * 0.5 + 0.25)
        rng = np.random.default_rng(3)
        given = [from_numpy(rng.standard_normal(o.shape).astype(np.float32)) for o in live]
        return [None if g is None else g.numpy() for g in grilly_vk.grad(live, leaves, given)]

    want = gradients()
    for i, array in enumerate(sample.arrays):
        if array.dtype == np.float32:
            try:
                got = gradients(i)
            except RuntimeError as error:
                assert "changed in place" in str(error)
            else:
                for g, w in zip(got, want):
                    np.testing.assert_array_equal(g, w, err_msg=f"input {i} was changed")


BAD = [pytest.param(op, *bad, id=f"{op.name}-{i}") for op in OPS for i, bad in enumerate(op.errors)]


@pytest.mark.parametrize(("op", "arguments", "options", "error", "text"), BAD)
def test_bad_input(op, arguments, options, error, text):
    given = [from_numpy(np.asarray(a, order="C").copy()) if isinstance(a, np.ndarray) else a for a in arguments]
    with pytest.raises(error, match=text):
        op.run(*given, **options)
    sample = op.samples[0]
    op.run(*tensors(sample), **sample.options)  # the next call works
