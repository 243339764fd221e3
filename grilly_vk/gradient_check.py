"""Checks a gradient against difference quotients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import arguments, autograd
from .errors import shown
from .tensor import FLOAT32, Tensor, from_numpy


def _several(result: Any) -> list[Any]:
    return list(result) if isinstance(result, (tuple, list)) else [result]


def gradcheck(
    fn: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    *,
    reference: Callable[..., Any] | None = None,
    eps: float | None = None,
    rtol: float = 1e-2,
    atol: float = 1e-3,
) -> bool:
    """Compares the gradients of fn with central differences of fourth order, for a random combination of its results.

    The device computes in float32, so that differences of fn itself are good to three digits or so, where it is
    smooth within 2 * eps around the inputs.  With a float64 `reference` they are good to float32's own precision.

    Args:
        fn: takes the inputs and gives a Tensor or a tuple of them.
        inputs: what fn takes; gradients are checked for float32 Tensors with requires_grad.
        reference: the same function on float64 numpy arrays, for the differences.
        eps: step; default 1e-2, or 1e-4 with a reference.
        rtol, atol: allowed difference; give rtol=1e-4, atol=1e-5 or so with a reference.

    Returns:
        True.

    Raises:
        ValueError: no input with requires_grad, or no result on the tape.
        AssertionError: a gradient differs; the message names the input and shows both.
    """
    arguments.function("fn", fn)
    given = [inputs] if isinstance(inputs, Tensor) else arguments.listed("inputs", inputs)
    checked = [i for i, t in enumerate(given) if isinstance(t, Tensor) and t.requires_grad]
    if not checked:
        came = f"{type(inputs).__name__} ({shown(inputs)})"
        raise ValueError(f"inputs must hold a Tensor with requires_grad=True, not {came}")
    for name, number in (("rtol", rtol), ("atol", atol), *([] if eps is None else [("eps", eps)])):
        arguments.non_negative(name, number)
    if reference is not None:
        arguments.function("reference", reference)
    step = eps if eps is not None else (1e-2 if reference is None else 1e-4)
    outputs = [o for o in _several(fn(*given)) if isinstance(o, Tensor)]
    live = [i for i, o in enumerate(outputs) if o.requires_grad]
    if not live:
        raise ValueError("no result of fn depends on an input with requires_grad=True")
    rng = np.random.default_rng(0)
    seeds = {i: rng.uniform(0.5, 1.5, outputs[i].shape).astype(np.float32) for i in live}
    gradients = autograd.grad(
        [outputs[i] for i in live], [given[i] for i in checked], [from_numpy(seeds[i]) for i in live]
    )
    base = [
        t.numpy().astype(np.float64 if t.dtype is FLOAT32 else t.dtype) if isinstance(t, Tensor) else t for t in given
    ]

    def value(arrays: list[Any]) -> float:
        if reference is not None:
            results = _several(reference(*arrays))
        else:
            moved = [
                from_numpy(np.asarray(a, t.dtype, order="C")) if isinstance(t, Tensor) else t
                for a, t in zip(arrays, given)
            ]
            with autograd.no_grad():
                results = [np.asarray(o, np.float64) for o in _several(fn(*moved)) if isinstance(o, Tensor)]
        return float(sum((np.asarray(results[i], np.float64) * s).sum() for i, s in seeds.items()))

    for k, gradient in zip(checked, gradients):
        want = np.zeros(base[k].shape)
        for at in np.ndindex(*want.shape):
            values = []
            for shift in (-2, -1, 1, 2):
                arrays = [a.copy() if i == k else a for i, a in enumerate(base)]
                arrays[k][at] += shift * step
                values.append(value(arrays))
            want[at] = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * step)
        got = np.zeros(want.shape) if gradient is None else gradient.numpy()
        if not np.allclose(got, want, rtol=rtol, atol=atol):
            bad = np.unravel_index(np.argmax(~np.isclose(got, want, rtol=rtol, atol=atol)), want.shape)
            where = "" if want.ndim == 0 else f" at {tuple(int(i) for i in bad)}"
            raise AssertionError(
                f"gradient of input {k}, shape {want.shape}: {got[bad]:.6g}{where}, "
                f"but differences give {want[bad]:.6g}"
            )
    return True
