"""Functions of Tensors, PyTorch's names: most are methods called with the tensor first."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from . import arguments
from .errors import shown
from .ops import arrange
from .ops.einsum import einsum as einsum
from .ops.elementwise import as_tensor, binary
from .ops.elementwise import where as _where
from .ops.pointwise import BINARY_METHODS, UNARY_METHODS
from .ops.shape import concatenate
from .ops.shape import stack as _stack
from .tensor import FLOAT32, INT32, Tensor, dtype_of
from .typing import ArrayLike, DTypeLike


def _method(name: str) -> Callable[..., Any]:
    def function(input: ArrayLike, *args: Any, **named: Any) -> Any:
        return getattr(as_tensor("input", input), name)(*args, **named)

    takes = list(inspect.signature(getattr(Tensor, name)).parameters.values())
    takes[0] = takes[0].replace(name="input", annotation="ArrayLike")
    function.__signature__ = inspect.Signature(takes)  # type: ignore[attr-defined]
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"``input.{name}(...)`` of a Tensor or an array-like: {getattr(Tensor, name).__doc__}"
    return function


_METHODS = (
    "add all allclose amax amin any argmax argmin argsort bincount broadcast_to chunk clamp clip clone "
    "count_nonzero cumprod cumsum diag div equal flatten flip fmod gather heaviside index_add "
    "index_select isclose isfinite isinf isnan lerp log10 log2 log_softmax logical_and logical_not "
    "logical_or logical_xor logsumexp masked_fill masked_select max mean median min movedim nan_to_num "
    "narrow nonzero norm numel permute prod reciprocal repeat_interleave reshape roll round rsqrt "
    "scatter scatter_add softmax sort split square squeeze std sub sum t take tile topk transpose tril "
    "triu unbind unflatten unique unsqueeze var"
)
for _name in (*UNARY_METHODS, *BINARY_METHODS, *_METHODS.split()):  # abs, exp, maximum, ...
    globals()[_name] = _method(_name)

# Products are all `matmul` here; the names say what is expected.


def _product(name: str, left: int, right: int, what: str) -> Callable[..., Any]:
    def function(input: ArrayLike, other: ArrayLike) -> Tensor:
        a, b = as_tensor("input", input), as_tensor("other", other)
        if (a.ndim, b.ndim) != (left, right):
            raise ValueError(f"{name} needs {left} and {right} axes, got shapes {a.shape} and {b.shape}; see matmul")
        return a @ b

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The product of {what}.\n\nRaises:\n    ValueError: operands with another number of axes."
    return function


mm = _product("mm", 2, 2, "two matrices")
bmm = _product("bmm", 3, 3, "two batches of matrices, one by one")
mv = _product("mv", 2, 1, "a matrix and a vector")
dot = _product("dot", 1, 1, "two vectors, a number")


def outer(input: ArrayLike, other: ArrayLike) -> Tensor:
    """Every element of one vector times every one of another: (n,), (m,) -> (n, m).

    Raises:
        ValueError: not one axis each.
    """
    a, b = as_tensor("input", input), as_tensor("other", other)
    if (a.ndim, b.ndim) != (1, 1):
        raise ValueError(f"outer needs one axis each, got shapes {a.shape} and {b.shape}")
    return a.reshape((-1, 1)) * b


def addmm(input: ArrayLike, mat1: ArrayLike, mat2: ArrayLike, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * mat1 @ mat2."""
    bias = as_tensor("input", input)
    product = mm(as_tensor("mat1", mat1), as_tensor("mat2", mat2))
    more, most = arguments.scalar("beta", beta), arguments.scalar("alpha", alpha)
    return (bias if more == 1 else bias * more) + (product if most == 1 else product * most)


def trace(input: ArrayLike) -> Tensor:
    """The sum of a matrix' diagonal.

    Raises:
        ValueError: not two axes.
    """
    x = as_tensor("input", input)
    if x.ndim != 2:
        raise ValueError(f"trace needs two axes, got shape {x.shape}")
    return arrange.diag(x).sum()


for _name, _function in {"mm": mm, "bmm": bmm, "mv": mv, "dot": dot, "outer": outer, "addmm": addmm}.items():
    setattr(Tensor, _name, _function)

# ---- several tensors, or none ----


def cat(tensors: Sequence[Any], axis: int = 0, *, dim: int | None = None) -> Tensor:
    """Joined along an axis, as `dim` or as `axis`.

    Raises:
        ValueError: none given, or shapes that differ off that axis. TypeError: dtypes differ.
    """
    return concatenate(tensors, axis if dim is None else dim)


def stack(tensors: Sequence[Any], axis: int = 0, *, dim: int | None = None) -> Tensor:
    """Joined along a new axis, as `dim` or as `axis`.

    Raises:
        ValueError: none given, or shapes that differ. TypeError: dtypes differ.
    """
    return _stack(tensors, axis if dim is None else dim)


concat = cat


def vstack(tensors: Sequence[Any]) -> Tensor:
    """Joined along the first axis; vectors are rows."""
    return concatenate([x if x.ndim > 1 else x.reshape((1, -1)) for x in _each(tensors)], 0)


def hstack(tensors: Sequence[Any]) -> Tensor:
    """Joined along the second axis; vectors end to end."""
    given = _each(tensors)
    given = [x if x.ndim else x.reshape((1,)) for x in given]
    return concatenate(given, 0 if given and given[0].ndim == 1 else 1)


def _each(tensors: Sequence[Any]) -> list[Tensor]:
    return [as_tensor(f"tensors[{i}]", x) for i, x in enumerate(arguments.listed("tensors", tensors))]


def meshgrid(*arrays: Any, indexing: Literal["ij", "xy"] = "ij") -> tuple[Tensor, ...]:
    """Vectors spread over the grid that they span."""
    given = arrays[0] if len(arrays) == 1 and isinstance(arrays[0], (list, tuple)) else arrays
    return arrange.meshgrid(given, indexing)


def where(condition: ArrayLike, x: ArrayLike | None = None, y: ArrayLike | None = None) -> Any:
    """x where `condition` holds, else y, with broadcasting; of a condition alone the places where it holds.

    Raises:
        TypeError: a condition that is not bool, or one of x and y alone. ValueError: shapes that don't broadcast.
    """
    if x is None and y is None:
        return as_tensor("condition", condition).nonzero(as_tuple=True)
    if x is None or y is None:
        raise TypeError("where takes a condition alone, or with x and y")
    return _where(condition, x, y)


def is_tensor(value: ArrayLike) -> bool:
    """Whether it is a Tensor."""
    return isinstance(value, Tensor)


def tensordot(a: ArrayLike, b: ArrayLike, dims: Any = 2) -> Tensor:
    """The product summed over the last `dims` axes of a and the first of b, or over two lists of axes.

    Raises:
        TypeError, ValueError: axes that don't fit.
    """
    x, y = as_tensor("a", a), as_tensor("b", b)
    if not isinstance(dims, int):
        pair = arguments.listed("dims", dims, "two lists of axes")
        if len(pair) != 2:
            raise ValueError(f"dims must be a number of axes or two lists of axes, got {shown(dims)}")
        dims = [arguments.wholes(f"dims[{i}]", v) for i, v in enumerate(pair)]
    letters = "abcdefghijklmnopqrstuvwxyz"
    if isinstance(dims, int):
        left, right = list(range(x.ndim - dims, x.ndim)), list(range(dims))
    else:
        left, right = ([n % z.ndim for n in v] for v, z in zip(dims, (x, y)))
    if len(left) != len(right) or [n for n in left if not 0 <= n < x.ndim] or [n for n in right if not 0 <= n < y.ndim]:
        raise ValueError(f"dims {shown(dims)} don't fit shapes {x.shape} and {y.shape}")
    one = letters[: x.ndim]
    two = list(letters[x.ndim : x.ndim + y.ndim])
    for i, j in zip(left, right):
        two[j] = one[i]
    kept = [c for c in one if c not in two] + [c for c in two if c not in one]
    return einsum(f"{one},{''.join(two)}->{''.join(kept)}", x, y)


def cdist(x1: ArrayLike, x2: ArrayLike, p: float = 2.0) -> Tensor:
    """Distances of all rows of (..., n, d) to all rows of (..., m, d): (..., n, m)."""
    a, b = as_tensor("x1", x1), as_tensor("x2", x2)
    for name, x in (("x1", a), ("x2", b)):
        if x.ndim < 2:
            raise ValueError(f"{name} has shape {x.shape}; expected (..., rows, features)")
    return binary("sub", a.unsqueeze(-2), b.unsqueeze(-3)).norm(p, axis=-1)


def finfo(dtype: DTypeLike = None) -> np.finfo:
    """numpy's limits of float32, the one type of fractions.

    Raises:
        TypeError: another dtype.
    """
    if dtype is not None and dtype_of(dtype) is not FLOAT32:
        raise TypeError(f"dtype must be float32, not {dtype_of(dtype)}")
    return np.finfo(np.float32)


def iinfo(dtype: DTypeLike = None) -> np.iinfo:
    """numpy's limits of a type of whole numbers, default int32.

    Raises:
        TypeError: another dtype.
    """
    kind = INT32 if dtype is None else dtype_of(dtype)
    if kind.kind not in "iu":
        raise TypeError(f"dtype must be of whole numbers, not {kind}")
    return np.iinfo(kind)


__all__ = [  # what this file makes, and where what it makes comes from
    n
    for n, v in globals().items()
    if not n.startswith("_") and (v is einsum or getattr(v, "__module__", "") == __name__)
]
