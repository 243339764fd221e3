"""The kernels of matmul against float64 numpy and against each other: forms, sizes, edges of tiles, batches, bias."""

import numpy as np
import pytest
from tuned import kernels_only, tune

import grilly_vk
from grilly_vk.ops import matmul as ops
from grilly_vk.tensor import from_numpy

pytestmark = pytest.mark.usefixtures(kernels_only.__name__)

FORMS = {"A B": 0, "A B^T": 1, "A^T B": 2}
SIZES = [  # m, n, k: all heights of tiles, both sides of their edges, odd sizes
    (1, 20, 4), (4, 32, 8), (8, 36, 64), (12, 64, 4), (16, 40, 12), (20, 12, 8), (32, 32, 32), (36, 100, 60),
    (68, 33, 20), (40, 8, 16), (5, 17, 4), (33, 31, 30), (7, 19, 1), (64, 20, 3),
]  # fmt: skip


def operands(form, batch, m, n, k, seed=0):
    """a and b as they lie in memory, and their product in float64 with the bound of its error."""
    rng = np.random.default_rng(seed)
    a, b = (rng.standard_normal((batch, *s)).astype(np.float32) for s in ((m, k), (k, n)))
    want, size = a.astype(float) @ b, np.abs(a).astype(float) @ np.abs(b)
    a, b = (a.swapaxes(1, 2) if form == 2 else a), (b.swapaxes(1, 2) if form == 1 else b)
    return np.ascontiguousarray(a), np.ascontiguousarray(b), want, (k + 2) * 2.0**-24 * size + 1e-30


def run(form, a, b, batch, sizes, bias=None, steps=None):
    m, n, k = sizes
    steps = (m * k, k * n) if steps is None else steps
    bias = None if bias is None else from_numpy(bias)
    return ops.product(form, from_numpy(a), from_numpy(b), batch, m, n, k, steps, bias).numpy()


@pytest.fixture(params=["as chosen", "padded", "general"])
def way(request, monkeypatch):
    """Small odd sizes padded too; and the kernels of devices whose loads are not made lane by lane."""
    if request.param == "padded":
        tune(monkeypatch, lanes_padded=0)
    if request.param == "general":
        tune(monkeypatch, lanes=False)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_product(way, form):
    for sizes in SIZES:
        a, b, want, error = operands(form, 2, *sizes)
        assert (np.abs(run(form, a, b, 2, sizes) - want) <= error).all(), sizes
        one = run(form, a[0], b, 2, sizes, steps=(0, b[0].size))
        assert (np.abs(one[0] - want[0]) <= error[0]).all(), sizes


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_bias(way, form):
    for m, n, k in ((5, 17, 4), (33, 36, 8), (3, 10, 7)):
        a, b, want, error = operands(form, 1, m, n, k)
        bias = np.arange(n, dtype=np.float32)
        assert (np.abs(run(form, a, b, 1, (m, n, k), bias) - want - bias) <= error + bias * 2.0**-23).all()


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_kernel_gives_the_same_bits(monkeypatch, form):
    """Each sum is made in the order of k, whatever the tile, the padding and the rows around it."""
    for sizes in SIZES:
        a, b, *_ = operands(form, 1, *sizes)
        with monkeypatch.context() as m:
            results = [run(form, a, b, 1, sizes)]
            tune(m, lanes_padded=0)
            results.append(run(form, a, b, 1, sizes))
            tune(m, lanes=False)
            results.append(run(form, a, b, 1, sizes))
        np.testing.assert_array_equal(results[0], results[1], err_msg=str(sizes))
        if grilly_vk.device().type == "cpu":  # elsewhere compilers may contract one kernel's sums and not another's
            np.testing.assert_array_equal(results[0], results[2], err_msg=str(sizes))


def test_a_row_has_the_same_bits_in_every_batch():
    x, w = (np.random.default_rng(i).standard_normal(s).astype(np.float32) for i, s in enumerate(((70, 24), (40, 24))))
    whole = run(1, x, w, 1, (70, 40, 24))[0]
    for rows in (1, 4, 9, 17, 33):
        np.testing.assert_array_equal(run(1, x[:rows], w, 1, (rows, 40, 24))[0], whole[:rows])


def test_what_is_not_finite_stays_in_its_row():
    a, b, *_ = operands(0, 1, 36, 40, 8)
    a[0, 35, 7], a[0, 2, 0] = np.nan, np.inf
    got = run(0, a, b, 1, (36, 40, 8))[0]
    assert np.isnan(got[35]).all() and np.isinf(got[2]).all() and np.isfinite(np.delete(got, [2, 35], 0)).all()


def test_which_kernel_runs():
    """lavapipe takes the kernel whose lanes share their loads; others the general one."""
    a, b, *_ = operands(0, 1, 32, 32, 32)
    with grilly_vk.profile() as report:
        run(0, a, b, 1, (32, 32, 32))
    assert ("matmul-lanes" in str(report)) == grilly_vk.device().lanes
