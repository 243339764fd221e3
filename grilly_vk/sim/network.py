"""Networks: populations, projections and inputs that run together."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import arguments
from ..control import engine as current_engine
from ..ranks import Ranks
from ..runtime.engine import Engine
from ..runtime.graph import Graph
from ..runtime.kernel import Kernel
from ..tensor import UINT32, Tensor, from_numpy, full
from . import kept
from .alike import digest
from .counting import SpikeCounts
from .delivery import Delivery
from .exchange import Exchange, interrupts
from .group import Group, Members
from .parts import inside
from .plastic import Plastic
from .plasticity import DopamineSTDP
from .poisson import PoissonInput, Tables
from .population import Population
from .projection import Projection
from .source_group import SourceGroup
from .source_kinds import SourceKind
from .steps import in_steps
from .synapses import TARGETS

_LOG = Kernel("sim-log", over=lambda a: 64)
_LONGEST_BATCH = 16  # steps
_ROOM = 1 << 24  # spikes in the record of one chunk of a run, which are as many as could be, unless a batch has more
_CHUNK = 2048  # steps between two looks at the record


class Network:
    """A network of spiking neurons, advanced in steps of fixed length on the device.

    Populations, projections and inputs are added by `add`, or made inside ``with Network() as net:``. The network is
    built at the first run, and then stays as it is; parameters and states may be changed between runs.

    Args:
        dt: ms, the length of a step.
        seed: of everything random: same seed, same spikes, whatever the device.
        comm: processes that share the neurons: a communicator of mpi4py, or "world" for all that were started.  Every
            one of them makes the same network, and the same calls of it: what is read is that of all neurons.
        share_device: lets processes of one machine use one GPU together.

    Raises:
        TypeError, ValueError: dt is no positive number, seed no whole one, comm no communicator.
        ImportError: "world" without mpi4py. DeviceError: two processes on one GPU that they may not share.
    """

    def __init__(self, dt: float = 0.1, seed: int = 0, *, comm: Any = None, share_device: bool = False) -> None:
        self.dt = arguments.positive("dt", dt)
        self.seed = arguments.whole("seed", seed) & 0xFFFFFFFFFFFFFFFF
        arguments.flag("share_device", share_device)
        self._ranks = Ranks.of(comm)
        self._ranks.take_device(share_device)
        self.populations: list[Population] = []
        self.projections: list[Projection] = []
        self.inputs: list[PoissonInput] = []
        self.groups: list[Members] = []
        self.built = False
        self.steps_done = 0
        self.real_time_factor = math.nan
        self._graphs: dict[int, Graph] = {}
        self._exchange: Exchange | None = None  # where neurons are shared among processes
        self._broken = False  # a run over several processes, by an error
        self.given_weights: dict[int, tuple[Any, Any]] = {}  # by projection: the first ones, and those that were set
        self._spikes: list[tuple[np.ndarray, np.ndarray]] = []  # steps, global numbers
        self._counts = SpikeCounts()
        self._samples: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}  # by group

    def __repr__(self) -> str:
        neurons = sum(p.size for p in self.populations)
        return f"Network(dt={self.dt}, {neurons} neurons in {len(self.populations)} populations, t={self.t:g} ms)"

    def __enter__(self) -> Network:
        inside.networks.append(self)
        return self

    def __exit__(self, *error: Any) -> None:
        inside.networks.pop()

    @property
    def rank(self) -> int:
        """Which of the processes that share the neurons this is, from 0."""
        return self._ranks.rank

    @property
    def num_ranks(self) -> int:
        """How many processes share the neurons; 1 without `comm`."""
        return self._ranks.size

    @property
    def t(self) -> float:
        """The time so far, ms."""
        return self.steps_done * self.dt

    def add(self, *parts: Any) -> None:
        """Takes populations, projections and inputs; the populations of a projection come with it.

        Raises:
            TypeError: something else. ValueError: a part of another network. RuntimeError: the network is built.
        """
        if self.built:
            raise RuntimeError("the network is built: add its parts before the first run")
        for part in parts:
            if not isinstance(part, (Population, Projection, PoissonInput)):
                raise TypeError(f"a network has populations, projections and inputs, not {type(part).__name__}")
            for p in part.populations:
                if p.network is not None and p.network is not self:
                    raise ValueError(f"{p!r} belongs to another network")
        for part in parts:
            for p in part.populations:
                if p.network is None:
                    p.network = self
                    self.populations.append(p)
            if isinstance(part, Projection) and part not in self.projections:
                self.projections.append(part)
            elif isinstance(part, PoissonInput) and part not in self.inputs:
                self.inputs.append(part)

    # ---- building ----

    def build(self) -> None:
        """Makes everything on the device, once; the first run does it too.

        Raises:
            ValueError: no populations, a delay below one step, more than the device can hold.
        """
        self._build()

    def _build(self) -> None:
        if not self.built:
            with self._ranks.together("building a network", self._described()):
                self._make()

    def _described(self) -> dict[str, Any]:
        """What must be the same on all ranks."""
        parts = [*self.populations, *self.projections, *self.inputs] if self._ranks.size > 1 else []
        named = {f"{i} {type(p).__name__} {getattr(p, 'label', '')}": digest(p) for i, p in enumerate(parts)}
        return {"dt": self.dt, "seed": self.seed, **named}

    def _make(self) -> None:
        if not self.populations:
            raise ValueError("the network has no population; make one inside `with network:` or call network.add")
        self.engine: Engine = current_engine()
        models = list(dict.fromkeys(p.model for p in self.populations))
        first, every_group = 0, list[Members]()
        for model in models:
            of_it = [p for p in self.populations if p.model is model]
            made: Any = SourceGroup.of if isinstance(model, SourceKind) else Group.of
            every_group.append(made(self.engine, model, of_it, first, self.dt, self._ranks))
            first += every_group[-1].all
        groups = [group for group in every_group if isinstance(group, Group)]
        self.total = max(first, 1)
        own = max(1, sum(group.n for group in every_group))
        by_model: dict[Any, Group] = {g.model: g for g in groups}
        for given in self.inputs:
            by_model[given.target.population.model].add_noise(given)
        deliveries = {
            g: Delivery(self.engine, self.total, g.all, max(1, len(g.model.receptors)), self._ranks) for g in groups
        }
        for number, projection in enumerate(self.projections):
            self._connect(deliveries, by_model, number, projection)
        least = min((d.least_delay for d in deliveries.values() if d.least_delay), default=_LONGEST_BATCH)
        self.batch = max(1, min(_LONGEST_BATCH, least))
        for delivery in deliveries.values():
            delivery.finish(batch=self.batch)
        tables = Tables()
        key = (self.seed & 0xFFFFFFFF, self.seed >> 32)
        shared = self.shared = {
            "count": full((self.batch + 2,), 0, UINT32, self.engine),
            "list": full((self.batch, own), 0, UINT32, self.engine),
        }
        for group in groups:
            group.prepare(deliveries[group], self.batch, shared, own, tables, key)
        for sources in every_group:
            if isinstance(sources, SourceGroup):
                sources.prepare(self.batch, shared, own, key)
        entries, bits = tables.array()
        table = from_numpy(entries, on=self.engine)
        for group in groups:
            group.arguments.update(alias=table, bits=bits)
        self.groups = every_group
        self._counts.begin(self.total, self.engine, any(p.counted.any() for p in self.populations))
        self._make_room()
        if self._ranks.size > 1:
            self._exchange = Exchange(
                self.engine, self._ranks, self.batch, shared, self.total,
                advance=self._advance, log=self._log, deliver=self._deliver,
            )  # fmt: skip
        self.built = True

    def _connect(self, deliveries: Any, by_model: Any, number: int, projection: Projection) -> None:
        pre, post = projection.pre, projection.post
        group = by_model[post.population.model]
        delay = projection.delay if projection.delay is not None else self.dt
        seed = projection.seed if projection.seed is not None else self.seed * 1_000_003 + number
        projection.number = deliveries[group].add(
            projection.connector,
            pre_first=pre.population.global_first + pre.first, pre_size=len(pre),
            post_first=group.begins[post.population] + post.first, post_size=len(post),
            same=pre.population is post.population, offset=pre.first - post.first,
            receptor=group.model.receptors.index(projection.receptor),
            weight=projection.weight, delay=in_steps(delay, self.dt), seed=seed, dt=self.dt, packed=projection.small,
            rule=projection.synapse, weight_max=projection.weight_max,
            post_number=post.population.global_first + post.first, givers=_givers(projection.synapse),
        )  # fmt: skip

    def _make_room(self) -> None:
        most = max(1, sum(-(-group.all // self._ranks.size) for group in self.groups))  # that a rank has
        chunk = max(self.batch, min(_CHUNK, _ROOM // most) // self.batch * self.batch)
        self.chunk = chunk
        self.record = full((chunk * most,), 0, UINT32, self.engine)
        self.each = full((chunk,), 0, UINT32, self.engine)
        self.fill = full((2,), 0, UINT32, self.engine)
        for group in self.groups:
            group.rows_for(chunk)

    # ---- running ----

    def run(self, duration: float, *, progress: bool = False) -> None:
        """Runs for `duration` ms.

        An interrupt (Ctrl+C) ends the run between two chunks of it; a later run goes on from there.  Of several
        processes all end the run after the same step.

        Args:
            duration: ms, a whole number of steps (rounded).
            progress: shows a bar.

        Raises:
            TypeError, ValueError: no number of at least 0.
            RuntimeError: another process failed, or an earlier run over several processes did.
        """
        arguments.flag("progress", progress)
        steps = round(arguments.non_negative("duration", duration) / self.dt)
        with interrupts(noted=self._ranks.size > 1) as noted, self._ranks.together("Network.run", steps):
            self._build()
            self._run(steps, progress and self._ranks.rank == 0, noted)

    def _run(self, steps: int, progress: bool, interrupted: list[Any]) -> None:
        if self._broken:
            raise RuntimeError("an error broke off a run over several processes: reset() or load_state_dict() first")
        self._catch_up()
        start, begun = time.perf_counter(), self.steps_done
        with _bar(steps, progress) as moved:
            while (left := steps - (self.steps_done - begun)) > 0:
                self._run_chunk(min(left, self.chunk), interrupted)
                moved(self.steps_done - begun)
        if steps:
            factor = (time.perf_counter() - start) * 1000 / (steps * self.dt)
            self.real_time_factor = float(self._ranks.highest(factor))

    def _catch_up(self) -> None:
        """After an interrupt the device may be ahead of what was read."""
        ahead = int(self.shared["count"].numpy()[self.batch]) - self.steps_done
        if ahead:
            self._drain(ahead)

    def _run_chunk(self, steps: int, interrupted: list[Any]) -> None:
        self.fill.assign(np.array([0, self.steps_done], np.uint32))
        for group in self.groups:
            group.inject(self.steps_done, steps)
        if self._exchange is not None:
            self._run_together(self._exchange, steps, interrupted)
            return
        whole, rest = divmod(steps, self.batch)
        if whole > 1:
            if whole not in self._graphs:
                if len(self._graphs) > 3:
                    self._graphs.pop(next(iter(self._graphs)))
                self._graphs[whole] = graph = Graph(self.engine)
                with graph:
                    for _ in range(whole):
                        self._batch(self.batch)
            self._graphs[whole].replay()
        else:
            rest = steps
        while rest:
            now = min(rest, self.batch)
            self._batch(now)
            rest -= now
        self._drain(steps)

    def _run_together(self, exchange: Exchange, steps: int, interrupted: list[Any]) -> None:
        """A chunk on one of several ranks."""
        self._broken = True
        done, who = exchange.run(steps, self._last_spikes, interrupted)
        self._broken = False
        self._drain(done)
        if who is not None:
            interrupted.clear()
            raise KeyboardInterrupt(f"rank {who} was interrupted; all stopped at {self.t:g} ms")

    def _last_spikes(self, many: int) -> np.ndarray:
        filled = int(self.fill.numpy()[0])
        return self.record._rows(filled - many, filled).numpy()

    def _batch(self, steps: int) -> None:
        self._advance(steps)
        self._deliver(self.shared["count"], self.shared["list"])
        self._log(steps)

    def _advance(self, steps: int) -> None:
        for group in self.groups:
            group.advance(steps)

    def _deliver(self, count: Tensor, lists: Tensor) -> None:
        for group in self.groups:
            if group.delivery is not None and (group.n or group.delivery.plastic):
                group.delivery.deliver(count, lists)

    def _log(self, steps: int) -> None:
        total = self.shared["list"].shape[1]
        _LOG(
            self.engine, **self.shared, fill=self.fill, record=self.record, each=self.each,
            counted=self._counts.held, n=1, steps=steps, total=total, groups=1, work=total, B=self.batch, KEEP=1,
            COUNT=int(self._counts.held is not None),
        )  # fmt: skip

    def _drain(self, steps: int) -> None:
        """Takes what the last steps left to be read, all of it or nothing."""
        found, each = int(self.fill.numpy()[0]), self.each.numpy()[:steps]
        spikes, samples = [], []
        if found and any(p.recorded.any() for p in self.populations):
            who = self.record._rows(0, found).numpy()
            step = np.repeat(np.arange(steps, dtype=np.int64) + self.steps_done, each)
            keep = self._recorded()[who]
            step, who = step[keep], who[keep]
            order = np.lexsort((who, step))
            spikes.append((step[order], who[order].astype(np.int64)))
        for g, group in enumerate(self.groups):
            if group.sampled:
                samples.append((g, group.samples(self.steps_done, steps)))
        for g, sample in samples:
            self._samples.setdefault(g, []).append(sample)
        self._spikes += spikes
        self.steps_done += steps
        self._counts.ran(steps)

    def _recorded(self) -> np.ndarray:
        out = np.zeros(self.total, bool)
        for p in self.populations:
            out[p.global_first : p.global_first + p.size] = p.recorded
        return out

    # ---- what populations ask ----

    def _place(self, population: Population) -> tuple[Any, int]:
        group = next(g for g in self.groups if population in g.begins)
        return group, group.begins[population]

    def state(self, population: Population, name: str) -> np.ndarray:
        """A state of a population now."""
        group, begin = self._place(population)
        row = list(group.model.states).index(name)
        with self._ranks.together(f"reading {name} of {population!r}"):
            values = self._ranks.whole(group.state.numpy()[row, : group.n])
        return values[begin : begin + population.size]

    def assign(self, population: Population, indices: np.ndarray, values: dict[str, Any]) -> None:
        """Writes states, and takes up parameters."""
        group, _ = self._place(population)
        if group.assign(population, indices, values, self.steps_done):
            self._launches_changed()

    def _launches_changed(self) -> None:
        """Graphs hold what is no longer so."""
        self._graphs.clear()
        if self._exchange is not None:
            self._exchange.changed()

    def spikes_of(self, population: Population) -> tuple[np.ndarray, np.ndarray]:
        """Times in ms and indices of the recorded spikes of a population."""
        first, last = population.global_first, population.global_first + population.size
        steps, who = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for step, number in self._spikes:
            mine = (number >= first) & (number < last)
            steps.append(step[mine])
            who.append(number[mine] - first)
        found = np.stack([np.concatenate(steps), np.concatenate(who)])
        if self._ranks.size > 1:
            with self._ranks.together(f"reading spikes of {population!r}"):
                found = np.concatenate(self._ranks.meet(found), axis=1)
            found = found[:, np.lexsort((found[1], found[0]))]
        return (found[0] + 1) * self.dt, found[1]

    def count(self, population: Population, indices: np.ndarray) -> None:
        """Counts spikes of these neurons from now on."""
        if self._counts.start(population.global_first + indices, self.engine):
            self._launches_changed()

    def counts_of(self, population: Population) -> tuple[np.ndarray, np.ndarray]:
        """Spikes of each neuron of a population that were counted, int64, and for how many ms."""
        with self._ranks.together(f"reading counts of {population!r}"):
            counts, steps = self._counts.read(population.global_first, population.size, self._ranks)
        return counts, steps * self.dt

    def samples_of(self, population: Population, name: str, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Times in ms and values of a recorded state."""
        wanted = indices[population.sampled[name][indices]]
        if not self.built:
            return np.zeros(0), np.zeros((0, len(wanted)), np.float32)
        group, begin = self._place(population)
        parts = self._samples.get(self.groups.index(group), [])
        times = np.concatenate([np.zeros(0), *[t for t, _ in parts]]) * self.dt
        mine, places = self._ranks.places(begin + wanted)
        columns, j = group.watch[places], group.sampled.index(name)
        values = np.zeros((len(times), len(wanted)), np.float32)
        values[:, mine] = np.concatenate([values[:0, mine], *[values[:, columns, j] for _, values in parts]])
        with self._ranks.together(f"reading {name} of {population!r}"):
            for r, theirs in enumerate(self._ranks.meet(values[:, mine])):
                values[:, (begin + wanted) % self._ranks.size == r] = theirs
        return times, values

    def connections_of(self, projection: Projection) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """See `Projection.connections`."""
        self._build()
        group, begin = self._place(projection.post.population)
        assert group.delivery is not None
        with self._ranks.together(f"reading connections of {projection!r}"):
            found = group.delivery.connections(projection.number)
            if self._ranks.size > 1:
                sorting = self._ranks.sorting(*found[:2])
                found = tuple(map(sorting.whole, found))
        pre, post, weight, delay = found
        return pre - projection.pre.population.global_first, post - begin, weight, delay * self.dt

    def weights_of(self, projection: Projection) -> np.ndarray:
        """See `Projection.weights`."""
        return self.connections_of(projection)[2].astype(np.float32)

    def set_weights(self, projection: Projection, values: np.ndarray) -> None:
        """See `Projection.weights`."""
        self._build()
        delivery = self._place(projection.post.population)[0].delivery
        assert delivery is not None
        i = self.projections.index(projection)
        first = self.given_weights[i][0] if i in self.given_weights else self._first_weights(projection)
        with self._ranks.together(f"setting weights of {projection!r}"):
            delivery.set_weights(projection.number, values)
        self.given_weights[i] = first, values

    def _first_weights(self, projection: Projection) -> Any:
        """Those that the network was built with; None for synapses that change, which keep them."""
        if projection.synapse is not None:
            return None
        values = self.connections_of(projection)[2].astype(np.float64)
        delivery = self._place(projection.post.population)[0].delivery
        assert delivery is not None
        shared = delivery.projections[projection.number].format == TARGETS
        return values[:1].reshape(()) if shared and len(values) else values

    def take_first_weights(self, i: int) -> None:
        """Gives a projection the weights that it was built with."""
        first, _ = self.given_weights[i]
        if first is None:
            self.plastic_of(self.projections[i]).base = None
        else:
            self.set_weights(self.projections[i], first)
        del self.given_weights[i]

    def plastic_of(self, projection: Projection) -> Plastic:
        """What is kept on the device of a projection whose synapses change."""
        self._build()
        delivery = self._place(projection.post.population)[0].delivery
        assert delivery is not None
        return delivery.plastic[projection.number]

    def clear(self) -> None:
        """Forgets the recorded spikes, counts and samples; the network goes on as it is."""
        self._spikes.clear()
        self._samples.clear()
        self._counts.clear()

    def state_dict(self) -> dict[str, Any]:
        """All that a run changes, as arrays: with it `load_state_dict` goes on bit for bit.

        It is the same whatever the device, and however many processes share the neurons.
        """
        self._build()
        out: dict[str, Any] = {"steps": self.steps_done, "count": self.shared["count"].numpy()}
        with self._ranks.together("Network.state_dict"):
            for g, group in enumerate(self.groups):
                for name, tensor in group.changing().items():
                    out[f"{g}.{name}"] = self._ranks.whole(tensor.numpy()[..., : group.n])
            for begin, plastic in self._plastic().items():
                out |= {begin + name: array for name, array in plastic.state().items()}
        return out

    def _plastic(self) -> dict[str, Plastic]:
        """Projections whose synapses change, by what their names in a state begin with."""
        deliveries = [group.delivery for group in self.groups]
        return {f"{g}.{q}.": p for g, d in enumerate(deliveries) if d is not None for q, p in d.plastic.items()}

    def check_state(self, state: dict[str, Any]) -> None:
        """Whether a state fits this network.

        Raises:
            KeyError, ValueError: it is of another one.
        """
        self._build()
        count = self.shared["count"]
        shapes = {
            f"{g}.{name}": (*tensor.shape[:-1], group.all)
            for g, group in enumerate(self.groups)
            for name, tensor in group.changing().items()
        }
        learning = self._plastic()
        shapes |= {begin + name: shape for begin, p in learning.items() for name, shape in p.shapes().items()}
        for name, shape in {"count": count.shape, **shapes}.items():
            if name not in state:
                raise KeyError(f"the state has no {name!r}: it is of another network")
            if np.shape(state[name]) != shape:
                raise ValueError(f"{name} must have shape {shape}, got {np.shape(state[name])}")

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes up a state of the same network.

        Raises:
            KeyError, ValueError: it is of another network; nothing is changed then.
        """
        self.check_state(state)
        count, learning = self.shared["count"], self._plastic()
        for g, group in enumerate(self.groups):
            for name in group.changing():
                group.load(name, self._ranks.own(np.asarray(state[f"{g}.{name}"])))
        with self._ranks.together("Network.load_state_dict"):
            for begin, p in learning.items():
                p.load({name: np.asarray(state[begin + name]) for name in p.shapes()})
        count.assign(np.asarray(state["count"], count.dtype))
        self.steps_done, self._broken = int(state["steps"]), False

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes all that goes on in the network to a file (safetensors), whole or not at all.

        States, spikes under way, parameters, first values and weights that were set, and what synapses learned; not
        what was recorded.  `load` goes on from there bit for bit, on any device.  Of several processes the first one
        writes.

        Args:
            path: of the file; the suffix .safetensors is usual.

        Raises:
            OSError: it can't be written.
        """
        kept.save(self, path)

    def load(self, path: str | os.PathLike[str]) -> None:
        """Takes up what `save` wrote, of a network with the same parts; what was recorded is forgotten.

        Parameters, first values and weights become the file's.  Functions given to `inject` are told apart by name.

        Raises:
            ValueError: the file is damaged or none of a network, or of another one: `dt`, seed, sizes, models,
                projections or inputs differ, and the message says which. Nothing is changed then.
            OSError: it can't be read.
        """
        kept.load(self, path)

    def reset(self) -> None:
        """Back to time 0: first states, nothing under way, nothing recorded, and what synapses learned forgotten.

        Parameters stay, and weights that the user gave.
        """
        self.clear()
        self.steps_done, self._broken = 0, False
        if not self.built:
            return
        self.shared["count"].assign(np.zeros(self.batch + 2, np.uint32))
        for group in self.groups:
            group.restart()
        for plastic in self._plastic().values():
            plastic.reset()


def _givers(rule: Any) -> tuple[int, int]:
    """The first number and how many neurons release dopamine."""
    given = rule.dopamine if isinstance(rule, DopamineSTDP) else None
    return (0, 0) if given is None else (given.population.global_first + given.first, len(given))


@contextlib.contextmanager
def _bar(steps: int, wanted: bool) -> Iterator[Any]:
    if not wanted:
        yield lambda done: None
        return
    from rich.progress import Progress  # not for those who show no bar

    with Progress() as bar:
        task = bar.add_task("run", total=steps)
        yield lambda done: bar.update(task, completed=done)
