"""Element-wise operations with numpy's broadcasting, and their gradients."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import arguments
from ..autograd import record
from ..tensor import Tensor, empty, from_numpy, full
from .layout import broadcast_shape, collapsed

# In the order of shaders/include/functions.glsl and shaders/elementwise-binary.glsl.
FUNCTIONS = (
    "neg exp log sqrt abs tanh sigmoid relu leaky_relu gelu silu softplus clamp scale sign sin cos"
).split()
BINARY = "add sub mul div pow maximum minimum eq ne lt le gt ge and or xor mod".split()
_COMPARES = {"eq", "ne", "lt", "le", "gt", "ge"}
_TYPES = {np.dtype(np.float32): 0, np.dtype(np.int32): 1, np.dtype(np.uint32): 2, np.dtype(np.bool_): 2}


def as_tensor(name: str, value: Any, like: Tensor | None = None) -> Tensor:
    """A Tensor from a Tensor, a number or an array-like; numbers take the dtype of `like` where it can hold them."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, (numbers.Number, np.number, np.bool_)) and not isinstance(value, complex):
        if isinstance(value, (bool, np.bool_)):
            return full((), float(value), np.bool_)
        if like is not None and like.dtype == np.int32 and isinstance(value, (numbers.Integral, np.integer)):
            return full((), value, np.int32)  # type: ignore[arg-type]
        return full((), float(value))  # type: ignore[arg-type]
    given = np.asarray(value)
    if given.dtype.kind == "b":
        return from_numpy(np.ascontiguousarray(given).reshape(given.shape))
    if given.dtype.kind in "iu":
        return from_numpy(np.asarray(given, np.int32, order="C"))
    return arguments.tensor(name, value)


def cast(x: Tensor, dtype: Any) -> Tensor:
    """The same values as float32, int32 or bool; float to int drops the fraction, as numpy does."""
    wanted = np.dtype(dtype)
    if wanted == x.dtype:
        return x
    if wanted not in _TYPES:
        raise TypeError(f"dtype must be float32, int32, uint32 or bool, not {wanted}")
    out = empty(x.shape, wanted)
    kinds = {np.dtype(np.float32): 0, np.dtype(np.int32): 1, np.dtype(np.uint32): 2, np.dtype(np.bool_): 3}
    x.engine.launch("cast", x.size, (("FROM", kinds[x.dtype]), ("TO", kinds[wanted])), x=x, y=out, n=x.size)
    return out


def _floats(name: str, x: Any) -> Tensor:
    t = as_tensor(name, x)
    return t if t.dtype == np.float32 else cast(t, np.float32)


def _wide(*tensors: Tensor) -> int:
    """4 where all can be read four elements at a time, else 1."""
    return 4 if all(t.size % 4 == 0 and t.buffer.offset % 16 == 0 for t in tensors) else 1


def unary(name: str, x: Any, a: float = 0.0, b: float = 0.0) -> Tensor:
    """f(x) for one of FUNCTIONS, with its gradient; a and b are the function's parameters."""
    x = _floats("x", x)
    op = (("OP", FUNCTIONS.index(name)),)
    y = empty(x.shape)
    wide = _wide(x)
    kernel = "elementwise-unary.vec4" if wide == 4 else "elementwise-unary"
    x.engine.launch(kernel, x.size // wide, op, x=x, y=y, n=x.size // wide, a=a, b=b)

    def backward(gy: Tensor) -> Tensor:
        gx = empty(x.shape)
        step = _wide(x, gy)
        kernel = "elementwise-grad.vec4" if step == 4 else "elementwise-grad"
        x.engine.launch(kernel, x.size // step, op, x=x, gy=gy, gx=gx, n=x.size // step, a=a, b=b)
        return gx

    record(name, (x,), (y,), backward)
    return y


def _binary(name: str, x: Tensor, y: Tensor) -> Tensor:
    """f(x, y), off the tape; operands have one dtype."""
    specs = (("OP", BINARY.index(name)), ("TYPE", _TYPES[x.dtype]))
    dtype = np.bool_ if name in _COMPARES else x.dtype
    if x.shape == y.shape:
        z = empty(x.shape, dtype)
        wide = _wide(x, y)
        kernel = "elementwise-binary.vec4" if wide == 4 else "elementwise-binary"
        x.engine.launch(kernel, x.size // wide, specs, x=x, y=y, z=z, n=x.size // wide)
        return z
    shape = broadcast_shape(x.shape, y.shape)
    z = empty(shape, dtype)
    sizes, (xs, ys) = collapsed(shape, (x.shape, y.shape))
    x.engine.launch(
        "broadcast-binary",
        z.size,
        specs,
        x=x,
        y=y,
        z=z,
        n=z.size,
        **{f"d{i}": sizes[i] for i in range(1, 6)},
        **{f"x{i}": s for i, s in enumerate(xs)},
        **{f"y{i}": s for i, s in enumerate(ys)},
    )
    return z


# x op c, and c op x, as a * x + b: no second operand in memory.
_BY_NUMBER: dict[str, Any] = {
    "add": (lambda c: (1.0, c), lambda c: (1.0, c)),
    "sub": (lambda c: (1.0, -c), lambda c: (-1.0, c)),
    "mul": (lambda c: (c, 0.0), lambda c: (c, 0.0)),
}


def _with_number(name: str, x: Any, y: Any) -> Tensor | None:
    """The short way for a float tensor and a Python number, where there is one."""
    forms = _BY_NUMBER.get(name)
    if forms is not None:
        for tensor, number, form in ((x, y, forms[0]), (y, x, forms[1])):
            if type(number) in (int, float) and isinstance(tensor, Tensor) and tensor.dtype == np.float32:
                return unary("scale", tensor, *form(float(number)))
    if name == "pow" and type(y) in (int, float) and y == 2 and isinstance(x, Tensor) and x.dtype == np.float32:
        return binary("mul", x, x)
    return None


def binary(name: str, x: Any, y: Any) -> Tensor:
    """f(x, y) for one of BINARY with broadcasting and, for floats, its gradient.

    Mixed dtypes become float32 (bool and int32: int32); comparisons give bool; div and pow are float32 always.

    Raises:
        ValueError: shapes that don't broadcast.
    """
    short = _with_number(name, x, y)
    if short is not None:
        return short
    a = as_tensor("x", x, y if isinstance(y, Tensor) else None)
    b = as_tensor("y", y, a)
    if name in ("and", "or", "xor"):
        if a.dtype == np.float32 or b.dtype == np.float32:
            raise TypeError(f"{name} needs bool or int32 tensors, not {a.dtype} and {b.dtype}")
    if a.dtype != b.dtype or name in ("div", "pow") or (a.dtype == np.bool_ and name not in (*_COMPARES, "and", "or", "xor")):
        float_result = np.float32 in (a.dtype, b.dtype) or name in ("div", "pow")
        target = np.float32 if float_result else np.int32
        a, b = cast(a, target), cast(b, target)
    out = _binary(name, a, b)
    if out.dtype == np.float32 and name in _GRADIENTS:
        rule = _GRADIENTS[name]

        def backward(g: Tensor) -> Sequence[Tensor | None]:
            ga, gb = rule(g, a, b, out_value, a.requires_grad, b.requires_grad)
            return (
                None if ga is None else sum_to(ga, a.shape),
                None if gb is None else sum_to(gb, b.shape),
            )

        out_value = out.view()
        record(name, (a, b), (out,), backward)
    return out


def sum_to(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Sums the axes that broadcasting added or stretched, back to `shape`."""
    if x.shape == shape:
        return x
    from .reduce import reduce

    lead = x.ndim - len(shape)
    axes = tuple(range(lead)) + tuple(
        i + lead for i, size in enumerate(shape) if size == 1 and x.shape[i + lead] != 1
    )
    return reduce("sum", x, axes, keepdims=False).view(shape)


def _grad_div(g: Tensor, a: Tensor, b: Tensor, z: Tensor, need_a: bool, need_b: bool) -> Any:
    return (
        _binary("div", g, b) if need_a else None,
        unary("neg", _binary("div", _binary("mul", g, z), b)) if need_b else None,
    )


def _grad_pow(g: Tensor, a: Tensor, b: Tensor, z: Tensor, need_a: bool, need_b: bool) -> Any:
    ga = gb = None
    if need_a:  # b * a**(b - 1), with b = 0 giving 0
        slope = _binary("mul", b, _binary("pow", a, unary("scale", b, 1.0, -1.0)))
        ga = where(_binary("eq", b, full((), 0.0)), full((), 0.0), _binary("mul", g, slope))
    if need_b:  # log(a) * a**b, with a = 0 giving 0 (b > 0)
        slope = where(_binary("eq", a, full((), 0.0)), full((), 0.0), _binary("mul", z, unary("log", a)))
        gb = _binary("mul", g, slope)
    return ga, gb


def _grad_extreme(compare: str) -> Any:
    def rule(g: Tensor, a: Tensor, b: Tensor, z: Tensor, need_a: bool, need_b: bool) -> Any:
        # Ties share the gradient, as in PyTorch.
        wins = cast(_binary(compare, a, b), np.float32)
        ties = unary("scale", cast(_binary("eq", a, b), np.float32), 0.5)
        share = _binary("add", wins, ties)
        return (
            _binary("mul", g, share) if need_a else None,
            _binary("mul", g, unary("scale", share, -1.0, 1.0)) if need_b else None,
        )

    return rule


_GRADIENTS: dict[str, Any] = {
    "add": lambda g, a, b, z, need_a, need_b: (g, g),
    "sub": lambda g, a, b, z, need_a, need_b: (g, unary("neg", g) if need_b else None),
    "mul": lambda g, a, b, z, need_a, need_b: (
        _binary("mul", g, b) if need_a else None,
        _binary("mul", g, a) if need_b else None,
    ),
    "div": _grad_div,
    "pow": _grad_pow,
    "maximum": _grad_extreme("gt"),
    "minimum": _grad_extreme("lt"),
}


def where(condition: Any, x: Any, y: Any) -> Tensor:
    """x where `condition` holds, else y, with broadcasting; gradients reach the chosen side.

    Raises:
        TypeError: a condition that is not bool.
        ValueError: shapes that don't broadcast.
    """
    c = as_tensor("condition", condition)
    if c.dtype != np.bool_:
        raise TypeError(f"condition must be a bool tensor, not {c.dtype}")
    a = as_tensor("x", x, y if isinstance(y, Tensor) else None)
    b = as_tensor("y", y, a)
    if a.dtype != b.dtype:
        a, b = cast(a, np.float32), cast(b, np.float32)
    from .shape import broadcast_to

    shape = broadcast_shape(c.shape, broadcast_shape(a.shape, b.shape))
    out = empty(shape, a.dtype)
    with_shape = [broadcast_to(t.view(), shape) for t in (c, a, b)]
    out.engine.launch("where", out.size, c=with_shape[0], x=with_shape[1], y=with_shape[2], z=out, n=out.size)

    def backward(g: Tensor) -> Sequence[Tensor | None]:
        zero = full((), 0.0)
        return (
            sum_to(where(c, g, zero), a.shape) if a.requires_grad else None,
            sum_to(where(c, zero, g), b.shape) if b.requires_grad else None,
        )

    record("where", (a, b), (out,), backward)
    return out


def add(x: Any, y: Any) -> Tensor:
    """x + y."""
    return binary("add", x, y)


def mul(x: Any, y: Any) -> Tensor:
    """x * y."""
    return binary("mul", x, y)
