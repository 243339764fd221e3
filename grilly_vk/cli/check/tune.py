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
    """A field, or one place of a field that is a tuple, the values to try there, and the work that depends on it."""

    name: str
    field: str
    values: tuple[Any, ...]
    work: Callable[[], object]
    place: int | None = None

    def of(self, rules: Tuning) -> Any:
        """The value that these rules have there."""
        held = getattr(rules, self.field)
        return held if self.place is None else held[self.place]

    def put(self, rules: Tuning, value: Any) -> Tuning:
        """The rules with another value there."""
        if self.place is not None:
            held = getattr(rules, self.field)
            value = (*held[: self.place], value, *held[self.place + 1 :])
        return dataclasses.replace(rules, **{self.field: value})


def run(quick: bool) -> int:
    """Measures, prints a line a trial, keeps the values.  Returns 0.

    Raises:
        DeviceError: no device. CliError: the file can't be written.
    """
    on = engine()
    rules, found = usual(on.info), {}
    print(f"{on.info}")
    before, by_host = on.tuning, on.host_products
    on.host_products = False  # it would do the products that kernels are measured by
    try:
        for trial in trials(rules):
            times = measured(trial, rules, 0.05 if quick else 0.3)
            now = trial.of(rules)
            best = chosen(times, now)
            print(f"{trial.name}: {trial.field} = {best}, {times[now] / times[best]:.2f} times as fast as usual")
            if best != now:
                rules = trial.put(rules, best)
                found[trial.field] = getattr(rules, trial.field)
        before = rules
    finally:
        on.tuning, on.host_products = before, by_host
    try:
        file = tuning_table.save(on.info, found)
    except (OSError, RuntimeError) as error:
        raise CliError(f"what was measured can't be kept: {error}") from error
    print(f"Kept in {file}; delete it to go back to the usual values.")
    return 0


def trials(rules: Tuning) -> Iterator[Trial]:
    """What a device that follows these rules can choose; the values hold the usual one."""

    def trial(name: str, field: str, work: Callable[[], object], place: int | None = None) -> Trial:
        values = tuning_table.CANDIDATES[field] if place is None else tuning_table.PRODUCT_TILES
        one = Trial(name, field, values, work, place)
        now = one.of(rules)
        return one if now in values else one._replace(values=(now, *values))

    rows = [_numbers(1 << 18 >> n, 1 << n) for n in (6, 7, 8, 9, 11, 13)]
    columns = [_numbers(1 << n, 1 << 18 >> n) for n in (6, 8, 10, 12)]
    yield trial("rows shared by a workgroup", "row", lambda: [softmax.softmax(x, -1) for x in rows])
    yield trial(
        "columns shared by a workgroup", "column", lambda: [reduce.reduce("sum", x, (0,), False) for x in columns]
    )
    a, b = _numbers(384, 384), _numbers(384, 384)
    for form, name in enumerate(_FORMS if not rules.lanes else ()):
        yield trial(f"tiles of {name}", "product_tiles", functools.partial(_product, form, a, b), form)
    if not engine().matrices.lacking:
        yield trial("tiles on matrix units", "matrix_tile", lambda: _product(0, a, b, "float16"))


def measured(trial: Trial, rules: Tuning, seconds: float) -> dict[Any, float]:
    """Seconds of the fastest run under each value, which take turns until each had its time."""
    on = engine()
    times: dict[Any, float] = {}
    for turn in range(100):
        for value in trial.values:
            on.tuning = trial.put(rules, value)
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


def _numbers(*shape: int) -> Tensor:
    return from_numpy(np.random.default_rng(0).standard_normal(shape).astype(np.float32))


def _product(form: int, a: Tensor, b: Tensor, precision: str = "float32") -> Tensor:
    n = a.shape[0]
    return matmul.product(form, a, b, 1, n, n, n, (0, 0), precision=precision)
