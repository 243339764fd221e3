"""Populations: ranges of neurons of one model, and parts of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import arguments
from ..errors import shown
from .currents import Current
from .injection import Injection
from .model import Model
from .models import find
from .parts import Owner, register
from .source_kinds import SourceKind


class PopulationView:
    """Neurons of a population: all of them, or those that an index picks.

    What is asked of a part before the first run is noted; afterwards it is read from the device, or written there.
    """

    def __init__(self, population: Population, indices: np.ndarray) -> None:
        self.population, self.indices = population, indices

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def size(self) -> int:
        """How many neurons."""
        return len(self.indices)

    @property
    def contiguous(self) -> bool:
        """Whether the neurons follow each other, as a projection's must."""
        return len(self) == 0 or bool((np.diff(self.indices) == 1).all())

    @property
    def first(self) -> int:
        """The index of the first neuron in its population."""
        return int(self.indices[0]) if len(self) else 0

    def __getitem__(self, index: Any) -> PopulationView:
        """Some of these neurons: a whole number, a slice, a list of numbers or an array of bools."""
        if isinstance(index, (int, np.integer)) and not isinstance(index, (bool, np.bool_)):
            if not -len(self) <= index < len(self):
                raise IndexError(f"index {index} of {len(self)} neurons")
            index = [index]
        try:
            picked = self.indices[index]
        except (IndexError, TypeError) as error:
            raise IndexError(f"index {shown(index)} of {len(self)} neurons: {error}") from None
        if picked.ndim != 1 or len(np.unique(picked)) != len(picked):
            raise IndexError("a part of a population has each neuron once")
        return PopulationView(self.population, picked)

    def set(self, **values: Any) -> None:
        """Gives parameters or states new values: numbers, or an array with one for each of these neurons.

        Raises:
            ValueError: a name that the model has not, or values that don't fit. Nothing is changed then.
        """
        model, n = self.population.model, len(self)
        fresh: dict[str, Any] = {}
        for name, value in values.items():
            if name not in model.parameters and name not in model.states:
                known = ", ".join([*model.parameters, *model.states])
                raise ValueError(f"{model.name} has no parameter or state {name!r}; it has {known}")
            fresh[name] = self.population._given(name, value, n)
        self.population._set(self.indices, fresh)

    def get(self, name: str) -> np.ndarray:
        """Values of a parameter, or of a state now, float64 or float32, one for each neuron."""
        return self.population._get(name)[self.indices]

    def record(self, *names: str, every: float | None = None) -> None:
        """Has spikes or states of these neurons recorded in all runs that follow.

        Args:
            names: "spikes"; "counts", which only counts the spikes of each neuron, in 4 bytes; or states of the model
                such as "v".
            every: ms between samples of states; default one step.  One interval holds for all neurons of a model.

        Raises:
            ValueError: a state that the model has not. RuntimeError: states, after the first run.
        """
        self.population._record(self.indices, names, every)

    def inject(self, amplitude: Any, start: float = 0.0, stop: float = float("inf")) -> None:
        """A current into these neurons from `start` to `stop` ms, in the model's unit of current.

        Args:
            amplitude: a number; a function of the time in ms that takes an array and gives one; or a `DCCurrent`,
                `StepCurrent`, `ACCurrent` or `NoisyCurrent`.

        Raises:
            TypeError, ValueError: none of these, or no times with 0 <= start <= stop.
            RuntimeError: after the first run.
        """
        self.population._inject(self.indices, amplitude, start, stop)

    @property
    def spikes(self) -> tuple[np.ndarray, np.ndarray]:
        """Times in ms, float64, and indices in the population, int64, of all recorded spikes, in order of time."""
        times, who = self.population._spikes()
        if self.size == self.population.size:
            return times, who
        mine = np.isin(who, self.indices)
        return times[mine], who[mine]

    @property
    def counts(self) -> np.ndarray:
        """How many spikes each of these neurons had since ``record("counts")`` or the network's `clear`, int64.

        Raises:
            ValueError: they are not counted.
        """
        return self.population._counts(self.indices)[0]

    @property
    def firing_rates(self) -> np.ndarray:
        """The same per second of the time that was run since, float64; NaN before any.

        Raises:
            ValueError: they are not counted.
        """
        counts, duration = self.population._counts(self.indices)
        with np.errstate(invalid="ignore"):
            return np.asarray(counts / (duration / 1000))

    def samples(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Times in ms (T,) and values (T, recorded neurons of these) float32 of a recorded state."""
        return self.population._samples(name, self.indices)


class Population(PopulationView):
    """Neurons of one model.

    Args:
        size: how many; 0 is allowed.
        model: a `Model`, or the name of a built-in one, such as "iaf_psc_delta".
        label: its name in messages and pictures.
        parameters: of the model, by name: a number, or an array with one for each neuron; states likewise, for their
            first values.

    Raises:
        ValueError, TypeError: a name that the model has not, values that are not finite or don't fit.
    """

    def __init__(self, size: int, model: Model | SourceKind | str, *, label: str = "", **parameters: Any) -> None:
        self.model = find(model) if isinstance(model, str) else model
        if not isinstance(self.model, (Model, SourceKind)):
            raise TypeError(f"model must be a Model or the name of one, not {type(model).__name__}")
        count = arguments.size("size", size, 0)
        super().__init__(self, np.arange(count))
        if not isinstance(label, str):
            raise TypeError(f"label must be a text, not {type(label).__name__}")
        self.label = label or self.model.name
        self.network: Owner | None = None
        self.parameters: dict[str, Any] = dict(self.model.parameters)
        self.initial: dict[str, Any] = {}
        self.recorded = np.zeros(count, bool)  # spikes
        self.counted = np.zeros(count, bool)
        self.sampled: dict[str, np.ndarray] = {}  # bools for each state
        self.every: float | None = None
        self.injections: list[Injection] = []
        self.global_first = 0
        self.set(**parameters)
        register(self)

    @property
    def populations(self) -> tuple[Population, ...]:
        """What a network takes with it: the population itself."""
        return (self,)

    def __repr__(self) -> str:
        return f"Population({self.size}, {self.model.name!r}, label={self.label!r})"

    def __iter__(self) -> Iterator[PopulationView]:
        return (self[i] for i in range(self.size))

    def _given(self, name: str, value: Any, n: int) -> np.ndarray:
        """A value for n neurons as numbers, float64, () or (n,)."""
        array = arguments.array(name, value).astype(np.float64)
        if array.ndim and array.shape != (n,):
            raise ValueError(f"{name} must be a number or have shape ({n},), one for each neuron, got {array.shape}")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} must be finite, got {shown(value)}")
        return array

    def _built(self) -> Owner | None:
        return self.network if self.network is not None and self.network.built else None

    def _set(self, indices: np.ndarray, values: dict[str, Any]) -> None:
        parameters, initial = dict(self.parameters), dict(self.initial)
        for name, value in values.items():
            into = parameters if name in self.model.parameters else initial
            into[name] = self._merged(into, name, indices, value)
        network = self._built()
        self._check(parameters)
        self.parameters = parameters
        if network is None:
            self.initial = initial
            return
        network.assign(self, indices, values)

    def _merged(self, into: dict[str, Any], name: str, indices: np.ndarray, value: np.ndarray) -> Any:
        """What a parameter or state is once some neurons have new values."""
        if value.ndim == 0 and len(indices) == self.size:
            return float(value)
        old = np.asarray(into[name] if name in into else self._first_values(name), np.float64)
        merged = np.broadcast_to(old, (self.size,)).copy()
        merged[indices] = value
        return merged

    def _check(self, parameters: dict[str, Any]) -> None:
        """Raises ValueError where parameters don't fit."""
        assert isinstance(self.model, Model)
        self.model.numbers(parameters, 0.1 if self.network is None else self.network.dt, self.size)

    def _first_values(self, name: str) -> np.ndarray:
        states = list(self.model.states)
        return self.model.initial(self.parameters, self.size)[states.index(name)].astype(np.float64)

    def _get(self, name: str) -> np.ndarray:
        if name in self.model.parameters:
            return np.broadcast_to(np.asarray(self.parameters[name], np.float64), (self.size,)).copy()
        if name not in self.model.states:
            raise ValueError(f"{self.model.name} has no parameter or state {name!r}")
        network = self._built()
        if network is not None:
            return network.state(self, name)
        return np.broadcast_to(np.asarray(self.initial.get(name, self._first_values(name))), (self.size,)).copy()

    def _record(self, indices: np.ndarray, names: tuple[str, ...], every: float | None) -> None:
        states = [name for name in names if name not in ("spikes", "counts")]
        for name in states:
            if name not in self.model.states:
                known = ", ".join([*map(repr, self.model.states), "'spikes' and 'counts'"])
                raise ValueError(f"{self.model.name} has no state {name!r} to record; there are {known}")
        if every is not None:
            arguments.positive("every", every)
        if states and self._built() is not None:
            raise RuntimeError("ask for states before the first run; spikes can be recorded from any time on")
        if "spikes" in names:
            self.recorded[indices] = True
        if "counts" in names:
            self._count(indices)
        for name in states:
            self.sampled.setdefault(name, np.zeros(self.size, bool))[indices] = True
        if states and every is not None:
            self.every = every

    def _inject(self, indices: np.ndarray, amplitude: Any, start: float, stop: float) -> None:
        if self._built() is not None:
            raise RuntimeError("electrodes are placed before the first run")
        if isinstance(amplitude, type) or not (callable(amplitude) or isinstance(amplitude, Current)):
            arguments.real("amplitude", amplitude)
        if not 0 <= arguments.number("start", start) <= arguments.number("stop", stop):
            raise ValueError(f"start and stop must be times in ms, 0 <= start <= stop, got {start} and {stop}")
        self.injections.append(Injection(indices, amplitude, float(start), float(stop)))

    def _count(self, indices: np.ndarray) -> None:
        """Has spikes counted, from now on where they were not."""
        fresh = indices[~self.counted[indices]]
        self.counted[fresh] = True
        network = self._built()
        if network is not None and len(fresh):
            network.count(self, fresh)

    def _counts(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Spikes counted of these neurons, int64, and for how many ms."""
        if not self.counted[indices].all():
            raise ValueError(f"spikes of {self.label} are not counted; ask for it by record('counts')")
        network = self._built()
        if network is None:
            return np.zeros(len(indices), np.int64), np.zeros(len(indices))
        counts, duration = network.counts_of(self)
        return counts[indices], duration[indices]

    def _spikes(self) -> tuple[np.ndarray, np.ndarray]:
        if self.network is None:
            return np.zeros(0), np.zeros(0, np.int64)
        return self.network.spikes_of(self)

    def _samples(self, name: str, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if name not in self.sampled:
            raise ValueError(f"{name} of {self.label} is not recorded; ask for it by record({name!r})")
        if self.network is None:
            return np.zeros(0), np.zeros((0, int(self.sampled[name][indices].sum())), np.float32)
        return self.network.samples_of(self, name, indices)
