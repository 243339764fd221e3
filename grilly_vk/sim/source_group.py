"""Groups of spike sources: all sources of one kind, what the device holds of them, and how they fire."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ranks import ALONE, Ranks
from ..runtime.engine import Engine
from ..runtime.kernel import Kernel
from ..tensor import UINT32, Tensor, from_numpy, full
from .group import Members
from .population import Population
from .source_kinds import ListedKind, RandomKind, RegularKind, SourceKind

_SOURCE = Kernel("sim-source")
_PLAY = Kernel("sim-play", over=lambda a: 64 * a["steps"])
_RANDOM, _REGULAR = 0, 1


class SourceGroup(Members):
    """Sources of one kind.

    Attributes:
        width: their places on the device, at least one.
        arguments: of a launch.
    """

    def __init__(
        self,
        engine: Engine,
        kind: SourceKind,
        populations: list[Population],
        first: int,
        dt: float,
        ranks: Ranks = ALONE,
    ) -> None:
        super().__init__(engine, populations, first, dt, ranks)
        self.kind = kind
        self.width = max(1, self.n)
        self.arguments: dict[str, Any] = {}
        for p in populations:
            kind.check(self._given(p), p.size, dt)

    @staticmethod
    def of(engine: Engine, kind: SourceKind, *rest: Any) -> SourceGroup:
        """The group that sources of this kind need."""
        made = {ListedKind: ListedGroup, RegularKind: RegularGroup}.get(type(kind), RandomGroup)
        return made(engine, kind, *rest)

    def prepare(self, batch: int, shared: dict[str, Tensor], total: int, key: tuple[int, int]) -> None:
        """Makes what a launch takes, once the batch is known."""
        self.arguments = dict(
            count=shared["count"], list=shared["list"], n=self.n, total=total, B=batch,
            first=self.first + self.ranks.rank, key0=key[0], key1=key[1], RANKS=self.ranks.size,
        )  # fmt: skip

    def _rows(self, rows: np.ndarray) -> np.ndarray:
        """This rank's part of numbers of all sources, with a column at least."""
        out = np.zeros((len(rows), self.width), np.uint32)
        out[:, : self.n] = self.ranks.own(rows)
        return out

    def _given(self, population: Population) -> dict[str, Any]:
        return {name: population.get(name) for name in self.kind.parameters}


class RandomGroup(SourceGroup):
    """Sources that fire at random."""

    kind: RandomKind

    def prepare(self, batch: int, shared: dict[str, Tensor], total: int, key: tuple[int, int]) -> None:
        """See `SourceGroup.prepare`."""
        super().prepare(batch, shared, total, key)
        self.state = full((1, self.width), 0, UINT32, self.engine)
        number, table = self._tables()
        self.arguments.update(
            state=self.state, number=from_numpy(number, on=self.engine), table=from_numpy(table, on=self.engine),
            KIND=_RANDOM,
        )  # fmt: skip

    def _tables(self) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the sources, and the table of all rates that they have, each once."""
        known: dict[bytes, tuple[int, int]] = {}
        tables: list[np.ndarray] = []
        number, i, size = np.zeros((3, self.all), np.uint32), 0, 0
        for p in self.populations:
            chances, order = self.kind.chances(self._given(p), self.dt, p.size)
            number[2, i : i + p.size] = order
            for each in chances:
                key = each.tobytes()
                if key not in known:
                    known[key] = size, size + len(each)
                    size += len(each)
                    tables.append(each)
                number[:2, i] = known[key]
                i += 1
        out = np.zeros((1 << max(4, size - 1).bit_length(), 2), np.uint32)  # grows seldom
        out[:size] = np.concatenate([out[:0], *tables])
        return self._rows(number), out

    def assign(self, population: Population, indices: np.ndarray, values: dict[str, Any], now: int) -> bool:
        """See `Members.assign`."""
        number, table = self._tables()
        self.arguments["number"].assign(number)
        return _renewed(self.arguments, "table", table, self.engine)

    def changing(self) -> dict[str, Tensor]:
        """See `Members.changing`."""
        return {"state": self.state}

    def restart(self) -> None:
        """See `Members.restart`."""
        self.state.assign(np.zeros(self.state.shape, np.uint32))

    def advance(self, steps: int) -> None:
        """See `Members.advance`."""
        if self.n:
            _SOURCE(self.engine, steps=steps, work=self.n * steps * 16, **self.arguments)


class RegularGroup(SourceGroup):
    """Sources that fire at equal intervals."""

    kind: RegularKind

    def prepare(self, batch: int, shared: dict[str, Tensor], total: int, key: tuple[int, int]) -> None:
        """See `SourceGroup.prepare`."""
        super().prepare(batch, shared, total, key)
        self.state = from_numpy(self._due(), on=self.engine)
        number = from_numpy(self._numbers(), on=self.engine)
        self.arguments.update(state=self.state, number=number, table=None, KIND=_REGULAR)

    def _numbers(self) -> np.ndarray:
        rows = [self.kind.numbers(self._given(p), self.dt, p.size) for p in self.populations]
        return self._rows(np.concatenate(rows, axis=1))

    def _due(self, now: int = 0) -> np.ndarray:
        rows = [self.kind.next(self._given(p), self.dt, p.size, now) for p in self.populations]
        return self._rows(np.concatenate(rows, axis=1))

    def assign(self, population: Population, indices: np.ndarray, values: dict[str, Any], now: int) -> bool:
        """See `Members.assign`."""
        self.arguments["number"].assign(self._numbers())
        due, held = self._due(now), self.state.numpy().copy()
        _, places = self.ranks.places(self.begins[population] + indices)
        held[:, places] = due[:, places]
        self.state.assign(held)
        return False

    def changing(self) -> dict[str, Tensor]:
        """See `Members.changing`."""
        return {"state": self.state}

    def restart(self) -> None:
        """See `Members.restart`."""
        self.state.assign(self._due())

    def advance(self, steps: int) -> None:
        """See `Members.advance`."""
        if self.n:
            _SOURCE(self.engine, steps=steps, work=self.n * steps * 4, **self.arguments)


class ListedGroup(SourceGroup):
    """Sources that fire at listed times."""

    def prepare(self, batch: int, shared: dict[str, Tensor], total: int, key: tuple[int, int]) -> None:
        """See `SourceGroup.prepare`."""
        super().prepare(batch, shared, total, key)
        for name in ("first", "key0", "key1", "RANKS"):
            del self.arguments[name]
        self.arguments["event"] = from_numpy(self._events(), on=self.engine)

    def _events(self) -> np.ndarray:
        """Numbers of the sources, by step; notes the steps."""
        lists = [times for p in self.populations for times in p.get("times")]
        number = np.repeat(np.arange(self.all), [len(times) for times in lists])
        step = np.rint(np.concatenate([np.zeros(0), *lists]) / self.dt).astype(np.int64) - 1
        mine, _ = self.ranks.places(number)
        order = np.lexsort((number[mine], step[mine]))
        step, number = step[mine][order], number[mine][order]
        first = np.ones(len(step), bool)  # of several spikes of one source in one step
        first[1:] = (np.diff(step) > 0) | (np.diff(number) > 0)
        self.steps, number = step[first], self.first + number[first]
        out = np.zeros(1 << max(4, len(number) - 1).bit_length(), np.uint32)  # grows seldom
        out[: len(number)] = number
        return out

    def assign(self, population: Population, indices: np.ndarray, values: dict[str, Any], now: int) -> bool:
        """See `Members.assign`."""
        return _renewed(self.arguments, "event", self._events(), self.engine)

    def rows_for(self, longest: int) -> None:
        """See `Members.rows_for`."""
        self.arguments.update(chunk=longest, place=full((longest, 2), 0, UINT32, self.engine))

    def inject(self, first: int, steps: int) -> None:
        """See `Members.inject`: where the events of each step are."""
        place = self.arguments["place"]
        values = place.numpy().copy()
        edges = np.searchsorted(self.steps, np.arange(first, first + steps + 1))
        values[np.arange(first, first + steps) % len(values)] = np.stack([edges[:-1], edges[1:]], axis=1)
        place.assign(values)

    def changing(self) -> dict[str, Tensor]:
        """See `Members.changing`: the clock says what is next."""
        return {}

    def restart(self) -> None:
        """See `Members.restart`."""

    def advance(self, steps: int) -> None:
        """See `Members.advance`."""
        if self.n:
            _PLAY(self.engine, steps=steps, work=self.n * steps, **self.arguments)


def _renewed(arguments: dict[str, Any], name: str, values: np.ndarray, engine: Engine) -> bool:
    """Puts values in the place of others; whether that took a new tensor."""
    held: Tensor = arguments[name]
    if held.shape == values.shape:
        held.assign(values)
        return False
    arguments[name] = from_numpy(values, on=engine)
    return True
