"""`check --tune`: measures what is fastest on the device at hand, and keeps it where later processes find it.

The fields and their candidates are those of runtime/tuning_table.py.  Candidates take turns, and the usual value stays
unless another one is faster by a twentieth at least.
"""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from ...ops import matmul, reduce, softmax
from ...runtime import engine, tuning_table
from ...runtime.tuning import Tuning, usual
from ...tensor import Tensor, from_numpy
from ..errors import CliError

GAIN = 0.95  # of the usual value's time: less is worth a change
_FORMS = ("A B", "A B^T", "A^T B")


class Trial(NamedTuple):
    """A field, the values to try, and the work that depends on it."""

    name: str
    field: str
    values: tuple[Any, ...]
    work: Callable[[], object]


def run(quick: bool) -> int:
    """Measures, prints a line a trial, keeps the values.  Returns 0.

    Raises:
        DeviceError: no device. CliError: the file can't be written.
    """
    on = engine()
    rules, found = usual(on.info), {}
    print(f"{on.info}")
    before = on.tuning
    try:
        for trial in trials(rules):
            times = measured(trial, rules, 0.05 if quick else 0.3)
            now = getattr(rules, trial.field)
            best = chosen(times, now)
            print(f"{trial.name}: {_said(trial, best)}, {times[now] / times[best]:.2f} times as fast as usual")
            if best != now:
                found[trial.field] = best
                rules = dataclasses.replace(rules, **{trial.field: best})
        before = rules
    finally:
        on.tuning = before
    try:
        file = tuning_table.save(on.info, found)
    except (OSError, RuntimeError) as error:
        raise CliError(f"what was measured can't be kept: {error}") from error
    print(f"Kept in {file}; delete it to go back to the usual values.")
    return 0


def trials(rules: Tuning) -> Iterator[Trial]:
    """What a device that follows these rules can choose; the values hold the usual one."""

    def trial(name: str, field: str, work: Callable[[], object], values: tuple[Any, ...] = ()) -> Trial:
        values = values or tuning_table.CANDIDATES[field]
        now = getattr(rules, field)
        return Trial(name, field, values if now in values else (now, *values), work)

    rows = [_numbers(1 << 18 >> n, 1 << n) for n in (6, 7, 8, 9, 11, 13)]
    columns = [_numbers(1 << n, 1 << 18 >> n) for n in (6, 8, 10, 12)]
    yield trial("rows shared by a workgroup", "row", lambda: [softmax.softmax(x, -1) for x in rows])
    yield trial(
        "columns shared by a workgroup", "column", lambda: [reduce.reduce("sum", x, (0,), False) for x in columns]
    )
    a, b = _numbers(384, 384), _numbers(384, 384)
    for form, name in enumerate(_FORMS if not rules.lanes else ()):
        tiles = list(rules.product_tiles)
        values = [(*tiles[:form], tile, *tiles[form + 1 :]) for tile in tuning_table.PRODUCT_TILES]
        yield trial(f"tiles of {name}", "product_tiles", functools.partial(_product, form, a, b), tuple(values))
    if not engine().matrices.lacking:
        yield trial("tiles on matrix units", "matrix_tile", lambda: _product(0, a, b, "float16"))


def measured(trial: Trial, rules: Tuning, seconds: float) -> dict[Any, float]:
    """Seconds of the fastest run under each value, which take turns until each had its time."""
    on = engine()
    times: dict[Any, float] = {}
    for turn in range(100):
        for value in trial.values:
            on.tuning = dataclasses.replace(rules, **{trial.field: value})
            start = time.perf_counter()
            trial.work()
            on.stream.finish()
            took = time.perf_counter() - start
            if turn:  # the first makes pipelines
                times[value] = min(took, times.get(value, took))
        if turn > 2 and turn * sum(times.values()) > seconds * len(trial.values):
            break
    return times


def chosen(times: Mapping[Any, float], now: Any) -> Any:
    """The fastest value, or the usual one unless that gains enough."""
    best = min(times, key=lambda value: times[value])
    return best if times[best] < GAIN * times[now] else now


def _said(trial: Trial, value: Any) -> str:
    return f"{trial.field} = {value}"


def _numbers(*shape: int) -> Tensor:
    return from_numpy(np.random.default_rng(0).standard_normal(shape).astype(np.float32))


def _product(form: int, a: Tensor, b: Tensor, precision: str = "float32") -> Tensor:
    n = a.shape[0]
    return matmul.product(form, a, b, 1, n, n, n, (0, 0), precision=precision)
