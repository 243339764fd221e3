"""What PyTorch's names mean here beyond single lines: devices, types, pairs, in-place changes, and errors."""

import copy
import re
from pathlib import Path

import numpy as np
import pytest

import grilly_vk as g
import grilly_vk.functional as F
from grilly_vk import nn
from grilly_vk.errors import shown
from grilly_vk.ops.pointwise import Pointwise

X = np.random.default_rng(0).standard_normal((2, 3)).astype(np.float32)


# ---- max and min: a pair by dim, values by axis ----


def test_max_of_a_batch_of_two_is_never_unpacked_into_rows():
    out = g.tensor(X)
    for values, where in (out.max(1), out.max(dim=1), g.max(out, 1), g.max(out, dim=1)):
        np.testing.assert_array_equal(values.numpy(), X.max(1))
        np.testing.assert_array_equal(where.numpy(), X.argmax(1))
    by_axis = out.max(axis=1)
    np.testing.assert_array_equal(by_axis.numpy(), X.max(1))
    with pytest.raises(TypeError, match=r"max\(axis=...\) and min\(axis=...\) give values only; .* say max\(dim=...\)"):
        _, _predicted = out.max(axis=1)
    with pytest.raises(TypeError, match="give values only"):
        _, *_rest = out.min(axis=1)
    assert [v.item() for v in by_axis] == X.max(1).tolist()  # a loop is no unpacking
    first, second = by_axis + 0  # nor is another tensor refused
    assert (first.item(), second.item()) == tuple(X.max(1).tolist())


def test_max_over_several_axes_and_against_another():
    x = g.tensor(X)
    assert x.max((0, 1)).item() == X.max() and x.max(axis=(0, 1), keepdims=True).shape == (1, 1)
    np.testing.assert_array_equal(x.max(x * 0).numpy(), np.maximum(X, 0))
    np.testing.assert_array_equal(x.min(other=x * 0).numpy(), np.minimum(X, 0))


def test_names_of_axes():
    x = g.tensor(X)
    np.testing.assert_array_equal(x.sum(dim=1, keepdim=True).numpy(), x.sum(axis=1, keepdims=True).numpy())
    with pytest.raises(TypeError, match="sum got both axis and dim, which mean the same"):
        x.sum(axis=0, dim=1)
    with pytest.raises(TypeError, match="std take either correction or unbiased"):
        x.std(correction=0, unbiased=False)


# ---- devices and types ----


def test_the_device_in_use_by_its_names():
    x, used = g.tensor(X), g.device()
    for name in ("cuda", f"cuda:{used.index}", "vulkan", "gpu", "cpu", used.index, used, None):
        assert x.to(name) is x
        assert g.zeros(2, device=name).device == used
        assert g.device(name) == used
    layer = nn.Linear(3, 2)
    assert layer.to("cuda") is layer and layer.cuda() is layer and layer.to(x.device, g.float32) is layer
    assert x.cuda() is x and x.cpu() is x and x.contiguous() is x
    other = used.index + 7
    for call in (lambda: x.to(f"cuda:{other}"), lambda: g.ones(2, device=other), lambda: layer.cuda(other)):
        with pytest.raises(ValueError, match=r"is not the device in use, .*grilly_vk.set_device chooses another"):
            call()
    with pytest.raises(ValueError, match=r"device must be .vulkan., .* not 'fast'"):
        x.to("fast")
    with pytest.raises(TypeError, match=r"device must be .* not list"):
        g.zeros(2, device=[0])
    with pytest.raises(TypeError, match="parameters are float32, and can't be made int32"):
        layer.to(g.int32)


def test_types_that_devices_lack():
    x = g.tensor(X)
    with pytest.raises(TypeError, match="so there is no float64"):
        x.double()
    with pytest.raises(AttributeError, match="no attribute 'float64': fractions are float32"):
        g.float64  # noqa: B018
    with pytest.raises(AttributeError, match=r"no attribute 'cuda': .*set_device\(\)"):
        g.cuda.is_available()
    with pytest.raises(AttributeError, match=r"has no attribute 'nothing'$"):
        g.nothing  # noqa: B018
    assert not hasattr(g, "float64") and g.long == np.int32


def test_size_is_a_number_that_can_be_called():
    x = g.tensor(X)
    assert x.size == 6 and x.size() == (2, 3) and x.size(-1) == 3 and x.size // 4 == 1
    with pytest.raises(ValueError, match="dim 2 is out of range for 2 axes"):
        x.size(2)
    assert copy.copy(x.size) == 6


def test_tensor_of_data():
    assert g.Tensor([1, 2]).dtype == np.float32 and g.Tensor(X).shape == (2, 3)
    with pytest.raises(TypeError, match="Tensor takes data alone"):
        g.Tensor(3)
    with pytest.raises(TypeError, match="Tensor takes data alone"):
        g.Tensor([1.0], (2,))


def test_numbers_in_texts():
    assert f"{g.tensor(1.25):.1f} {g.tensor([3]):d} {g.tensor(0.5)}" == "1.2 3 Tensor(0.5)"
    with pytest.raises(TypeError, match=r"a tensor of shape \(2, 3\) has no format '.4f'"):
        f"{g.tensor(X):.4f}"


def test_numpy_functions():
    x = g.tensor(X, requires_grad=True)
    assert np.mean(x) == pytest.approx(X.mean()) and isinstance(np.stack([x, x]), np.ndarray)
    np.testing.assert_array_equal(np.concatenate([x, X]), np.concatenate([X, X]))
    assert np.shape(x) == (2, 3) and np.ndim(x) == 2


# ---- in place ----


def test_in_place_methods_change_the_memory_and_keep_off_the_tape():
    x = g.tensor(X)
    view, before = x.view(-1), x.version
    assert x.add_(1.0) is x and x.version > before
    np.testing.assert_array_equal(view.numpy(), X.reshape(-1) + np.float32(1))
    leaf = g.tensor(X, requires_grad=True)
    result = leaf * 2
    for change in (lambda: leaf.mul_(2), lambda: result.zero_(), lambda: result.copy_(x), lambda: leaf.uniform_()):
        with pytest.raises(RuntimeError, match="on the tape can't be changed in place"):
            change()
    with g.no_grad():
        leaf.mul_(2)
    product = leaf * leaf
    leaf.data.mul_(2)
    with pytest.raises(RuntimeError, match="changed"):
        product.sum().backward()
    whole = g.tensor([1, 2])
    with pytest.raises(TypeError, match="a float32 result of div can't go into an int32 tensor in place"):
        whole.div_(2)
    with pytest.raises(ValueError, match=r"result of add of shape \(2, 3\) doesn't broadcast to \(3,\)"):
        g.ones(3).add_(x)


def test_random_fills_follow_the_seed():
    def draw():
        g.manual_seed(3)
        x = g.empty(1000)
        return [f().numpy() for f in (lambda: x.uniform_(-1, 3), lambda: x.normal_(5, 2), lambda: x.bernoulli_(0.25))]

    first, second = draw(), draw()
    for a, b in zip(first, second):
        np.testing.assert_array_equal(a, b)
    uniform, normal, chance = first
    assert uniform.min() >= -1 and uniform.max() < 3 and abs(uniform.mean() - 1) < 0.15
    assert abs(normal.mean() - 5) < 0.3 and abs(normal.std() - 2) < 0.2 and abs(chance.mean() - 0.25) < 0.06


def test_whole_random_numbers():
    g.manual_seed(1)
    x = g.randint(-3, 4, (7000,)).numpy()
    assert x.dtype == np.int32
    np.testing.assert_allclose(np.bincount(x + 3), 1000, atol=150)
    np.testing.assert_array_equal(np.sort(g.randperm(1000).numpy()), np.arange(1000))
    for call, text in (
        (lambda: g.randint(5, 5, (2,)), "high must be above low by 1 to 2"),
        (lambda: g.randint(0, 2**25, (2,)), "high must be above low by 1 to 2"),
        (lambda: g.randint(4), "randint needs a size"),
    ):
        with pytest.raises((TypeError, ValueError), match=text):
            call()


def test_retained_gradients():
    x = g.tensor(X, requires_grad=True)
    y = x * 3
    y.retain_grad()
    (y * y).sum().backward()
    np.testing.assert_allclose(y.grad.numpy(), 6 * X, rtol=1e-6)
    with pytest.raises(RuntimeError, match="retain_grad needs a tensor that requires a gradient"):
        g.tensor(X).retain_grad()


def test_recording_by_a_value():
    x = g.tensor(X, requires_grad=True)
    with g.set_grad_enabled(False):
        assert not (x * 2).requires_grad and not g.is_grad_enabled()
    assert g.is_grad_enabled()
    g.set_grad_enabled(False)
    assert not (x * 2).requires_grad
    g.set_grad_enabled(True)
    assert (x * 2).requires_grad
    with pytest.raises(TypeError, match="mode must be True or False"):
        g.set_grad_enabled("no")

    with g.no_grad():
        with g.set_grad_enabled(True):
            assert g.is_grad_enabled()
        assert not g.is_grad_enabled()

    @g.set_grad_enabled(False)
    def plain():
        return x * 2

    assert g.is_grad_enabled() and not plain().requires_grad and g.is_grad_enabled()


def test_all_methods_are_declared_for_type_checkers():
    """In tensor_types.pyi or in ops/pointwise.py, which nothing else compares with what is attached."""
    text = (Path(g.__file__).parent / "tensor_types.pyi").read_text(encoding="utf-8")
    own = set(re.findall(r"^    (?:def )?(\w+)[(:]", text, re.M)) | {n for n in vars(Pointwise) if n[:2] != "__"}
    attached = {n for n, v in vars(g.Tensor).items() if getattr(v, "__module__", "").startswith("grilly_vk.methods")}
    protocols = {"__array_function__", "__torch_function__"}
    assert attached and attached - own - protocols == set(), "add them to tensor_types.pyi"
    assert {n for n in own if not hasattr(g.Tensor, n)} == set(), "nothing attaches these"


# ---- reductions and products against float64 ----


@pytest.mark.parametrize("zeros", [0, 1, 2])
def test_products_and_their_gradients_at_zeros(zeros):
    x = np.random.default_rng(zeros).standard_normal((4, 6)).astype(np.float32)
    x[1, :zeros] = 0
    t = g.tensor(x, requires_grad=True)
    out = t.prod(dim=1)
    np.testing.assert_allclose(out.numpy(), x.astype(np.float64).prod(1), rtol=1e-5)
    weight = np.random.default_rng(9).standard_normal(4).astype(np.float32)
    (out * g.tensor(weight)).sum().backward()
    slope = [[np.delete(row, i).astype(np.float64).prod() * w for i in range(6)] for row, w in zip(x, weight)]
    np.testing.assert_allclose(t.grad.numpy(), slope, rtol=1e-5)


def test_whole_products_don_t_wrap_around():
    cases = [([7, -3, 2], -42), ([100000, 100000, -3], -(2**31)), ([2**30, 4, 0], 0), ([-(2**31), -1], 2**31 - 1)]
    for values, wanted in cases:
        assert g.tensor(values).prod().item() == wanted


@pytest.mark.parametrize("p", [0, 1, 2, 3, "fro", np.inf, -np.inf])
def test_norms(p):
    x = np.random.default_rng(2).standard_normal((3, 5)).astype(np.float32)
    x[0] = 0
    order = 2 if p == "fro" else p
    t = g.tensor(x, requires_grad=True)
    out = t.norm(p, dim=1)
    np.testing.assert_allclose(out.numpy(), np.linalg.norm(x.astype(np.float64), order, axis=1), rtol=1e-5)
    if p in (1, 2, "fro"):
        out.sum().backward()
        lengths = np.linalg.norm(x.astype(np.float64), order, axis=1)[:, None]
        slope = np.sign(x) if p == 1 else np.divide(x, lengths, out=np.zeros(x.shape), where=lengths > 0)
        np.testing.assert_allclose(t.grad.numpy(), slope, rtol=1e-5)


def test_what_is_close():
    x, y = np.float32([1, np.nan, np.inf, 1, 0, np.nan]), np.float32([1 + 1e-6, np.nan, np.inf, np.inf, 1e-9, 0])
    for equal_nan in (False, True):
        got = g.isclose(x, y, equal_nan=equal_nan)
        np.testing.assert_array_equal(got.numpy(), np.isclose(x, y, equal_nan=equal_nan))
        assert g.allclose(x[:3], y[:3], equal_nan=equal_nan) is equal_nan
    assert g.equal(x[2:4], x[2:4]) and not g.equal(x[2:4], y[2:4]) and not g.equal(x[:1], x[:2])


def test_divergence_of_targets_that_are_0():
    logs, target = np.log(np.float32([0.5, 0.25, 0.25])), np.float32([0.5, 0.5, 0])
    t = g.tensor(logs, requires_grad=True)
    loss = F.kl_div(t, target, reduction="sum")
    assert loss.item() == pytest.approx(0.5 * np.log(2), rel=1e-6)
    loss.backward()
    np.testing.assert_allclose(t.grad.numpy(), -target)


def test_values_in_errors_are_one_short_line():
    class Long:
        def __repr__(self):
            return "first\n   second " + 200 * "x"

    assert shown(np.ones((200, 3))) == shown(g.ones(200, 3)) == "shape (200, 3)"
    assert shown(Long()).startswith("first second xxx") and len(shown(Long())) == 80
    assert shown(10**5000) == "a number of thousands of digits" and shown(g.tensor(2.0)) == "Tensor(2.)"


def test_logsumexp_of_infinities():
    x = np.float32([[1000, 1000], [-np.inf, -np.inf], [np.inf, 0], [-1000, -np.inf]])
    np.testing.assert_allclose(g.logsumexp(x, dim=1).numpy(), [1000 + np.log(2), -np.inf, np.inf, -1000], rtol=1e-6)


@pytest.mark.parametrize("equation", [
    "ij,jk->ik", "bij,bkj->bik", "ij->ji", "ij->", "i,j->ij", "ij,ij->i", "...j,jk->...k", "ij,jk,kl->il", "ab,bc",
    "bhtd,bhsd->bhts", "ii->i", "ijk,k->j", "ij,kj->", "...ij->...ji",
])  # fmt: skip
def test_einsum(equation):
    sizes = {"i": 3, "j": 4, "k": 5, "l": 2, "a": 2, "b": 3, "c": 4, "h": 2, "t": 3, "d": 4, "s": 5}
    rng = np.random.default_rng(3)
    shapes = [[7] * ("..." in t) + [sizes[c] for c in t.replace("...", "")] for t in equation.split("->")[0].split(",")]
    operands = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    wanted = np.einsum(equation, *[o.astype(np.float64) for o in operands])
    np.testing.assert_allclose(g.einsum(equation, *map(g.tensor, operands)).numpy(), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda x: g.einsum("ij,jk->ik", x), ValueError, "has 2 operands; 1 were given"),
        (lambda x: g.einsum("ijk->i", x), ValueError, r"'ijk' does not fit operands\[0\] of shape \(2, 3\)"),
        (lambda x: g.einsum("ij,jk->ik", x, x), ValueError, r"operands\[1\] has size 2 along 'j', an earlier one 3"),
        (lambda x: g.einsum("ij->k", x), ValueError, "the result 'k' must have letters of the operands"),
        (lambda x: g.mm(x, x[0]), ValueError, r"mm needs 2 and 2 axes, got shapes \(2, 3\) and \(3,\); see matmul"),
        (lambda x: x.repeat(2), ValueError, r"repeats \(2,\) must have at least 2 numbers"),
        (lambda x: x.chunk(0), ValueError, "chunks must be at least 1"),
        (lambda x: x.narrow(1, 2, 2), ValueError, "start 2 and length 2 go beyond axis 1 of size 3"),
        (lambda x: x.unflatten(1, (2, 2)), ValueError, r"sizes \(2, 2\) don't make up axis 1 of size 3"),
        (lambda x: x.roll((1, 2), 0), ValueError, "must be as many"),
        (lambda x: x.t().unsqueeze(0).t(), ValueError, r"t\(\) needs two axes at most"),
        (lambda x: x.clamp(), ValueError, "clamp needs min, max or both"),
        (lambda x: F.pad(x, (1,)), ValueError, r"pad must hold pairs \(before, after\), got 1 widths"),
        (lambda x: F.pad(x, (1, 1), mode="reflect"), ValueError, "mode must be"),
        (lambda x: F.one_hot([0, 3], 3), ValueError, r"lie in 0\.\.3, got 3"),
        (lambda x: F.one_hot(x), TypeError, "target must hold whole numbers, not float32"),
        (lambda x: g.from_numpy([1.0]), TypeError, "from_numpy takes a numpy array, not list"),
        (lambda x: g.where(x > 0, x), TypeError, "where takes a condition alone, or with x and y"),
        (lambda x: x.div(2, rounding_mode="up"), ValueError, "rounding_mode must be"),
        (lambda x: nn.utils.vector_to_parameters(x[0], [x]), ValueError, r"vec has shape \(3,\); .* take \(6,\)"),
    ],
)
def test_bad_arguments(call, error, text):
    with pytest.raises(error, match=text):
        call(g.tensor(X))
