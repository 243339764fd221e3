"""Kernels that load and store eight numbers at once (shaders/include/eights.glsl): the same bits as by fours."""

import json

import numpy as np
import pytest
from norms_by_eights import KERNELS, SHAPES, digests, inputs, outcome, placed
from tuned import tune

import grilly_vk
from grilly_vk.runtime import engine


@pytest.fixture(autouse=True)
def by_eights(monkeypatch):
    tune(monkeypatch, eights=True)
    monkeypatch.setattr(engine(), "host_products", False)  # it would take the larger norms
    if not engine().eights:
        pytest.skip("the device has no integers of 64 bits, or they are not asked for")


def same(found, wanted):
    for got, want in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(got.view(np.uint32), want.view(np.uint32))


def went(widths, wide):
    assert widths == {kernel: {wide} for kernel in KERNELS}


def by_fours(x, c):
    with pytest.MonkeyPatch.context() as m:
        tune(m, eights=False)
        found, widths = outcome(x, c)
    went(widths, 4)
    return found


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_same_bits_as_by_fours(shape):
    x, c = map(grilly_vk.tensor, inputs(shape))
    found, widths = outcome(x, c)
    went(widths, 8)
    same(found, by_fours(x, c))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_float64(shape):
    x, c = inputs(shape)
    found, _ = outcome(*map(grilly_vk.tensor, (x, c)))
    wide = x.astype(np.float64)
    mean, scale = wide.mean((1, 3), keepdims=True), 1 / np.sqrt(wide.var((1, 3), keepdims=True) + 1e-5)
    z = (wide - mean) * scale
    gx = scale * (c - c.mean((1, 3), keepdims=True) - z * (c * z).mean((1, 3), keepdims=True))
    for got, want in zip(found[-2:], (z, gx), strict=True):
        np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-5 * np.abs(want).max())


@pytest.mark.parametrize("shape", [(2, 2, 3, 10), (1, 1, 1, 12), (3, 4, 4, 49)], ids=str)
@pytest.mark.parametrize("shift", [4, 8])
def test_what_lies_beside_a_view_does_not_matter(shape, shift):
    """Views begin on 16 or on 32 bytes, and NaN lies before and behind them: what a load of eight takes too many."""
    arrays = inputs(shape)
    wanted = by_fours(*map(grilly_vk.tensor, arrays))
    found, widths = outcome(*(placed(a, shift) for a in arrays))
    went(widths, 8 if shift == 8 else 4)
    same(found, wanted)


def test_one_shifted_input_is_enough():
    """Kernels that read the gradient alone go by fours then, the others by eights."""
    shape = (2, 2, 3, 12)
    x, c = inputs(shape)
    found, widths = outcome(grilly_vk.tensor(x), placed(c, 4))
    assert widths == {
        "batch-norm": {8}, "batch-norm-stats": {8}, "batch-norm-grad": {4}, "batch-norm-grad-sums": {4}
    }  # fmt: skip
    same(found, by_fours(*map(grilly_vk.tensor, (x, c))))


@pytest.mark.parametrize("inner", range(8, 12))
def test_a_number_that_is_none_stays_in_its_channel(inner):
    """Eight elements may be of two channels."""
    x, c = inputs((1, 4, 5, inner))
    x[0, 2, 1, -1], x[0, 1, 3, 0] = np.nan, np.inf
    x, c = map(grilly_vk.tensor, (x, c))
    found, widths = outcome(x, c)
    went(widths, 8)
    for got, want in zip(found, by_fours(x, c), strict=True):
        np.testing.assert_array_equal(got, want)
    y = found[-2]
    assert np.isnan(y[0, :, [1, 3]]).all() and np.isfinite(y[0, :, [0, 2, 4]]).all()


def test_rows_shorter_than_eight_go_by_fours():
    _, widths = outcome(*map(grilly_vk.tensor, inputs((2, 4, 4, 7))))
    assert widths["batch-norm"] == widths["batch-norm-grad"] == {4}


SAME = """
import json, norms_by_eights
import grilly_vk
from grilly_vk.runtime import engine
grilly_vk.set_host_blas(False)
grilly_vk.synchronize()
print(json.dumps([engine().eights, norms_by_eights.digests()]))
grilly_vk.synchronize()
"""


@pytest.mark.parametrize("switch", [{"GRILLY_VK_DEBUG": 1}, {"GRILLY_VK_FEATURES": 0}, {"GRILLY_VK_MEMORY": "storage"}])
def test_other_settings(snippet, switch):
    """No word beside a tensor is written, and without 64-bit integers it goes by fours."""
    eights, found = json.loads(snippet(SAME, **switch).out)
    assert eights == (engine().info.lanes and "GRILLY_VK_FEATURES" not in switch)
    assert found == digests()
