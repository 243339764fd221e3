"""precision="float16" of convolutions: float64 sums over taps of the rounded numbers; what devices without it say."""

import copy
import functools
import itertools

import numpy as np
import pytest
from op_table import normal
from records_conv import OPS
from test_matrix_units import device, half, units
from tuned import tune

import grilly_vk as g
import grilly_vk.functional as F
from grilly_vk import nn
from grilly_vk.runtime import engine
from grilly_vk.runtime.kernels import Kernels
from grilly_vk.runtime.limits import needs
from grilly_vk.runtime.matrices import CONVOLUTION, FEATURES, MatrixUnits
from grilly_vk.tensor import from_numpy

built = pytest.mark.skipif(not Kernels().has(CONVOLUTION), reason="glslc knows no cooperative matrices")
LAYERS = {n: getattr(nn, n) for n in ("Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d")}


def taps(result, weight, stride, gap, groups):
    """For each tap and group the slices of what it joins: padded image, result, weight."""
    ins, outs = weight.shape[1], weight.shape[0] // groups
    for tap in itertools.product(*map(range, weight.shape[2:])):
        window = tuple(slice(t * d, t * d + s * (n - 1) + 1, s) for t, d, s, n in zip(tap, gap, stride, result))
        for at in range(groups):
            own, mine = slice(at * ins, (at + 1) * ins), slice(at * outs, (at + 1) * outs)
            yield (slice(None), own, *window), (slice(None), mine), (mine, slice(None), *tap)


def passes(x, weight, up, stride, pad, gap, groups):
    """A convolution without bias and its gradients for `up`, in float64, as sums over taps."""
    padded = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in pad)])
    y, gx, gw = np.zeros(up.shape), np.zeros(padded.shape), np.zeros(weight.shape)
    for image, result, tap in taps(up.shape[2:], weight, stride, gap, groups):
        y[result] += np.einsum("bi...,oi->bo...", padded[image], weight[tap])
        gx[image] += np.einsum("bo...,oi->bi...", up[result], weight[tap])
        gw[tap] += np.einsum("bon,bin->oi", *(a.reshape(*a.shape[:2], -1) for a in (up[result], padded[image])))
    cut = tuple(slice(p, n - p) for p, n in zip(pad, padded.shape[2:]))
    return y, gx[(..., *cut)], gw


def close(got, wanted, most, summands):
    """Within the rounding of float32 sums of so many products, in any order, whose absolute values sum to `most`."""
    assert got.shape == wanted.shape
    assert (np.abs(got - wanted) <= (summands + 4) * 2.0**-24 * most + 1e-30).all()


CASES = {  # x, weight, stride, pad, gap, groups
    "one": ((1, 1, 1), (1, 1, 1), (1,), (0,), (1,), 1),
    "tiles": ((3, 17, 13, 12), (70, 17, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    "strides": ((2, 40, 12, 9), (9, 40, 3, 3), (2, 3), (1, 0), (1, 1), 1),  # remainders without all taps
    "apart": ((2, 6, 14, 15), (8, 3, 3, 2), (2, 4), (2, 1), (2, 6), 2),  # strides and steps of taps share factors
    "depthwise": ((2, 9, 7, 7), (9, 1, 3, 3), (1, 1), (1, 1), (1, 1), 9),
    "1 x 1": ((2, 33, 5, 5), (17, 33, 1, 1), (3, 3), (0, 0), (1, 1), 1),
    "wide stride": ((1, 2, 3, 9), (3, 2, 2, 2), (5, 4), (1, 0), (1, 1), 1),  # beyond the image
    "row": ((3, 4, 700), (6, 4, 5), (1,), (2,), (1,), 1),  # a weight gradient in parts
    "frames": ((2, 4, 5, 6, 4), (6, 2, 3, 2, 3), (2, 1, 1), (1, 0, 1), (1, 2, 1), 2),
}


@units
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_convolutions_and_their_transposes_with_gradients(case):
    x_shape, w_shape, stride, pad, gap, groups = case
    axes = len(stride)
    out = [(n + 2 * p - d * (k - 1) - 1) // s + 1
           for n, p, d, k, s in zip(x_shape[2:], pad, gap, w_shape[2:], stride)]  # fmt: skip
    x, w, up = normal(*x_shape), normal(*w_shape, seed=1), normal(x_shape[0], w_shape[0], *out, seed=2)
    rounded = [half(a) for a in (x, w, up)]
    y, gx, gw = passes(*rounded, stride, pad, gap, groups)
    most = passes(*map(np.abs, rounded), stride, pad, gap, groups)
    counts = (np.prod(w_shape[1:]), w_shape[0] * np.prod(w_shape[2:]), up[:, 0].size)
    options = {"stride": stride, "padding": pad, "dilation": gap, "groups": groups, "precision": "float16"}

    own, weight, added = (from_numpy(a) for a in (x, w, normal(w_shape[0], seed=3)))
    for t in (own, weight, added):
        t.requires_grad = True
    with g.profile() as report:
        got = getattr(F, f"conv{axes}d")(own, weight, added, **options)
        got.backward(from_numpy(up))
    shift = added.numpy().reshape(-1, *(1,) * axes)
    close(got.numpy(), y + shift, most[0] + np.abs(shift), counts[0])
    close(own.grad.numpy(), gx, most[1], counts[1])
    close(weight.grad.numpy(), gw, most[2], counts[2])
    np.testing.assert_allclose(added.grad.numpy(), up.sum((0, *range(2, axes + 2)), dtype=float), rtol=0, atol=2e-4)
    assert CONVOLUTION in str(report) and "conv-pack" not in str(report)  # nothing is laid out in memory

    if axes == 3:
        return
    least = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, s, p, d, k in zip(out, stride, pad, gap, w_shape[2:])]
    more = [n - m for n, m in zip(x_shape[2:], least)]
    if any(m >= max(s, d) for m, s, d in zip(more, stride, gap)):
        return
    image, weight = (g.tensor(a, requires_grad=True) for a in (up, w))
    transposed = getattr(F, f"conv_transpose{axes}d")(image, weight, None, output_padding=more, **options)
    transposed.backward(from_numpy(x))
    close(transposed.numpy(), gx, most[1], counts[1])
    close(image.grad.numpy(), y, most[0], counts[0])
    close(weight.grad.numpy(), gw, most[2], counts[2])


@units
@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_results_by_other_references(op):
    """Samples of the float32 kernels: padding by names, empty batches, images without a batch."""
    for sample in op.samples:
        rounded = [half(a) for a in sample.arrays[:2]] + sample.arrays[2:]
        wanted = op.reference(*rounded, **sample.options)
        got = op.run(*map(from_numpy, sample.arrays), **sample.options, precision="float16").numpy()
        most = op.reference(*map(np.abs, rounded), **sample.options)
        close(got, wanted, most, np.prod(sample.arrays[1].shape))


@units
@pytest.mark.parametrize("tile", [(1, 1), (4, 2)], ids=str)
def test_other_tiles_and_the_same_bits_in_every_batch(monkeypatch, tile):
    x, w, up = normal(5, 9, 11, 11), normal(40, 9, 3, 3, seed=1), normal(5, 40, 11, 11, seed=2)

    def run(x, up):
        leaves = [g.tensor(a, requires_grad=True) for a in (x, w)]
        y = F.conv2d(*leaves, padding=1, precision="float16")
        y.backward(from_numpy(up))
        return [y.numpy(), *(leaf.grad.numpy() for leaf in leaves)]

    whole = run(x, up)
    tune(monkeypatch, matrix_tile=tile)
    for a, b in zip(run(x, up)[:2], whole):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(run(x, up), run(x, up)):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(run(x[:2], up[:2])[:2], whole):
        np.testing.assert_array_equal(a, b[:2])


@units
def test_images_round_as_float16_does_and_sums_stay_float32():
    x, w = np.ones((1, 4097, 1), np.float32), np.ones((1, 4097, 1), np.float32)
    x[0, -1] = 2.0**-10
    assert F.conv1d(x, w, precision="float16").item() == 4096 + 2.0**-10
    one = np.ones((1, 1, 1), np.float32)
    assert F.conv1d(one * (1 + 2.0**-11), one, precision="float16").item() == 1.0
    assert F.conv1d(one, one * 70000, precision="float16").item() == np.inf
    x = np.ones((2, 1, 6), np.float32)
    x[1, 0, 5] = np.nan
    y = F.conv1d(x, np.ones((3, 1, 2), np.float32), precision="float16").numpy()
    assert np.isnan(y[1, :, 4]).all() and (y[0] == 2).all() and (y[1, :, :4] == 2).all()  # what meets it


@units
@pytest.mark.parametrize("name", LAYERS)
def test_layers_follow_their_setting(name):
    axes = LAYERS[name].axes
    layer = LAYERS[name](4, 6, 3, stride=2, precision="float16")
    x = normal(2, 4, *(7,) * axes)
    exact = LAYERS[name](4, 6, 3, stride=2)
    exact.load_state_dict(layer.state_dict())
    rounded = LAYERS[name](4, 6, 3, stride=2)
    rounded.load_state_dict({"weight": half(layer.weight.numpy()).astype(np.float32), "bias": layer.bias.numpy()})
    y = layer(x).numpy()
    np.testing.assert_allclose(y, rounded(half(x).astype(np.float32)).numpy(), rtol=0, atol=1e-5)
    assert (y != exact(x).numpy()).any()
    np.testing.assert_array_equal(copy.deepcopy(layer)(x).numpy(), y)
    layer.precision = "float32"
    np.testing.assert_array_equal(layer(x).numpy(), exact(x).numpy())
    layer.precision = "float16"
    F.set_step_mode(layer, "m")
    np.testing.assert_array_equal(layer(x[None].repeat(3, 0)).numpy(), y[None].repeat(3, 0))


# ---- everywhere ----


def calls():
    """A call of each function with a precision."""
    for axes, name in ((1, "conv1d"), (2, "conv2d"), (3, "conv3d"), (1, "conv_transpose1d"), (2, "conv_transpose2d")):
        yield functools.partial(getattr(F, name), normal(1, 2, *(4,) * axes), normal(2, 2, *(2,) * axes))


def test_devices_without_matrix_units_say_so(monkeypatch):
    monkeypatch.setattr(engine(), "matrices", MatrixUnits(engine().info, engine().kernels, (), 64))
    match = r"precision 'float16' needs matrix units.*Use 'float32'"
    for call in calls():
        with pytest.raises(g.DeviceError, match=match):
            call(precision="float16")
        assert call(precision="float32").ndim > 2
    for kind in LAYERS.values():
        layer, x = kind(2, 3, 2, precision="float16"), normal(0, 2, *(4,) * kind.axes)
        with pytest.raises(g.DeviceError, match=match):
            layer(x)
        layer.precision = "float32"
        assert layer(x).shape[:2] == (0, 3)


def test_other_precisions_are_refused():
    match = "precision must be one of 'float32', 'float16'"
    for wrong in ("float64", "bfloat16", "", None, 16):
        for call in calls():
            with pytest.raises(ValueError, match=match):
                call(precision=wrong)
        for kind in LAYERS.values():
            with pytest.raises(ValueError, match=match):
                kind(2, 3, 2, precision=wrong)
            layer = kind(2, 3, 2, precision="float16")
            with pytest.raises(ValueError, match=match):
                layer.precision = wrong
            assert layer.precision == "float16"


@pytest.mark.parametrize("kind", LAYERS.values(), ids=LAYERS)
def test_layers_show_and_keep_their_precision(kind):
    layer = type("Mine", (kind,), {})(2, 3, 2, precision="float16")
    assert "precision='float16'" in repr(layer) and "precision" not in repr(kind(2, 3, 2))
    assert copy.deepcopy(layer).precision == "float16"
    assert layer.state_dict().keys() == {"weight", "bias"}


@built
def test_tiles_fit_the_shared_memory():
    code, face = engine().kernels.module(CONVOLUTION)
    for memory in (16384, 8192):
        limits = {**engine().info.limits, "max_compute_shared_memory_size": memory}
        found = MatrixUnits(device(limits=limits), engine().kernels, FEATURES, 64).tile((2, 4), 500, 500, CONVOLUTION)
        most = max(needs(code, face, 64, {**found._asdict(), "FORM": form})["shared memory"] for form in range(3))
        assert most <= memory and (memory < 16384 or found == (16, 16, 16, 2, 2, 4))
