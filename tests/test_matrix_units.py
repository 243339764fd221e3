"""precision="float16": products on matrix units against float64 numpy, gradients, and what devices without them say."""

import dataclasses

import numpy as np
import pytest
from test_matmul import FORMS
from tuned import tune

import grilly_vk as g
import grilly_vk.functional as F
from grilly_vk import nn
from grilly_vk.ops import matmul as ops
from grilly_vk.runtime import engine
from grilly_vk.runtime.kernels import Kernels
from grilly_vk.runtime.limits import needs
from grilly_vk.runtime.matrices import FEATURES, PRODUCT, MatrixUnits
from grilly_vk.tensor import from_numpy

units = pytest.mark.skipif(bool(engine().matrices.lacking), reason=f"no matrix units: {engine().matrices.lacking}")
built = pytest.mark.skipif(not Kernels().has(PRODUCT), reason="glslc knows no cooperative matrices")
SIZES = [  # m, n, k: ones, both sides of the edges of matrices and of tiles, several tiles
    (1, 1, 1), (8, 8, 8), (16, 16, 16), (7, 9, 33), (63, 31, 15), (65, 33, 17), (128, 64, 64), (130, 129, 5),
    (257, 33, 70), (4, 5, 1000),
]  # fmt: skip


def half(a):
    """As a float16 holds it, in float64."""
    with np.errstate(over="ignore"):
        return np.asarray(a).astype(np.float16).astype(float)


def normal(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


def close(got, a, b, more=0.0):
    """Whether it is a @ b + more with float16 factors and float32 sums in some order."""
    a, b = half(a), half(b)
    bound = (a.shape[-1] + 4) * 2.0**-24 * (np.abs(a) @ np.abs(b) + np.abs(more)) + 1e-30
    assert got.shape == np.shape(a @ b + more)
    assert (np.abs(got - (a @ b + more)) <= bound).all()


@units
@pytest.mark.parametrize("tile", [(1, 1), (2, 4), (4, 2)], ids=str)
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_products_of_all_forms(monkeypatch, form, tile):
    tune(monkeypatch, matrix_tile=tile)
    for m, n, k in SIZES:
        a, b, bias = normal(3, m, k), normal(3, k, n, seed=1), normal(n, seed=2)
        stored = np.ascontiguousarray(a.swapaxes(1, 2) if form == 2 else a)
        other = np.ascontiguousarray(b.swapaxes(1, 2) if form == 1 else b)
        steps = (m * k, k * n)
        for added in (None, bias):
            given = None if added is None else from_numpy(added)
            operands = from_numpy(stored), from_numpy(other)
            got = ops.product(form, *operands, 3, m, n, k, steps, given, precision="float16").numpy()
            close(got, a, b, 0.0 if added is None else added)
        one = ops.product(form, from_numpy(stored[0]), from_numpy(other), 3, m, n, k, (0, k * n), precision="float16")
        close(one.numpy(), np.broadcast_to(a[0], a.shape), b)


@units
def test_matmul_and_its_gradients():
    for left, right in (
        ((5, 7), (7, 9)),
        ((7,), (7, 9)),
        ((5, 7), (7,)),
        ((2, 3, 5, 7), (3, 7, 4)),
        ((2, 5, 7), (7, 4)),
    ):
        x, y = g.tensor(normal(*left), requires_grad=True), g.tensor(normal(*right, seed=1), requires_grad=True)
        out = g.matmul(x, y, precision="float16")
        np.testing.assert_allclose(out.numpy(), half(x.numpy()) @ half(y.numpy()), rtol=0, atol=2e-5)
        up = half(normal(*out.shape, seed=2)).astype(np.float32)  # exact in float16, so the reference is g.matmul's own
        (out * from_numpy(up)).sum().backward()
        a, b = g.tensor(half(x.numpy()), requires_grad=True), g.tensor(half(y.numpy()), requires_grad=True)
        (g.matmul(a, b) * from_numpy(up)).sum().backward()
        np.testing.assert_allclose(x.grad.numpy(), a.grad.numpy(), rtol=0, atol=2e-5)
        np.testing.assert_allclose(y.grad.numpy(), b.grad.numpy(), rtol=0, atol=2e-5)


@units
def test_linear_and_its_gradients():
    layer = nn.Linear(20, 13, precision="float16")
    x = g.tensor(normal(6, 5, 20), requires_grad=True)
    w, b = layer.weight.numpy(), layer.bias.numpy()
    y = layer(x)
    close(y.numpy(), x.numpy(), w.T, b)
    up = normal(6, 5, 13, seed=3)
    (y * from_numpy(up)).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), half(up) @ half(w), rtol=0, atol=2e-5)
    rows = half(up).reshape(30, 13).T @ half(x.numpy()).reshape(30, 20)
    np.testing.assert_allclose(layer.weight.grad.numpy(), rows, rtol=0, atol=2e-5)
    np.testing.assert_allclose(layer.bias.grad.numpy(), up.astype(float).sum((0, 1)), rtol=0, atol=2e-5)


@units
def test_empty_products():
    for left, right in (((0, 4), (4, 3)), ((4, 0), (0, 3)), ((2, 4, 3), (2, 3, 0))):
        got = g.matmul(np.ones(left, np.float32), np.ones(right, np.float32), precision="float16").numpy()
        np.testing.assert_array_equal(got, np.ones(left) @ np.ones(right))
    got = F.linear(np.ones((2, 0), np.float32), np.ones((3, 0), np.float32), [1.0, 2.0, 3.0], precision="float16")
    np.testing.assert_array_equal(got.numpy(), [[1, 2, 3]] * 2)


@units
def test_factors_round_as_float16_does_and_sums_stay_float32():
    """1 + 2**-11 is a tie that rounds to 1; 70000 is infinite; 4096 products of 1 and one of 2**-10 are all kept."""
    one = np.ones((1, 1), np.float32)
    assert g.matmul(one * (1 + 2.0**-11), one, precision="float16").item() == 1.0
    assert g.matmul(one * (1 + 2.0**-10), one, precision="float16").item() == 1 + 2.0**-10
    assert g.matmul(one * 70000, one, precision="float16").item() == np.inf
    row = np.ones((1, 4097), np.float32)
    row[0, -1] = 2.0**-10
    assert g.matmul(row, np.ones((4097, 1), np.float32), precision="float16").item() == 4096 + 2.0**-10


@units
def test_the_same_bits_each_time_and_in_every_batch():
    x, w = normal(70, 40), normal(40, 30, seed=1)
    whole = g.matmul(x, w, precision="float16").numpy()
    np.testing.assert_array_equal(g.matmul(x, w, precision="float16").numpy(), whole)
    for rows in (1, 9, 33):
        np.testing.assert_array_equal(g.matmul(x[:rows], w, precision="float16").numpy(), whole[:rows])


@units
def test_what_is_not_finite_stays_in_its_row():
    x = np.ones((36, 8), np.float32)
    x[35, 7], x[2, 0] = np.nan, np.inf
    got = g.matmul(x, np.ones((8, 40), np.float32), precision="float16").numpy()
    assert np.isnan(got[35]).all() and np.isinf(got[2]).all() and (np.delete(got, [2, 35], 0) == 8).all()


@units
def test_recurrent_products_keep_the_precision():
    """Kernels that take in the product are float32: with another precision the parts are called step by step."""
    plain, halved = (nn.Linear(32, 32, precision=p) for p in ("float32", "float16"))
    halved.load_state_dict(plain.state_dict())
    x = normal(4, 2, 32) + 1
    with g.profile() as report:
        nn.RecurrentSynapse(nn.LIFNode(), halved, None, "m")(x).numpy()
    assert PRODUCT in str(report)
    with g.profile() as report:
        nn.RecurrentSynapse(nn.LIFNode(), plain, None, "m")(x).numpy()
    assert PRODUCT not in str(report)


# ---- everywhere ----


def test_devices_without_matrix_units_say_so(monkeypatch):
    monkeypatch.setattr(engine(), "matrices", MatrixUnits(engine().info, engine().kernels, (), 64))
    x, w = normal(3, 4), normal(2, 4)
    layer = nn.Linear(4, 2, precision="float16")
    for call in (
        lambda: g.matmul(x, w.T, precision="float16"), lambda: F.linear(x, w, precision="float16"), lambda: layer(x)
    ):  # fmt: skip
        with pytest.raises(g.DeviceError, match=r"precision 'float16' needs matrix units.*Use 'float32'"):
            call()
    layer.precision = "float32"
    assert layer(x).shape == (3, 2)


def test_other_precisions_are_refused():
    x, w = normal(3, 4), normal(2, 4)
    calls = (
        lambda p: g.matmul(x, w.T, precision=p), lambda p: F.linear(x, w, precision=p),
        lambda p: nn.Linear(4, 2, precision=p), lambda p: setattr(nn.Linear(4, 2), "precision", p),
    )  # fmt: skip
    for call in calls:
        for wrong in ("float64", "bfloat16", "", None, 16):
            with pytest.raises(ValueError, match="precision must be one of 'float32', 'float16'"):
                call(wrong)


def test_skipping_zeros_goes_with_float32_only():
    match = r"event_driven=True sums in float32"
    with pytest.raises(ValueError, match=match):
        F.linear(normal(3, 4), normal(2, 4), event_driven=True, precision="float16")
    with pytest.raises(ValueError, match=match):
        nn.Linear(4, 2, event_driven=True, precision="float16")
    layer = nn.Linear(4, 2, precision="float16")
    with pytest.raises(ValueError, match=match):
        layer.event_driven = True
    assert (layer.event_driven, layer.precision) == ("auto", "float16")
    assert "precision='float16'" in repr(layer) and "precision" not in repr(nn.Linear(4, 2))


def device(**changes):
    return dataclasses.replace(engine().info, **{"matrix_sizes": ((16, 16, 16),), "subgroup_size": 32, **changes})


def test_why_there_are_none():
    def why(info, taken=FEATURES, local=64):
        return MatrixUnits(info, engine().kernels, taken, local).lacking

    assert "opened without vulkan memory model" in why(device(), [f for f in FEATURES if "memory" not in f])
    assert "opened without subgroup size control" in why(device(), FEATURES[:-1])
    assert "not of float16 with float32 sums" in why(device(matrix_sizes=()))
    assert "no whole subgroups of 128" in why(device(subgroup_size=128))
    if Kernels().has(PRODUCT):
        assert why(device()) == ""
    else:
        assert "GL_KHR_cooperative_matrix" in why(device())


@built
def test_tiles_fit_the_result_and_the_shared_memory():
    def tiles(*sizes, **changes):
        return MatrixUnits(device(**changes), engine().kernels, FEATURES, 64).tile((2, 4), *sizes)

    assert tiles(500, 500) == (16, 16, 16, 2, 2, 4)
    assert tiles(500, 500).tiles(500, 500) == 8 * 8
    assert tiles(32, 16) == (16, 16, 16, 2, 1, 1)
    assert tiles(33, 17) == (16, 16, 16, 2, 2, 2)
    assert tiles(500, 500, matrix_sizes=((8, 8, 16), (16, 8, 16), (8, 8, 8)))[:3] == (16, 8, 16)
    code, face = engine().kernels.module(PRODUCT)
    for memory in (16384, 8192, 6144):
        limits = {**engine().info.limits, "max_compute_shared_memory_size": memory}
        for size in (8, 16, 32, 64):
            found = tiles(500, 500, subgroup_size=size, limits=limits)
            for form in range(3):
                asked = needs(code, face, 64, {**found._asdict(), "FORM": form})["shared memory"]
                assert asked <= memory or found[-2:] == (1, 1)
