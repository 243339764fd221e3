"""A pool of tensors and steps of every kind on them in turns, with numpy arrays beside that must stay equal.

All values are whole numbers, which float32 holds exactly: whatever the order of sums, nothing may differ.
"""

from __future__ import annotations

import gc
import random
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import grilly_vk
import grilly_vk.functional as F

from . import work

_MOST = 24  # tensors in the pool
_LARGEST = 1e6  # in size; float32 holds whole numbers up to 1.6e7
_LOOK = 50  # steps between looks at everything
SHAPES = [(), (1,), (5,), (64,), (3, 4), (4, 3), (1, 4), (4, 4), (2, 3, 4), (0, 3), (33, 7), (128, 65)]


class Pool:
    """Pairs of a tensor and what must be in it."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.numbers = np.random.default_rng(seed)
        self.pairs: list[tuple[grilly_vk.Tensor, np.ndarray]] = []
        self.graphs: list[Any] = []
        self.folder = tempfile.TemporaryDirectory()
        for _ in range(_MOST // 2):
            self.make()

    # ---- helpers ----

    def add(self, tensor: grilly_vk.Tensor, array: Any) -> None:
        """Takes a pair, in another one's place where the pool is full; none whose numbers are too large."""
        array = np.asarray(array)
        if array.size and array.dtype != np.bool_ and np.abs(array.astype(np.float64)).max() > _LARGEST:
            return
        array = array.astype(tensor.dtype) if array.dtype != tensor.dtype else array.copy()
        if len(self.pairs) < _MOST:
            self.pairs.append((tensor, array))
        else:
            self.pairs[self.rng.randrange(len(self.pairs))] = (tensor, array)

    def some(self, test=lambda a: True) -> tuple[grilly_vk.Tensor, np.ndarray] | None:
        """A pair whose array is fit."""
        fit = [p for p in self.pairs if test(p[1])]
        return self.rng.choice(fit) if fit else None

    def array(self, shape: tuple[int, ...], low: int = -9) -> np.ndarray:
        return self.numbers.integers(low, 10, shape).astype(np.float32)

    def floats(self, test=lambda a: True) -> tuple[grilly_vk.Tensor, np.ndarray] | None:
        return self.some(lambda a: a.dtype == np.float32 and test(a))

    # ---- steps ----

    def make(self) -> None:
        shape = self.rng.choice(SHAPES)
        dtype = self.rng.choice([np.float32, np.float32, np.float32, np.int32, np.bool_])
        array = self.array(shape).astype(dtype)
        self.add(grilly_vk.tensor(array), array)

    def forget(self) -> None:
        if len(self.pairs) > 4:
            self.pairs.pop(self.rng.randrange(len(self.pairs)))

    def binary(self) -> None:
        first = self.floats()
        second = self.floats(lambda a: first is not None and _broadcast(a.shape, first[1].shape))
        if first is None or second is None:
            return
        (x, a), (y, b) = first, second
        name = self.rng.choice(["add", "sub", "mul", "maximum", "clamp", "less", "where"])
        if name == "add":
            self.add(x + y, a + b)
        elif name == "sub":
            self.add(x - y, a - b)
        elif name == "mul":
            self.add(x * y, a.astype(np.float64) * b)
        elif name == "maximum":
            self.add(grilly_vk.maximum(x, y), np.maximum(a, b))
        elif name == "clamp":
            self.add(x.clamp(-3, 4), a.clip(-3, 4))
        elif name == "less":
            self.add(x < y, a < b)
        else:
            self.add(grilly_vk.where(x > 0, x, y), np.where(a > 0, a, b))

    def unary(self) -> None:
        pair = self.floats()
        if pair is None:
            return
        x, a = pair
        name = self.rng.choice(["neg", "abs", "relu", "sign", "scale", "cast", "clone"])
        if name == "neg":
            self.add(-x, -a)
        elif name == "abs":
            self.add(x.abs(), np.abs(a))
        elif name == "relu":
            self.add(x.relu(), np.maximum(a, 0))
        elif name == "sign":
            self.add(x.sign(), np.sign(a))
        elif name == "scale":
            self.add(x * 2.0 - 1, a.astype(np.float64) * 2 - 1)
        elif name == "cast":
            self.add(x.astype(np.int32), a.astype(np.int32))
        else:
            self.add(x.clone(), a)

    def reduced(self) -> None:
        pair = self.floats(lambda a: a.ndim > 0 and a.size > 0)
        if pair is None:
            return
        x, a = pair
        axis = self.rng.choice([None, *range(-a.ndim, a.ndim)])
        name = self.rng.choice(["sum", "max", "min", "argmax", "cumsum"])
        wide = a.astype(np.float64)
        if name == "cumsum":
            axis = 0 if axis is None else axis
            total = wide.cumsum(axis)
            if np.abs(total).max() <= _LARGEST:
                self.add(x.cumsum(axis), total)
        elif name == "sum":
            self.add(x.sum(axis), wide.sum(axis))
        elif name == "argmax":
            self.add(x.argmax(axis), wide.argmax(axis))
        else:
            self.add(getattr(x, f"a{name}")(axis), getattr(wide, name)(axis))

    def shaped(self) -> None:
        pair = self.some(lambda a: a.ndim > 0)
        if pair is None:
            return
        x, a = pair
        name = self.rng.choice(["flat", "transpose", "slice", "step", "stack", "concatenate", "index"])
        if name == "flat":
            self.add(x.reshape(-1).clone(), a.reshape(-1))
        elif name == "transpose":
            self.add(x.T.clone(), a.T)
        elif name == "slice":
            start = self.rng.randrange(len(a) + 1)
            self.add(x[start:].clone(), a[start:])
        elif name == "step":
            step = self.rng.choice([1, 2, -1, -3])
            self.add(x[..., ::step].clone(), a[..., ::step])
        elif name == "stack":
            self.add(grilly_vk.stack([x, x]), np.stack([a, a]))
        elif name == "concatenate":
            self.add(grilly_vk.cat([x, x]), np.concatenate([a, a]))
        elif len(a):
            rows = self.numbers.integers(-len(a), len(a), 3)
            self.add(x[rows.astype(np.int32)], a[rows])

    def in_place(self) -> None:
        pair = self.floats(lambda a: a.size == 0 or np.abs(a).max() < _LARGEST / 4)
        if pair is None:
            return
        x, a = pair
        name = self.rng.choice(["add", "multiply", "assign", "part", "rows", "own"])
        if name == "add":
            x += 3.0
            a += 3
        elif name == "multiply":
            x *= 2.0
            a *= 2
        elif name == "assign":
            new = self.array(a.shape)
            x.assign(new)
            a[...] = new
        elif a.ndim and len(a):
            start = self.rng.randrange(len(a))
            if name == "part":
                x[start:] = 7.0
                a[start:] = 7
            elif name == "rows":
                new = self.array(a[start:].shape)
                x[start:] = new
                a[start:] = new
            else:
                x[::-1] = x
                a[...] = a[::-1].copy()

    def product(self) -> None:
        pair = self.floats(lambda a: a.ndim == 2 and a.size > 0 and np.abs(a).max() < 1000)
        if pair is None:
            return
        x, a = pair
        w = self.array((a.shape[1], 5))
        self.add(x @ w, a.astype(np.float64) @ w)

    def gradient(self) -> None:
        pair = self.floats(lambda a: a.ndim > 0 and a.size > 0 and np.abs(a).max() < 100)
        if pair is None:
            return
        x, a = pair
        leaf = x.clone().requires_grad_()
        factor = self.array(a.shape)
        (leaf * factor + (leaf * leaf).relu()).sum().backward()
        self.add(leaf.grad, factor + 2 * a)

    def graph(self) -> None:
        pair = self.floats(lambda a: a.size > 0 and np.abs(a).max() < 1000)
        if pair is None:
            return
        x, a = pair
        with grilly_vk.capture() as recorded:
            y = x * 2.0 + 1.0
            x += 1.0
        for _ in range(self.rng.randrange(1, 4)):
            recorded.replay()
            last = a * 2 + 1
            a += 1
        self.add(y.clone(), last)
        if self.rng.random() < 0.5:
            self.graphs = [recorded, *self.graphs][:3]  # some stay, with their memory

    def saved(self) -> None:
        path = Path(self.folder.name) / "pool.safetensors"
        grilly_vk.save(path, {"pairs": [[x, a] for x, a in self.pairs]})
        for (_, a), (x, b) in zip(list(self.pairs), grilly_vk.load(path)["pairs"]):
            if self.rng.random() < 0.2:
                self.add(x, a)
            if not np.array_equal(a, b):
                raise AssertionError("an array came back changed")

    def softmax(self) -> None:
        pair = self.floats(lambda a: a.ndim == 2 and a.size > 0)
        if pair is None:
            return
        x, _ = pair
        total = F.softmax(x, -1).sum(-1).numpy()
        if np.abs(total - 1).max() > 1e-5:
            raise AssertionError(f"rows of a softmax have sums of {total.min()} to {total.max()}")

    def piece(self) -> None:
        name = self.rng.choice(list(work.PIECES))
        found = work.PIECES[name]()
        if name not in EXPECTED:
            EXPECTED[name] = found
        if not work.same(found, EXPECTED[name]):
            raise AssertionError(f"{name} gives other bits")

    def waited(self) -> None:
        self.rng.choice([grilly_vk.synchronize, gc.collect, grilly_vk.memory_stats])()

    # ---- looking ----

    def look(self) -> str:
        """What differs, if anything."""
        for i, (x, a) in enumerate(self.pairs):
            got = x.numpy()
            if got.shape != a.shape or not np.array_equal(got, a):
                where = "" if got.shape != a.shape else f", first at {np.argwhere(got != a)[0].tolist()}"
                return f"tensor {i} of shape {a.shape} and {a.dtype} is not what it should be{where}"
        return ""


EXPECTED: dict[str, list[np.ndarray]] = {}
WEIGHTS = {
    "make": 8, "forget": 4, "binary": 20, "unary": 12, "reduced": 10, "shaped": 12, "in_place": 12, "product": 5,
    "gradient": 5, "graph": 3, "saved": 1, "softmax": 3, "piece": 2, "waited": 3,
}  # fmt: skip


def _broadcast(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    try:
        np.broadcast_shapes(a, b)
    except ValueError:
        return False
    return True


def run(count: int, seed: int, tell) -> None:
    """One pool, all steps."""
    pool = Pool(seed)
    last: list[str] = []
    for step in range(count):
        (name,) = pool.rng.choices(list(WEIGHTS), WEIGHTS.values())
        last = [*last[-_LOOK:], name]
        try:
            getattr(pool, name)()
            said = pool.look() if step % _LOOK == _LOOK - 1 or step == count - 1 else ""
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
        if said:
            tell.fault(f"step {step}, seed {seed}: {said}; the last steps were {' '.join(last)}")
            pool = Pool(seed + step + 1)
            last = []
        tell.done()
