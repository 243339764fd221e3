"""Surrogates: hard step forward, the derivative backward, and primitives that have it as their slope."""

import numpy as np
import pytest
import scipy.special

import grilly_vk
from grilly_vk import nn, surrogate
from grilly_vk.runtime import glsl

# name: (surrogate, primitive in float64, kinks)
ALL = {
    "atan": (surrogate.ATan(2.5), lambda x: np.arctan(np.pi / 2 * 2.5 * x) / np.pi + 0.5, []),
    "sigmoid": (surrogate.Sigmoid(3.0), lambda x: scipy.special.expit(3 * x), []),
    "fast_sigmoid": (surrogate.FastSigmoid(1.5), lambda x: 0.5 + 1.5 * x / (1 + 1.5 * abs(x)) / 2, []),
    "super_spike": (surrogate.SuperSpike(4.0), lambda x: 0.5 + x / (1 + 4 * abs(x)), []),
    "piecewise_quadratic": (
        surrogate.PiecewiseQuadratic(0.8),
        lambda x: np.where(abs(x) < 1.25, -(0.8**2) / 2 * abs(x) * x + 0.8 * x + 0.5, (x > 0).astype(np.float64)),
        [-1.25, 1.25],
    ),
    "erf": (surrogate.Erf(1.3), lambda x: scipy.special.erfc(-1.3 * x) / 2, []),
    "rect": (surrogate.Rect(0.7), lambda x: np.clip(0.7 * x + 0.5, 0, 1), [-0.5 / 0.7, 0.5 / 0.7]),
    "tanh": (surrogate.Tanh(1.4), lambda x: np.tanh(1.4 * x) / 1.4 + 0.5, []),
    "boxcar": (surrogate.Boxcar(1.5, 0.4), lambda x: 0.4 * np.clip(x, -0.75, 0.75) + 0.5, [-0.75, 0.75]),
    "triangular": (
        surrogate.Triangular(1.6),
        lambda x: (lambda y: y - 0.8 * y * abs(y) + 0.5)(np.clip(x, -1 / 1.6, 1 / 1.6)),
        [-1 / 1.6, 1 / 1.6],
    ),
}
X = np.linspace(-3, 3, 121)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("n", [121, 120])  # one at a time, and four
def test_derivative_primitive_and_gradient(name, n):
    """The derivative is the slope of the float64 primitive, by central differences; so is the spike's gradient."""
    function, primitive, kinks = ALL[name]
    x = X[:n].astype(np.float32)
    np.testing.assert_allclose(function.primitive(x).numpy(), primitive(x.astype(np.float64)), rtol=2e-5, atol=2e-6)
    off = np.ones(n, bool) if not kinks else (abs(x[:, None] - np.array(kinks)) > 1e-3).all(1)
    step = 1e-6
    wide = x.astype(np.float64)
    slope = (primitive(wide + step) - primitive(wide - step)) / (2 * step)
    np.testing.assert_allclose(function.derivative(x).numpy()[off], slope[off], rtol=2e-5, atol=2e-6)

    g = np.random.default_rng(0).standard_normal(n).astype(np.float32)
    for call in (function, function.primitive):
        t = grilly_vk.tensor(x, requires_grad=True)
        (call(t) * grilly_vk.tensor(g)).sum().backward()
        np.testing.assert_allclose(t.grad.numpy()[off], (g * slope)[off], rtol=3e-5, atol=3e-6)


@pytest.mark.parametrize("name", ALL)
def test_step_forward(name):
    x = np.array([-1, -1e-30, 0.0, -0.0, 1e-6, 2, np.nan, np.inf, -np.inf], np.float32)
    np.testing.assert_array_equal(ALL[name][0](x).numpy(), [0, 0, 1, 1, 1, 1, 0, 1, 0])


@pytest.mark.parametrize("name", ALL)
def test_no_overflow_far_from_the_threshold(name):
    far = ALL[name][0].derivative(np.array([-1e30, -1e4, 1e4, 1e30], np.float32)).numpy()
    assert np.isfinite(far).all()
    assert (far >= 0).all()
    assert (far < 1e-4).all()


@pytest.mark.parametrize("name", ALL)
def test_in_a_node(name):
    """One step of an IF node from v = 0: the gradient is the derivative at x - 1 (with the reset detached)."""
    function = ALL[name][0]
    x = np.linspace(-1, 3, 24).astype(np.float32)
    t = grilly_vk.tensor(x, requires_grad=True)
    nn.IFNode(surrogate_function=function, detach_reset=True)(t).sum().backward()
    np.testing.assert_allclose(t.grad.numpy(), function.derivative(x - np.float32(1)).numpy(), rtol=1e-6, atol=1e-7)


def test_text_and_function_give_the_same():
    """A derivative as GLSL and as Tensor operations, through time, against the built-in one."""
    x = np.random.default_rng(1).normal(0.7, 1.0, (9, 10)).astype(np.float32)
    alike = [
        surrogate.FastSigmoid(2.0),
        surrogate.Custom("1.0 / ((1.0 + 2.0 * abs(x)) * (1.0 + 2.0 * abs(x)))"),
        surrogate.Custom(lambda x: ((abs(x) * 2.0 + 1.0) ** 2.0) ** -1.0),
    ]
    grads = []
    for function in alike:
        for node in (nn.LIFNode(surrogate_function=function, step_mode="m"), nn.AdaptiveLIFNode(
            surrogate_function=function, step_mode="m")):  # fmt: skip
            t = grilly_vk.tensor(x, requires_grad=True)
            node(t).sum().backward()
            grads.append(t.grad.numpy())
        np.testing.assert_allclose(function.derivative(x).numpy(), alike[0].derivative(x).numpy(), rtol=1e-5)
    for other in (2, 4):
        np.testing.assert_allclose(grads[other], grads[0], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(grads[other + 1], grads[1], rtol=1e-4, atol=1e-6)


def test_custom_primitive():
    own = surrogate.Custom("1.0", primitive=lambda x: x + 0.5)
    np.testing.assert_array_equal(own.primitive(np.float32([1, 2])).numpy(), [1.5, 2.5])
    with pytest.raises(NotImplementedError, match="this surrogate has no primitive"):
        surrogate.Custom("1.0").primitive([1.0])


def test_bad_custom(monkeypatch):
    with pytest.raises(ValueError, match=r"derivative does not compile: 'no_such\(x\)': .*no_such"):
        surrogate.Custom("no_such(x)")
    with pytest.raises(TypeError, match="derivative must be a GLSL expression in x or a function"):
        surrogate.Custom(3)
    with pytest.raises(TypeError, match="primitive must be a function"):
        surrogate.Custom("1.0", primitive=2)
    wrong = surrogate.Custom(lambda x: x.sum())
    with pytest.raises(ValueError, match=r"derivative gave float32 \(\); expected a float32 Tensor of shape \(3,\)"):
        wrong.derivative(np.zeros(3, np.float32))
    monkeypatch.setattr(glsl, "compiler", lambda: None)
    with pytest.raises(RuntimeError, match=r"glslc is not installed.*or give a function"):
        surrogate.Custom("2.0 * x")


def test_bad_parameters():
    for make, error, text in [
        (lambda: surrogate.ATan(0.0), ValueError, "alpha must be positive"),
        (lambda: surrogate.SuperSpike("x"), TypeError, "beta must be a number"),
        (lambda: surrogate.Boxcar(width=-1.0), ValueError, "width must be positive"),
        (lambda: surrogate.ATan()(np.array([1, 2])), TypeError, "x must be float32, not int32"),
    ]:
        with pytest.raises(error, match=text):
            make()


def test_repr_and_equality():
    assert repr(surrogate.ATan()) == "ATan(alpha=2)"
    assert repr(surrogate.Boxcar()) == "Boxcar(width=2, height=0.5)"
    assert surrogate.ATan(2.0) == nn.ATan()
    assert surrogate.ATan(3.0) != nn.ATan()
    assert nn.TanhSurrogate is surrogate.Tanh
