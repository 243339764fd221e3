"""Modules: registration, state, modes, hooks, containers and summaries, by PyTorch's documented meaning."""

import copy
import functools

import numpy as np
import pytest

import grilly_vk
from grilly_vk import nn
from grilly_vk.tensor import Tensor, from_numpy


class Scale(nn.Module):
    """x * gain + shift, with a buffer that counts calls."""

    def __init__(self, n):
        super().__init__()
        self.gain = nn.Parameter(np.ones(n))
        self.register_parameter("shift", None)
        self.calls = nn.Buffer(np.zeros(1, np.int32))
        self.register_buffer("scratch", np.zeros(n), persistent=False)

    def forward(self, x):
        return x * self.gain

    def extra_repr(self):
        return f"{self.gain.size}"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.rest = nn.Sequential(Scale(4), nn.Linear(4, 2, bias=False))

    def forward(self, x):
        return self.rest(self.first(x))


def arrays(module):
    return {name: t.numpy() for name, t in module.state_dict().items()}


def test_registration_and_names():
    net = Net()
    assert [n for n, _ in net.named_parameters()] == ["first.weight", "first.bias", "rest.0.gain", "rest.1.weight"]
    assert [n for n, _ in net.named_buffers()] == ["rest.0.calls", "rest.0.scratch"]
    assert [n for n, _ in net.named_modules()] == ["", "first", "rest", "rest.0", "rest.1"]
    assert [n for n, _ in net.named_children()] == ["first", "rest"]
    assert list(net.children()) == [net.first, net.rest]
    assert list(net.state_dict()) == ["first.weight", "first.bias", "rest.0.gain", "rest.0.calls", "rest.1.weight"]
    assert net.num_parameters() == 12 + 4 + 4 + 8
    assert [n for n, _ in net.named_parameters(recurse=False)] == []
    assert "first" in dir(net)
    assert net.first.weight is dict(net.named_parameters())["first.weight"]


def test_shared_parameters_count_once_and_keep_both_names():
    a, b = nn.Linear(3, 3), nn.Linear(3, 3)
    b.weight = a.weight
    net = nn.Sequential(a, b, a)
    assert [n for n, _ in net.named_parameters()] == ["0.weight", "0.bias", "1.bias"]
    assert {"0.weight", "1.weight", "2.weight"} <= set(net.state_dict())
    assert net.num_parameters() == 9 + 3 + 3
    assert len(list(net.modules())) == 3


def test_attributes_change_kind():
    m = Scale(2)
    m.gain = None
    assert m.gain is None and list(m.parameters()) == []
    m.gain = nn.Parameter(np.zeros(2))
    assert [n for n, _ in m.named_parameters()] == ["gain"]
    m.calls = grilly_vk.tensor([3], np.int32)  # a tensor in place of a buffer stays a buffer
    assert m.calls.numpy()[0] == 3 and [n for n, _ in m.named_buffers()] == ["calls", "scratch"]
    del m.calls
    assert not hasattr(m, "calls")
    with pytest.raises(TypeError, match="'gain' must be a Parameter or None here, not int"):
        m.gain = 3
    with pytest.raises(TypeError, match="'gain' must be a Parameter"):
        m.gain = from_numpy(np.zeros(2, np.float32))
    with pytest.raises(TypeError, match="must be a Module or None here"):
        Net().__setattr__("first", 3)


def test_bad_registrations():
    m = Scale(2)
    for name, error in (("a.b", ValueError), ("", ValueError), ("forward", ValueError), (3, TypeError)):
        for call in (m.register_parameter, m.register_buffer, m.add_module):
            with pytest.raises(error, match="name"):
                call(name, None)
    with pytest.raises(TypeError, match="param must be a Parameter or None, not Tensor"):
        m.register_parameter("w", from_numpy(np.zeros(2, np.float32)))
    with pytest.raises(TypeError, match="module must be a Module"):
        m.add_module("w", 3)
    with pytest.raises(TypeError, match="tensor must hold real numbers"):
        m.register_buffer("w", np.array(["a"]))

    class Early(nn.Module):
        def __init__(self):
            self.w = nn.Parameter([1.0])

    with pytest.raises(AttributeError, match=r"call super\(\).__init__\(\) before assigning 'w'"):
        Early()
    with pytest.raises(AttributeError, match="'Scale' has no attribute 'weigth'"):
        m.weigth  # noqa: B018
    with pytest.raises(NotImplementedError, match=r"Module does not define forward\(\)"):
        nn.Module()(1)


class _Twice:
    @property
    def forward(self):
        return lambda x, by=2.0: x * by


class _ByProperty(_Twice, nn.Module):
    pass


class _Cached(nn.Module):
    @functools.cached_property
    def forward(self):
        return lambda x, by=2.0: x * by


class _Static(nn.Module):
    @staticmethod
    def forward(x, by=2.0):
        return x * by


class _OfClass(nn.Module):
    by = 2.0

    @classmethod
    def forward(cls, x, by=2.0):
        return x * by


class _OfInstance(nn.Module):
    def __init__(self):
        super().__init__()
        self.forward = lambda x, by=2.0: x * by


class _NodeByProperty(_Twice, nn.IFNode):
    pass


@pytest.mark.parametrize("kind", [_ByProperty, _Cached, _Static, _OfClass, _OfInstance, _NodeByProperty])
def test_forward_need_not_be_a_method(kind):
    np.testing.assert_array_equal(kind()(grilly_vk.ones(3)).numpy(), [2.0] * 3)
    np.testing.assert_array_equal(kind()(grilly_vk.ones(3), by=3.0).numpy(), [3.0] * 3)
    np.testing.assert_array_equal(kind()(grilly_vk.ones(3), 3.0).numpy(), [3.0] * 3)
    with pytest.raises(TypeError, match=f"{kind.__name__} takes 2 inputs, got 3"):
        kind()(grilly_vk.ones(3), 2.0, 1)
    with pytest.raises(TypeError, match=rf"{kind.__name__} has no argument 'bye' \(did you mean by\?\)"):
        kind()(grilly_vk.ones(3), bye=1)
    with pytest.raises(TypeError, match=f"{kind.__name__} was not given x"):
        kind()()


def test_forward_that_is_no_function():
    for value in (None, 3, "relu"):
        broken = type("Broken", (nn.Module,), {"forward": value})()
        for inputs in ((1,), (1, 2)):
            with pytest.raises(TypeError, match=f"forward of Broken must be a function, not {type(value).__name__}"):
                broken(*inputs)


def test_forward_in_c_takes_what_it_takes():
    largest = type("Largest", (nn.Module,), {"forward": staticmethod(max)})()
    assert largest(3, 4) == 4
    with pytest.raises(TypeError, match="not iterable"):
        largest(3)


def test_parameter_and_buffer():
    p = nn.Parameter([[1, 2], [3, 4]])
    assert p.requires_grad and p.dtype == np.float32 and isinstance(p, Tensor)
    shared = from_numpy(np.zeros(3, np.float32))
    q = nn.Parameter(shared, requires_grad=False)
    assert q.buffer is shared.buffer and not q.requires_grad
    assert repr(p) == "Parameter([[1., 2.],\n           [3., 4.]], requires_grad=True)"
    assert repr(nn.Buffer([1, 2])) == "Buffer([1, 2], dtype=int32)"
    assert nn.Buffer(np.array([True])).dtype == np.bool_ and nn.Buffer(np.zeros(2)).dtype == np.float32
    with pytest.raises(TypeError, match="data must be a float32 tensor, not int32"):
        nn.Parameter(nn.Buffer([1]))
    with pytest.raises(ValueError, match="data is a recorded result"):
        nn.Parameter(p * 2.0)
    with pytest.raises(TypeError, match="data must hold real numbers"):
        nn.Parameter("abc")


def test_state_dict_round_trip_in_place():
    a, b = Net(), Net()
    weight, memory = b.first.weight, b.first.weight.buffer
    assert b.load_state_dict(a.state_dict()) == ([], [])
    assert b.first.weight is weight and b.first.weight.buffer is memory
    for name, value in arrays(a).items():
        np.testing.assert_array_equal(arrays(b)[name], value)
    assert b.load_state_dict(arrays(a)) == ([], [])  # numpy too
    b.load_state_dict(b.state_dict())
    np.testing.assert_array_equal(arrays(b)["first.weight"], arrays(a)["first.weight"])


def test_load_state_dict_lists_all_problems_and_changes_nothing():
    net = Net()
    before = arrays(net)
    bad = {**arrays(Net()), "rest.0.gain": np.zeros(5), "rest.0.calls": np.zeros(1, np.float32), "extra": np.zeros(1)}
    del bad["first.bias"]
    with pytest.raises(ValueError) as error:
        net.load_state_dict(bad)
    text = str(error.value)
    assert "missing: first.bias" in text and "unexpected: extra" in text
    assert "rest.0.gain has shape (5,); expected (4,), ... (2 in all)" in text and len(text) < 300
    with pytest.raises(ValueError, match=r"rest.0.calls has dtype float32; expected int32"):
        net.load_state_dict({**arrays(Net()), "rest.0.calls": np.zeros(1, np.float32)})
    for name, value in arrays(net).items():
        np.testing.assert_array_equal(value, before[name])
    with pytest.raises(ValueError, match="mismatched"):
        net.load_state_dict(bad, strict=False)
    with pytest.raises(TypeError, match="state_dict must be a mapping"):
        net.load_state_dict([1])


def test_load_state_dict_not_strict():
    net, other = Net(), Net()
    some = {"first.weight": arrays(other)["first.weight"], "extra": np.zeros(1)}
    keys = net.load_state_dict(some, strict=False)
    assert keys.unexpected_keys == ["extra"]
    assert keys.missing_keys == ["first.bias", "rest.0.gain", "rest.0.calls", "rest.1.weight"]
    np.testing.assert_array_equal(arrays(net)["first.weight"], arrays(other)["first.weight"])


def test_modes_and_apply():
    net = Net()
    assert net.eval() is net and not any(m.training for m in net.modules())
    assert net.train() is net and all(m.training for m in net.modules())
    with pytest.raises(TypeError, match="mode must be True or False"):
        net.train(1)
    order = []
    assert net.apply(lambda m: order.append(type(m).__name__)) is net
    assert order == ["Linear", "Scale", "Linear", "Sequential", "Net"]
    assert net.requires_grad_(False) is net and net.num_parameters(trainable=True) == 0


def test_zero_grad():
    net = Net()
    net(np.ones((2, 3), np.float32)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    net.zero_grad(set_to_none=False)
    assert all((p.grad.numpy() == 0).all() for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())


def test_hooks():
    m = Scale(2)
    seen = []
    first = m.register_forward_pre_hook(lambda module, args: seen.append(args[0].numpy()[0]))
    double = m.register_forward_pre_hook(lambda module, args: args[0] * 2.0)
    after = m.register_forward_hook(lambda module, args, out: out + 1.0)
    x = from_numpy(np.array([1, 2], np.float32))
    np.testing.assert_array_equal(m(x).numpy(), [3, 5])
    assert seen == [1]
    double.remove()
    double.remove()
    np.testing.assert_array_equal(m(x).numpy(), [2, 3])
    after()
    first()
    np.testing.assert_array_equal(m(x).numpy(), [1, 2])
    assert seen == [1, 1]
    with pytest.raises(TypeError, match="hook must be callable"):
        m.register_forward_hook(3)
    with pytest.raises(TypeError, match="hook must be callable"):
        m.register_forward_hook(3, with_kwargs=True)


def test_hooks_with_keyword_arguments():
    class Scale(nn.Module):
        def forward(self, x, by=1.0):
            return x * by

    m, seen = Scale(), []
    handle = m.register_forward_hook(
        lambda module, args, kwargs, out: seen.append((module is m, len(args), kwargs)) or out + 1.0, with_kwargs=True
    )
    assert m(grilly_vk.ones(1), by=3.0).item() == 4.0 and seen == [(True, 1, {"by": 3.0})]
    handle.remove()
    assert m(grilly_vk.ones(1), by=3.0).item() == 3.0
    handle.restore()
    assert m(grilly_vk.ones(1)).item() == 2.0 and len(seen) == 2


def test_deepcopy_is_independent():
    net = Net()
    twin = copy.deepcopy(net)
    for (name, a), (other, b) in zip(net.named_parameters(), twin.named_parameters()):
        assert name == other and a is not b
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    nn.init.zeros_(twin.first.weight)
    assert net.first.weight.numpy().any()


def test_repr():
    net = Net()
    assert repr(net) == (
        "Net(\n"
        "  (first): Linear(in_features=3, out_features=4, bias=True)\n"
        "  (rest): Sequential(\n"
        "    (0): Scale(4)\n"
        "    (1): Linear(in_features=4, out_features=2, bias=False)\n"
        "  )\n"
        ")"
    )
    assert repr(nn.Identity()) == "Identity()"


# ---- containers ----


def test_sequential():
    a, b, c = nn.Linear(3, 4), nn.Identity(), nn.Linear(4, 2)
    net = nn.Sequential(a, b).append(c)
    assert len(net) == 3 and list(net) == [a, b, c] and net[-1] is c and list(net[1:]) == [b, c]
    assert list(net[1:].state_dict()) == ["2.weight", "2.bias"]  # names stay, as in PyTorch
    x = np.random.default_rng(0).random((5, 3)).astype(np.float32)
    wanted = (x @ a.weight.numpy().T + a.bias.numpy()) @ c.weight.numpy().T + c.bias.numpy()
    np.testing.assert_allclose(net(x).numpy(), wanted, rtol=1e-5, atol=1e-6)
    named = nn.Sequential({"in": a, "out": c})
    assert list(named.state_dict()) == ["in.weight", "in.bias", "out.weight", "out.bias"]
    named[1] = nn.Linear(4, 7)
    assert named[1].out_features == 7
    net.insert(1, nn.Identity())
    del net[0]
    assert [n for n, _ in net.named_children()] == ["0", "1", "2"] and net[2] is c
    with pytest.raises(TypeError, match=r"modules\[1\] must be a Module, not int"):
        nn.Sequential(a, 3)
    with pytest.raises(IndexError, match="index 7 is out of range for 3 modules"):
        net[7]
    with pytest.raises(TypeError, match="index must be a whole number or a slice"):
        net["a"]


def test_module_list_and_dict():
    parts = nn.ModuleList(nn.Linear(2, 2) for _ in range(3))
    assert len(parts) == 3 and len(list(parts.parameters())) == 6 and isinstance(parts[:2], nn.ModuleList)
    parts.extend([nn.Identity()])
    with pytest.raises(TypeError, match=r"modules\[0\] must be a Module"):
        parts.extend([3])
    assert len(parts) == 4
    table = nn.ModuleDict({"a": nn.Linear(2, 2)})
    table["b"] = nn.Identity()
    assert list(table) == ["a", "b"] and "a" in table and len(table) == 2 and list(table.keys()) == ["a", "b"]
    assert list(table.state_dict()) == ["a.weight", "a.bias"]
    assert isinstance(table.pop("b"), nn.Identity)
    del table["a"]
    assert len(table) == 0
    with pytest.raises(TypeError, match="module must be a Module"):
        table["c"] = 3
    with pytest.raises(NotImplementedError):
        parts(1)


def test_flatten_and_identity():
    x = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    assert nn.Flatten()(x).shape == (2, 12) and nn.Flatten(0, 1)(x).shape == (6, 4)
    assert nn.Identity(1, a=2)(x) is x
    with pytest.raises(ValueError):
        nn.Flatten(2, 1)(x)


# ---- layers ----


def test_linear_and_its_gradient():
    layer = nn.Linear(3, 2)
    x = np.random.default_rng(0).random((4, 5, 3)).astype(np.float32)
    out = layer(x)
    np.testing.assert_allclose(out.numpy(), x @ layer.weight.numpy().T + layer.bias.numpy(), 1e-5, 1e-6)
    out.sum().backward()
    np.testing.assert_allclose(layer.weight.grad.numpy(), np.tile(x.sum((0, 1)), (2, 1)), rtol=1e-5)
    np.testing.assert_allclose(layer.bias.grad.numpy(), [20, 20])
    with pytest.raises(ValueError, match="in_features must be at least 1"):
        nn.Linear(0, 2)
    with pytest.raises(TypeError, match="out_features must be a whole number"):
        nn.Linear(2, 2.5)
    with pytest.raises(ValueError, match="x has shape"):
        layer(np.zeros((2, 4), np.float32))


def test_embedding_and_its_gradient():
    layer = nn.Embedding(5, 3)
    index = np.array([[0, 4], [4, 4]])
    out = layer(index)
    np.testing.assert_array_equal(out.numpy(), layer.weight.numpy()[index])
    out.sum().backward()
    np.testing.assert_array_equal(layer.weight.grad.numpy()[:, 0], [1, 0, 0, 0, 3])
    with pytest.raises(IndexError, match="axis has 5 entries"):
        layer(np.array([5]))
    with pytest.raises(TypeError):
        layer(np.array([0.5]))


@pytest.mark.parametrize("padding", [0, 2, -1])
def test_the_padding_row_of_an_embedding_stays_zero(padding):
    layer = nn.Embedding(4, 3, padding_idx=padding)
    row = padding % 4
    assert layer.padding_idx == row and repr(layer) == f"Embedding(4, 3, padding_idx={row})"
    start = layer.weight.numpy()
    assert [bool(r.any()) for r in start] == [i != row for i in range(4)]
    optimizer = grilly_vk.optim.Adam(layer.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        (layer(np.array([[0, 1, 2, 3], [row, row - 4, 1, 1]])) + 1.0).sum().backward()
        optimizer.step()
    moved = layer.weight.numpy()
    assert not moved[row].any()
    assert (np.delete(moved, row, 0) != np.delete(start, row, 0)).all()
    np.testing.assert_array_equal(layer.weight.grad.numpy()[row], [0, 0, 0])


@pytest.mark.parametrize(
    "padding, error, text",
    [(4, ValueError, "below 4, the number of rows, got 4"), (-5, ValueError, "at least -4"), (0.0, TypeError, "float")],
)
def test_padding_rows_that_an_embedding_does_not_have(padding, error, text):
    with pytest.raises(error, match=f"padding_idx must be .*{text}"):
        nn.Embedding(4, 3, padding_idx=padding)


def test_summary():
    net = Net()
    net.rest[0].eval()
    found = nn.summary(net, (7, 3))
    assert found.rows == [
        ("first (Linear)", "(7, 4)", 16),
        ("rest.0 (Scale)", "(7, 4)", 4),
        ("rest.1 (Linear)", "(7, 2)", 8),
    ]
    assert found.total == found.trainable == 28
    assert "28 parameters" in str(found) and "output shape" in repr(found)
    assert net.training and not net.rest[0].training  # modes are as before
    assert not net.first._forward_hooks
    net.first.requires_grad_(False)
    assert "(12 trainable)" in str(nn.summary(net, (1, 3)))
    loop = nn.RecurrentSynapse(nn.LIFNode(), nn.Linear(4, 4), step_mode="m")  # runs its parts once a step
    assert [row[1:] for row in nn.summary(loop, (9, 2, 4)).rows] == [("(2, 4)", 20), ("(2, 4)", 0)]
    words = nn.Sequential(nn.Embedding(10, 4), nn.Flatten())
    assert nn.summary(words, (2, 5), np.int32).rows[-1][1] == "(2, 20)"
    with pytest.raises(TypeError, match="model must be a Module"):
        nn.summary(3, (1,))
    with pytest.raises(TypeError, match="input_shape must be a tuple"):
        nn.summary(net, 3)
    with pytest.raises(ValueError):
        nn.summary(net, (7, 5))
    assert not net.first._forward_hooks


def test_whole_numbers_beyond_int32_are_refused_as_buffers():
    with pytest.raises(ValueError, match=r"data must fit int32, got values from 1 to 1\.0995"):
        nn.Buffer([1, 1 << 40])
    with pytest.raises(ValueError, match="tensor must fit int32"):
        nn.Linear(1, 1).register_buffer("far", np.array([1 << 40]))
