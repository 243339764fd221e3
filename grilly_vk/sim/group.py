"""Groups: all neurons of one model, what the device holds of them, and their advance by a batch of steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ranks import ALONE, Ranks
from ..runtime.engine import Engine
from ..runtime.kernel import Kernel
from ..tensor import INT32, Tensor, from_numpy, full
from .currents import NoisyCurrent
from .delivery import Delivery
from .injection import Injection
from .model import Model
from .noise import NoiseCurrents
from .poisson import PoissonInput, Tables
from .population import Population

ADVANCE = Kernel("sim-advance", fours="n row")
INPUTS = 4  # Poisson inputs of a neuron, see sim-frame.glsl


def up(n: int, to: int) -> int:
    """The next multiple."""
    return -(-n // to) * to


class Members:
    """Populations one behind the other.

    Attributes:
        all, n: how many neurons, and how many of them are this rank's.
        first: the first one's number in the network.
        begins: where each population begins.
        sampled, every: states that are recorded, and each how many steps; none.
        delivery: what brings spikes here; None: nothing does.
    """

    sampled: tuple[str, ...] = ()
    every = 1
    delivery: Delivery | None = None

    def __init__(self, engine: Engine, populations: list[Population], first: int, dt: float, ranks: Ranks) -> None:
        self.engine, self.populations, self.first, self.dt, self.ranks = engine, populations, first, dt, ranks
        self.begins: dict[Population, int] = {}
        n = 0
        for population in populations:
            self.begins[population] = n
            population.global_first = first + n
            n += population.size
        self.all, self.n = n, ranks.count(n)

    def inject(self, first: int, steps: int) -> None:
        """Writes what the steps first .. first + steps - 1 need."""

    def rows_for(self, longest: int) -> None:
        """Makes room for what so many steps need and leave."""

    def advance(self, steps: int) -> None:
        """Issues the advance of a batch."""

    def samples(self, first: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """Steps after which states were sampled in first .. first + steps - 1, counted from 1, and the samples."""
        raise NotImplementedError

    def assign(self, population: Population, indices: np.ndarray, values: dict[str, Any], now: int) -> bool:
        """Takes up values of parameters and states that a population was given before step `now`.

        Returns:
            Whether launches change by it.
        """
        raise NotImplementedError

    def changing(self) -> dict[str, Tensor]:
        """What a run changes of each neuron, along the last axis."""
        raise NotImplementedError

    def load(self, name: str, own: np.ndarray) -> None:
        """Takes up such values, of this rank's neurons."""
        tensor = self.changing()[name]
        values = np.zeros(tensor.shape, tensor.dtype)
        values[..., : self.n] = own
        tensor.assign(values)

    def restart(self) -> None:
        """Back to time 0."""
        raise NotImplementedError


class Group(Members):
    """Neurons of one model on the device."""

    def __init__(
        self,
        engine: Engine,
        model: Model,
        populations: list[Population],
        first: int,
        dt: float,
        ranks: Ranks = ALONE,
    ) -> None:
        super().__init__(engine, populations, first, dt, ranks)
        self.model = model
        self.width = up(max(self.n, 1), 4)
        self.state = from_numpy(self._padded(self._initial()), on=engine)
        self.wait = full((self.width,), 0, INT32, engine)
        self.numbers = self._numbers()
        self.number = from_numpy(self._padded(self.numbers), on=engine)
        self.kernel = ADVANCE.compiled(model.kernel_suffix)
        self.noise: list[tuple[int, np.ndarray, np.ndarray]] = []  # receptor, events a step, weight
        self.signals: list[tuple[Injection, ...]] = [()]  # electrodes whose currents add up; the first has none
        self.columns = 0
        self.arguments: dict[str, Any] = {}

    @staticmethod
    def of(engine: Engine, model: Model, populations: list[Population], first: int, dt: float, ranks: Ranks) -> Group:
        """The group, with the interval at which its populations are sampled.

        Raises:
            ValueError: there are several.
        """
        group = Group(engine, model, populations, first, dt, ranks)
        intervals = {p.every for p in populations if p.sampled}
        if len(intervals) > 1:
            raise ValueError(f"states of {model.name} are recorded every {sorted(map(str, intervals))} ms; give one")
        every = intervals.pop() if intervals else None
        group.every = 1 if every is None else max(1, round(every / dt))
        return group

    def _padded(self, rows: np.ndarray) -> np.ndarray:
        out = np.zeros((max(1, len(rows)), self.width), np.float32)
        out[: len(rows), : self.n] = rows
        if self.n and len(rows):
            out[: len(rows), self.n :] = rows[:, -1:]  # what no neuron is, computes what the last one does
        return out

    def _initial(self) -> np.ndarray:
        parts = []
        for p in self.populations:
            values = self.model.initial(p.parameters, p.size)
            for name, value in p.initial.items():
                values[list(self.model.states).index(name)] = value
            parts.append(values)
        return self.ranks.own(np.concatenate(parts, axis=1))

    def _numbers(self) -> np.ndarray:
        rows = [self.model.numbers(p.parameters, self.dt, p.size) for p in self.populations]
        return self.ranks.own(np.concatenate(rows, axis=1))

    def renumber(self) -> None:
        """Takes up parameters that populations were given."""
        self.numbers = self._numbers()
        self.number.assign(self._padded(self.numbers))
        self.arguments.update(EACH=self._each())

    def assign(self, population: Population, indices: np.ndarray, values: dict[str, Any], now: int) -> bool:
        """See `Members.assign`."""
        states = {n: v for n, v in values.items() if n in self.model.states}
        if states:
            held = self.state.numpy()
            mine, places = self.ranks.places(self.begins[population] + indices)
            for name, value in states.items():
                held[list(self.model.states).index(name), places] = np.broadcast_to(value, mine.shape)[mine]
            self.state.assign(held)
        if len(states) == len(values):
            return False
        self.renumber()
        return True

    def samples(self, first: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """See `Members.samples`."""
        begin, end = first // self.every, (first + steps) // self.every
        which = np.arange(begin, end)
        values = self.arguments["samples"].numpy()
        return (which + 1) * self.every * 1.0, values[which % self.arguments["rows"]]

    def changing(self) -> dict[str, Tensor]:
        """See `Members.changing`."""
        assert self.delivery is not None
        return {"state": self.state, "wait": self.wait, "ring": self.delivery.ring}

    def load(self, name: str, own: np.ndarray) -> None:
        """See `Members.load`."""
        if name == "state":
            self.state.assign(self._padded(own))
        else:
            super().load(name, own)

    def restart(self) -> None:
        """See `Members.restart`."""
        assert self.delivery is not None
        self.state.assign(self._padded(self._initial()))
        self.wait.assign(np.zeros(self.wait.shape, np.int32))
        self.delivery.ring.assign(np.zeros(self.delivery.ring.shape, np.int32))

    def _each(self) -> int:
        bits = 0
        for j, row in enumerate(self.numbers):
            bits |= int(self.n > 0 and bool((row != row[0]).any())) << min(j, 31)
        return bits

    def add_noise(self, given: PoissonInput) -> None:
        """Notes a Poisson input, beside those of other neurons where it can.

        Raises:
            ValueError: a neuron has more than four.
        """
        receptor = self.model.receptors.index(given.receptor)
        where = self.begins[given.target.population] + given.target.indices
        for to, events, weight in self.noise:  # noqa: B007
            if to == receptor and not events[where].any():
                break
        else:
            if len(self.noise) == INPUTS:
                raise ValueError(
                    f"a neuron hears at most {INPUTS} Poisson inputs of different weights; add up their rates"
                )
            events, weight = np.zeros(self.all), np.zeros(self.all)
            self.noise.append((receptor, events, weight))
        events[where] = given.rate * (self.dt / 1000)
        weight[where] = given.weight

    def prepare(
        self,
        delivery: Delivery,
        batch: int,
        shared: dict[str, Tensor],
        total: int,
        tables: Tables,
        key: tuple[int, int],
    ) -> None:
        """Makes what a launch takes, once the delays and so the batch are known."""
        engine, width = self.engine, self.width
        self.delivery = delivery
        delivery.clock(shared["count"], shared["list"])
        rows = max(1, len(self.noise))
        of, weight = np.full((rows, width), -1, np.int32), np.zeros((rows, width), np.float32)
        for q, (_, events, strength) in enumerate(self.noise):
            of[q, : self.n], weight[q, : self.n] = self.ranks.own(tables.of(events)), self.ranks.own(strength)
        receptors = [to for to, _, _ in self.noise] or [0]
        watch = np.full(width, -1, np.int32)
        names: list[str] = []
        for p, begin in self.begins.items():
            mine = np.zeros(p.size, bool)
            for name, where in p.sampled.items():
                names += [name] * (name not in names)
                mine |= where
            _, at = self.ranks.places(begin + np.flatnonzero(mine))
            watch[at] = self.columns + np.arange(len(at))
            self.columns += len(at)
        self.sampled = tuple(name for name in self.model.states if name in names)
        self.watch = watch
        signal_of = self._signals(key)
        bits = sum(1 << j for j, name in enumerate(self.model.states) if name in self.sampled)
        self.arguments = dict(
            state=self.state, wait=self.wait, number=self.number, ring=delivery.ring,
            scale=from_numpy(np.asarray(delivery.scale, np.float32), on=engine),
            count=shared["count"], list=shared["list"],
            noise_of=from_numpy(of, on=engine), noise_weight=from_numpy(weight, on=engine),
            noise_receptor=from_numpy(np.array(receptors, np.uint32), on=engine),
            signal=None, signal_of=from_numpy(signal_of, on=engine), chunk=1, signals=len(self.signals),
            noises=self.currents.columns,
            watched=from_numpy(watch, on=engine), samples=None,
            n=width, slots=delivery.slots, row=delivery.width, total=total, last=self.n,
            first=self.first + self.ranks.rank, RANKS=self.ranks.size,
            key0=key[0], key1=key[1], every=self.every, rows=1, columns=max(1, self.columns),
            B=batch, EACH=self._each(), NOISE=len(self.noise), SAMPLED=bits,
            INJECT=2 if self.currents.columns else int(len(self.signals) > 1),
            HEARD=sum(1 << r for r in {p.receptor for p in delivery.projections if p.total}),
        )  # fmt: skip

    def _signals(self, key: tuple[int, int]) -> np.ndarray:
        """Which of the signals each neuron hears, and which column of noise, int32 (2, width)."""
        heard: list[list[Injection]] = [[] for _ in range(self.all)]
        noise: dict[int, list[Injection]] = {}
        for p, begin in self.begins.items():
            for given in p.injections:
                noisy = isinstance(given.amplitude, NoisyCurrent)
                for i in given.indices:
                    (noise.setdefault(begin + int(i), []) if noisy else heard[begin + i]).append(given)
        known: dict[tuple[int, ...], int] = {(): 0}
        which = np.zeros(self.all, np.int32)
        for i, given_here in enumerate(heard):
            of = tuple(map(id, given_here))
            if of not in known:
                known[of] = len(self.signals)
                self.signals.append(tuple(given_here))
            which[i] = known[of]
        out = np.zeros((2, self.width), np.int32)
        out[0, : self.n] = self.ranks.own(which)
        own = self.ranks.own(np.arange(self.all))
        here = {place: noise[i] for place, i in enumerate(own.tolist()) if i in noise}
        self.currents = NoiseCurrents(self.engine, here, self.first + own, self.dt, key)
        out[1] = -1
        out[1, self.currents.places] = np.arange(self.currents.columns)
        return out

    def inject(self, first: int, steps: int) -> None:
        """See `Members.inject`: the currents."""
        self.currents.refresh()
        if len(self.signals) == 1:
            return
        step = np.arange(first, first + steps)
        rows = np.zeros((steps, len(self.signals)))
        for j, given_here in enumerate(self.signals):
            for given in given_here:
                rows[:, j] += given.at(step, self.dt)
        table: Tensor = self.arguments["signal"]
        values = table.numpy()
        chunk = self.arguments["chunk"]
        values[: chunk * len(self.signals)].reshape(chunk, -1)[step % chunk] = rows
        table.assign(values)

    def rows_for(self, longest: int) -> None:
        """See `Members.rows_for`: samples and currents."""
        if len(self.signals) > 1 or self.currents.columns:
            self.arguments["chunk"] = chunk = longest if len(self.signals) > 1 else 1
            room = chunk * len(self.signals) + self.arguments["B"] * self.currents.columns
            self.arguments["signal"] = full((room,), 0.0, on=self.engine)
        if self.sampled:
            rows = longest // self.every + 2
            self.arguments["rows"] = rows
            shape = (rows, self.columns, len(self.sampled))
            self.arguments["samples"] = full(shape, 0.0, on=self.engine)

    def advance(self, steps: int) -> None:
        """See `Members.advance`."""
        if self.n:
            place, given = self.arguments["chunk"] * len(self.signals), self.arguments
            self.currents.draw(steps, given["signal"], place, given["count"], given["B"])
            self.kernel(self.engine, steps=steps, work=self.width * steps * 16, **self.arguments)
