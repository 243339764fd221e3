"""Projections: synapses from one population's neurons to another's."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import arguments
from ..errors import shown
from .connectors import Connector
from .distributions import Distribution
from .parts import Owner, register
from .plastic import Plastic
from .plasticity import DopamineSTDP, Plasticity
from .population import Population, PopulationView


class Projection:
    """Synapses between two populations, or contiguous parts of them.

    Args:
        pre: where spikes come from.
        post: where they arrive.
        connector: which neurons are connected, such as `FixedInDegree(100)`.
        weight: in the unit of the receptor: a number, a distribution such as `Normal(45, 4.5)`, or an array with one
            for each synapse, as the connector says; `FromList` and `FromSparse` may hold their own.
        delay: ms, at least one step: the same.  Delays are rounded to steps; a warning counts those
            that moved.
        receptor: of the post-synaptic model; default its first.
        dtype: of weights that differ between synapses: float32, or float16, with which a synapse takes 4 bytes in
            place of 8, its weight 15 bits (of the largest), and its delay must be below 64 steps.
        synapse: how weights change: `STDP`, `TripletSTDP`, `DopamineSTDP` or `TsodyksMarkram`; default they don't.
        weight_max: leaves room for weights up to this size, which `weights` may be given later; default for none that
            are larger than now, or than the synapse allows.
        seed: of its random choices; default from the network's seed and the projection's number.

    Raises:
        TypeError, ValueError: arguments that don't fit, before anything is made.
    """

    def __init__(
        self,
        pre: PopulationView,
        post: PopulationView,
        connector: Connector,
        *,
        weight: Any = 1.0,
        delay: Any = None,
        receptor: str | None = None,
        synapse: Plasticity | None = None,
        weight_max: float | None = None,
        seed: int | None = None,
        dtype: Any = np.float32,
    ) -> None:
        for name, part in (("pre", pre), ("post", post)):
            if not isinstance(part, PopulationView):
                raise TypeError(f"{name} must be a Population or a part of one, not {type(part).__name__}")
            if not part.contiguous:
                raise ValueError(f"{name} must be neurons that follow each other; connect other choices by FromList")
        if not isinstance(connector, Connector):
            raise TypeError(f"connector must be one such as FixedInDegree(100), not {type(connector).__name__}")
        model = post.population.model
        if not model.receptors:
            raise ValueError(f"post: {model.name} has no receptor for synapses")
        self.receptor = (
            model.receptors[0] if receptor is None else arguments.choice("receptor", receptor, model.receptors)
        )
        for name, value in (("weight", weight), ("delay", delay)):
            if arguments.is_array(value) or isinstance(value, list):
                if not np.isfinite(arguments.array(name, value)).all():
                    raise ValueError(f"{name} must be finite, got {shown(value)}")
            elif not isinstance(value, Distribution) and not (name == "delay" and value is None):
                arguments.real(name, value)
        self.pre, self.post, self.connector = pre, post, connector
        self.weight, self.delay = weight, delay
        self.seed = None if seed is None else arguments.whole("seed", seed)
        if not (isinstance(dtype, (str, type)) and dtype in (np.float32, np.float16, "float32", "float16")):
            raise ValueError(f"dtype must be float32 or float16, got {shown(dtype)}")
        if synapse is not None and not isinstance(synapse, Plasticity):
            raise TypeError(f"synapse must be a rule such as STDP(), not {type(synapse).__name__}")
        self.synapse = synapse
        self.weight_max = None if weight_max is None else arguments.positive("weight_max", weight_max)
        self.small = dtype in (np.float16, "float16")
        self.number = -1  # in its group's delivery, once built
        register(self)

    @property
    def populations(self) -> tuple[Population, ...]:
        """Its populations, which a network takes with the projection."""
        giver = self.synapse.dopamine if isinstance(self.synapse, DopamineSTDP) else None
        return self.pre.population, self.post.population, *([] if giver is None else [giver.population])

    def __repr__(self) -> str:
        return f"Projection({self.pre.population.label} -> {self.post.population.label}, {self.connector!r})"

    def __len__(self) -> int:
        """Synapses, once the network is built."""
        return len(self.connections()[0])

    def connections(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Each synapse's pre and post index (in their populations), weight, and delay in ms, as the device holds them.

        Builds the network if it is not built.
        """
        return self._network().connections_of(self)

    @property
    def weights(self) -> np.ndarray:
        """Each synapse's weight now, in the order of `connections`; a number or an array sets them from now on.

        Weights that change are brought up to date as they are read, with all pairs of spikes until now; a run goes on
        as if they had not been read.  Those of a projection with one weight for all are set by a number.

        Raises:
            TypeError, ValueError: no finite numbers, another shape, or weights beyond the range that was fixed when the
                network was built, see `weight_max`.  Nothing is changed then.
        """
        return self._network().weights_of(self)

    @weights.setter
    def weights(self, values: Any) -> None:
        given = arguments.array("weights", values).astype(np.float64)
        if not np.isfinite(given).all():
            raise ValueError(f"weights must be finite, got {shown(values)}")
        self._network().set_weights(self, given)

    @property
    def dopamine(self) -> float:
        """The level of dopamine now, of a projection with `DopamineSTDP`; a number sets it, and it decays from there.

        Raises:
            AttributeError: the projection has another synapse. TypeError, ValueError: no finite number.
        """
        return self._rewarded().level()

    @dopamine.setter
    def dopamine(self, level: float) -> None:
        self._rewarded().set_level(arguments.real("dopamine", level))

    def _rewarded(self) -> Plastic:
        if not isinstance(self.synapse, DopamineSTDP):
            raise AttributeError(f"dopamine goes with synapse=DopamineSTDP(), and this projection has {self.synapse}")
        return self._network().plastic_of(self)

    def _network(self) -> Owner:
        network = self.pre.population.network
        if network is None:
            raise RuntimeError("the projection is in no network: network.add(projection)")
        return network
