"""One record per operation: from it tests/test_ops.py makes every test of that operation.

Adding an op touches its shader, its file in grilly_vk/ops, and the records file of its family here
(tests/helpers/records_*.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
