"""Whether work that depends on earlier work waits for it: long chains, graphs replayed in flight, uploads in between.

All values are whole numbers that float32 or int32 hold, so results must be exact.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

import grilly_vk as g

from ...tensor import from_numpy, full
from .runner import CUT, PASS, Check, Failed, Found, Time

HINT = (
    "work ran before what it depends on was done. Try again with GRILLY_VK_FEATURES=0; if it stays, send the row and "
    "the driver's version"
)


def checks() -> list[Check]:
    """The rows about order."""
    small, large = functools.partial(_chain, 257, 3000), functools.partial(_chain, 1 << 20, 300)
    rows: list[tuple[str, Callable[[Time], Found]]] = [
        ("chain over 257 values", small),
        ("chain over 1,048,576 values", large),
        ("writing what was read", _written_after_read),
        ("graph replayed in flight", _replays),
        ("uploads between dispatches", _uploads),
        ("new inputs between replays", _inputs),
    ]
    return [Check("order under load", name, run, HINT, 12.0) for name, run in rows]


def _expect(what: str, got: np.ndarray, expected: np.ndarray) -> None:
    wrong = np.flatnonzero(got.reshape(-1) != expected.reshape(-1))
    if wrong.size:
        at = int(wrong[0])
        values = f"{got.reshape(-1)[at]!s} in place of {expected.reshape(-1)[at]!s}"
        raise Failed(f"{what}: {wrong.size} of {got.size} values are wrong, the first at {at}: {values}")


def _chain(n: int, length: int, time: Time) -> Found:
    """int32, x = 3 x + i: each dispatch reads what the one before wrote."""
    start = np.arange(n, dtype=np.int32)
    x, expected, done = from_numpy(start), start.copy(), 0
    for i in range(length // 10 if time.quick else length):
        if time.left < 2:
            break
        x = x * 3 + i
        expected = expected * np.int32(3) + np.int32(i)
        done += 2
    _expect(f"after {done} dependent dispatches", x.numpy(), expected)
    status = PASS if time.left >= 2 else CUT
    return Found(f"{done} dependent dispatches, exact", status, {"dispatches": done})


def _written_after_read(time: Time) -> Found:
    """Two buffers that take turns: a += b, b = a - b is a walk through the Fibonacci numbers, modulo 2**32."""
    n, rounds = 4099, 60 if time.quick else 600
    a, b = from_numpy(np.arange(n, dtype=np.int32)), from_numpy(np.ones(n, np.int32))
    p, q = np.arange(n, dtype=np.int32), np.ones(n, np.int32)
    for _ in range(rounds):
        a.assign(a + b)
        b.assign(a - b)
        p = p + q
        q = p - q
    _expect("first buffer", a.numpy(), p)
    _expect("second buffer", b.numpy(), q)
    return Found(f"{4 * rounds} dispatches on two buffers, exact")


def _replays(time: Time) -> Found:
    """A graph whose replays need each other's results, issued without waiting."""
    results = []
    for n, replays in ((63, 1000), (1 << 18, 200)):
        replays = replays // 10 if time.quick else replays
        state, step = full((n,), 0.0), from_numpy((np.arange(n) % 5 + 1).astype(np.float32))
        with g.capture() as graph:
            for _ in range(4):
                state.assign(state + step)
        done = 0
        while done < replays and time.left > 2:
            graph.replay()
            done += 1
        _expect(f"{n} values", state.numpy(), (np.arange(n) % 5 + 1).astype(np.float32) * (4 * done))
        results.append(done)
    return Found(f"{results[0]} replays of a small graph and {results[1]} of a large one, exact", PASS)


def _uploads(time: Time) -> Found:
    """The host writes new tensors while earlier submits run: freed memory must not be written too early."""
    rounds, n = (30, 50_021) if time.quick else (300, 50_021)
    total, expected = full((n,), 0.0), np.zeros(n, np.float32)
    base = (np.arange(n) % 7).astype(np.float32)
    for i in range(rounds):
        total = total + from_numpy(base + i)
        expected += base + i
        if i % 3 == 2:
            total.engine.stream.flush()
        if i % 50 == 49:
            _expect(f"after {i + 1} uploads", total.numpy(), expected)
    _expect(f"after {rounds} uploads", total.numpy(), expected)
    return Found(f"{rounds} uploads with submits in flight, exact")


def _inputs(time: Time) -> Found:
    """A graph's input is assigned anew before each replay, and its result read now and then."""
    rounds, n = (20, 10_007) if time.quick else (200, 10_007)
    x, total = full((n,), 0.0), full((n,), 0.0)
    with g.capture() as graph:
        doubled = x * 2.0
        total.assign(total + doubled)
    base, expected = (np.arange(n) % 11).astype(np.float32), np.zeros(n, np.float32)
    for i in range(rounds):
        x.assign(base + i)
        graph.replay()
        expected += 2 * (base + i)
        if i % 20 == 0:
            _expect(f"replay {i}", doubled.numpy(), 2 * (base + i))
    _expect(f"after {rounds} replays", total.numpy(), expected)
    return Found(f"{rounds} replays with new inputs, exact")
