"""One record per operation: from it tests/test_ops.py makes every test of that operation.

Adding an op touches its shader, its file in grilly_vk/ops, and the records file of its family here
(tests/helpers/records_*.py).  What each record is turned into:

- forward, shape and dtype of each sample, against the float64 reference;
- gradients of each sample, against central differences of the reference;
- input that is no block of its own: transposed and strided numpy arrays, and tensors that are views into a larger
  buffer, at an offset that is no multiple of 16 bytes, with NaN around; results, gradients and incoming gradients
  (views, too) must be those of contiguous input, and what lies around must be untouched;
- the same bits twice, whatever the memory held before;
- bad input: each error, and that the next call works;
- a check that the samples and errors cover what they should (`ASPECTS`), or that the record says why not.

`tools/validate` runs all of it under Khronos' validation layer with synchronization validation, where any message
is a failure: that is each op's validation test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Sample:
    """One call: arrays (float32 unless they are int or bool) that become Tensors, and keyword options.

    `grad` says which arrays get gradients (default: all float32 ones).
    """

    arrays: Sequence[np.ndarray]
    options: dict[str, Any] = field(default_factory=dict)
    grad: Sequence[int] | None = None


@dataclass
class Op:
    """One operation.

    Args:
        name: for the test ids; the same as the public name.
        run: takes Tensors and options, returns a Tensor (or a tuple of them).
        reference: the same in float64 numpy, written independently.
        samples: calls that are compared; shapes should include odd sizes, one element, broadcasting, empty.
        errors: (arguments, options, error type, pattern of its message).
        rtol, atol: of the forward result, justified by float32.
        grad_rtol, grad_atol: of gradients, against central differences of the float64 reference.
        differentiable: False for comparisons, indices and the like.
        exact: whether bits are the same wherever the input lies; False where sums of four elements at a time and of
            single ones differ.
        arrays: whether `run` takes numpy arrays in place of Tensors (the methods of Tensor don't).
        without: aspect -> why no sample covers it.
    """

    name: str
    run: Callable[..., Any]
    reference: Callable[..., Any]
    samples: Sequence[Sample]
    errors: Sequence[tuple[Sequence[Any], dict[str, Any], type[Exception], str]] = ()
    rtol: float = 2e-6
    atol: float = 2e-6
    grad_rtol: float = 1e-4
    grad_atol: float = 2e-5
    differentiable: bool = True
    exact: bool = True
    arrays: bool = True
    without: Mapping[str, str] = field(default_factory=dict)


def _sizes(op: Op) -> list[int]:
    return [a.size for s in op.samples for a in s.arrays]


def _broadcasts(sample: Sample) -> bool:
    """Whether arrays of different shapes meet that numpy would stretch to one."""
    shapes = {a.shape for a in sample.arrays if a.size}
    try:
        whole = np.broadcast_shapes(*shapes)
    except ValueError:
        return False
    return len(shapes) > 1 and len(shapes - {whole}) > 0


# What the samples of a record must cover; an op of one array has nothing to broadcast.
ASPECTS: dict[str, Callable[[Op], bool]] = {
    "empty": lambda op: 0 in _sizes(op),
    "odd": lambda op: any(n > 4 and n % 4 for n in _sizes(op)),
    "four": lambda op: any(n and n % 4 == 0 for n in _sizes(op)),  # what vec4 variants are for
    "broadcast": lambda op: all(len(s.arrays) < 2 for s in op.samples) or any(map(_broadcasts, op.samples)),
    "errors": lambda op: bool(op.errors),
}


def normal(*shape: int, seed: int = 0, low: float | None = None, high: float | None = None) -> np.ndarray:
    """Standard normal float32 values, or uniform in [low, high]."""
    rng = np.random.default_rng([seed, *shape])
    if low is not None and high is not None:
        return rng.uniform(low, high, shape).astype(np.float32)
    return rng.standard_normal(shape).astype(np.float32)


def apart(*shape: int, seed: int = 0, gap: float = 0.05) -> np.ndarray:
    """Distinct values at least `gap` apart and off zero: no ties, no kinks within a difference quotient's step."""
    count = int(np.prod(shape))
    values = (np.arange(count) - count // 2 + 0.5) * gap
    return np.random.default_rng([seed, *shape]).permutation(values).reshape(shape).astype(np.float32)
