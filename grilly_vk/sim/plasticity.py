"""Rules by which the synapses of a projection change: what users give as `synapse=`."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .. import arguments
from .population import PopulationView
from .synapses import ALIKE, GIVEN, Synapses

PAIR, TRIPLET, DOPAMINE, SHORT_TERM = range(4)  # RULE of sim-plastic.glsl
SPLIT = 256  # of the shaders
# Places of the numbers that the shaders read.
_NAMES = (
    "pre", "pre2", "post", "post2", "up", "down", "up3", "down3", "wmin", "wmax", "scale", "mu_up", "mu_down", "low",
    "high", "tag", "level", "base", "share", "release",
)  # fmt: skip
_PLACES = {name: place for place, name in enumerate(_NAMES)}
LEVEL = _PLACES["level"]


class Plasticity:
    """A rule: `STDP`, `TripletSTDP`, `DopamineSTDP` or `TsodyksMarkram`.  Rules don't change once they are made."""

    kind = PAIR
    traces = 1  # of a source
    nearest = False
    exponents = (0.0, 0.0)  # of the room above and below

    def bounds(self) -> tuple[float, float] | None:
        """Between which numbers weights stay; None: the rule leaves them as they are."""
        return None

    def numbers(self, dt: float) -> np.ndarray:
        """What the kernels read, float32, for steps of dt ms."""
        raise NotImplementedError

    def _numbers(self, **values: float) -> np.ndarray:
        low, high = self.bounds() or (0.0, 1.0)
        values |= {"wmin": low, "wmax": high, "low": min(low, high), "high": max(low, high), "scale": 1 / (high - low)}
        out = np.zeros(len(_PLACES))
        for name, value in values.items():
            out[_PLACES[name]] = value
        return out.astype(np.float32)

    def _check(self, taus: str, amounts: str) -> None:
        for name in taus.split():
            arguments.positive(name, getattr(self, name))
        for name in amounts.split():
            arguments.real(name, getattr(self, name))
        if self.bounds() is not None and self.bounds()[0] == self.bounds()[1]:  # type: ignore[index]
            raise ValueError(f"Wmax must differ from Wmin, got {self.bounds()[1]} for both")  # type: ignore[index]


@dataclass(frozen=True)
class STDP(Plasticity):
    """Spike-timing dependent plasticity of pairs of spikes.

    A post-synaptic spike after pre-synaptic ones raises the weight by A_plus (Wmax - Wmin) x^mu_plus K_plus, with x the
    share of the room that is left above, (Wmax - w) / (Wmax - Wmin); a pre-synaptic spike after post-synaptic ones
    lowers it by A_minus (Wmax - Wmin) (1 - x)^mu_minus K_minus.  K_plus and K_minus are traces of all former spikes of
    the other side, or of the nearest one.  Weights stay within Wmin .. Wmax.

    Exponents of 0 are the additive rule (Song, Miller & Abbott, Nat. Neurosci. 3, 2000), of 1 the multiplicative one
    (Rubin, Lee & Sompolinsky, Phys. Rev. Lett. 86, 2001), of 0 and 1 van Rossum's (van Rossum, Bi & Turrigiano,
    J. Neurosci. 20, 2000), others the power law (Gütig et al., J. Neurosci. 23, 2003).  It is NEST's `stdp_synapse`,
    with lambda = A_plus and alpha = A_minus / A_plus.

    Args:
        tau_plus, tau_minus: ms, of the traces of pre- and post-synaptic spikes.
        A_plus, A_minus: the steps for a pair at the same time, in shares of Wmax - Wmin.
        mu_plus, mu_minus: the exponents, at least 0.
        Wmax, Wmin: between which weights stay, in the unit of the weight; both at most 0 for inhibitory synapses, with
            Wmax the more negative one.
        pairing: "all", or "nearest": each spike is paired with the latest of the other side alone.

    Raises:
        TypeError, ValueError: no finite numbers, no positive time constants, or another pairing.
    """

    tau_plus: float = 20.0
    tau_minus: float = 20.0
    A_plus: float = 0.01
    A_minus: float = 0.01
    mu_plus: float = 1.0
    mu_minus: float = 1.0
    Wmax: float = 100.0
    Wmin: float = 0.0
    pairing: str = "all"

    def __post_init__(self) -> None:
        self._check("tau_plus tau_minus", "A_plus A_minus mu_plus mu_minus Wmax Wmin")
        for name in ("mu_plus", "mu_minus"):
            arguments.non_negative(name, getattr(self, name))
        arguments.choice("pairing", self.pairing, ("all", "nearest"))

    @property
    def nearest(self) -> bool:  # type: ignore[override]
        """Whether traces forget all but the last spike."""
        return self.pairing == "nearest"

    @property
    def exponents(self) -> tuple[float, float]:  # type: ignore[override]
        """Of the room above and below."""
        return self.mu_plus, self.mu_minus

    def bounds(self) -> tuple[float, float]:
        """See `Plasticity.bounds`."""
        return float(self.Wmin), float(self.Wmax)

    def numbers(self, dt: float) -> np.ndarray:
        """See `Plasticity.numbers`."""
        size = self.Wmax - self.Wmin
        return self._numbers(
            pre=dt / self.tau_plus, post=dt / self.tau_minus, up=size * self.A_plus, down=size * self.A_minus,
            mu_up=self.mu_plus, mu_down=self.mu_minus,
        )  # fmt: skip


@dataclass(frozen=True)
class TripletSTDP(Plasticity):
    """STDP of triplets of spikes (Pfister & Gerstner, J. Neurosci. 26, 2006), as NEST's `stdp_triplet_synapse`.

    A post-synaptic spike raises the weight by K_plus (A_plus + A_plus_triplet K_minus_triplet), a pre-synaptic one
    lowers it by K_minus (A_minus + A_minus_triplet K_plus_triplet); the slow traces are taken just before the spike.

    Args:
        tau_plus, tau_minus: ms, of the traces of pairs.
        tau_plus_triplet, tau_minus_triplet: ms, of the slow traces of pre- and post-synaptic spikes.
        A_plus, A_minus: steps of pairs, in the unit of the weight.
        A_plus_triplet, A_minus_triplet: of triplets.
        Wmax: weights stay between 0 and it; below 0 for inhibitory synapses.
        pairing: "all", or "nearest": traces know the latest spike alone.

    Raises:
        TypeError, ValueError: no finite numbers, no positive time constants, or another pairing.
    """

    tau_plus: float = 16.8
    tau_minus: float = 33.7
    tau_plus_triplet: float = 101.0
    tau_minus_triplet: float = 125.0
    A_plus: float = 5e-10
    A_minus: float = 7e-3
    A_plus_triplet: float = 6.2e-3
    A_minus_triplet: float = 2.3e-4
    Wmax: float = 100.0
    pairing: str = "all"

    kind = TRIPLET
    traces = 2

    def __post_init__(self) -> None:
        self._check(
            "tau_plus tau_minus tau_plus_triplet tau_minus_triplet",
            "A_plus A_minus A_plus_triplet A_minus_triplet Wmax",
        )
        arguments.choice("pairing", self.pairing, ("all", "nearest"))

    @property
    def nearest(self) -> bool:  # type: ignore[override]
        """Whether traces forget all but the last spike."""
        return self.pairing == "nearest"

    def bounds(self) -> tuple[float, float]:
        """See `Plasticity.bounds`."""
        return 0.0, float(self.Wmax)

    def numbers(self, dt: float) -> np.ndarray:
        """See `Plasticity.numbers`."""
        sign = 1 if self.Wmax > 0 else -1
        return self._numbers(
            pre=dt / self.tau_plus, pre2=dt / self.tau_plus_triplet, post=dt / self.tau_minus,
            post2=dt / self.tau_minus_triplet, up=sign * self.A_plus, down=sign * self.A_minus,
            up3=sign * self.A_plus_triplet, down3=sign * self.A_minus_triplet,
        )  # fmt: skip


@dataclass(frozen=True)
class DopamineSTDP(Plasticity):
    """STDP that dopamine turns into weights (Izhikevich, Cereb. Cortex 17, 2007), as NEST's `stdp_dopamine_synapse`.

    Pairs of spikes move an eligibility c of each synapse, up by A_plus K_plus and down by A_minus K_minus, which decays
    with tau_c.  Dopamine has a level n, which decays with tau_n, and weights follow dw/dt = c (n - b), within
    Wmin .. Wmax.  The level jumps by 1 / tau_n at each spike of `dopamine`; `projection.dopamine` reads and sets it.

    Args:
        dopamine: the population whose spikes release it, or part of one whose neurons follow each other; default none.
        dopamine_delay: ms, from such a spike to the level's jump; rounded to steps.
        tau_plus, tau_minus: ms, of the traces of pre- and post-synaptic spikes.
        tau_c, tau_n: ms, of eligibility and dopamine.
        A_plus, A_minus: steps of the eligibility.
        b: the level at which weights rest.
        Wmin, Wmax: between which weights stay.
        pairing: "all", or "nearest": each spike is paired with the latest of the other side alone.

    Raises:
        TypeError, ValueError: no finite numbers, no positive time constants, another pairing, or Wmin above Wmax.
    """

    dopamine: PopulationView | None = None
    dopamine_delay: float = 1.0
    tau_plus: float = 20.0
    tau_minus: float = 20.0
    tau_c: float = 1000.0
    tau_n: float = 200.0
    A_plus: float = 1.0
    A_minus: float = 1.5
    b: float = 0.0
    Wmin: float = 0.0
    Wmax: float = 200.0
    pairing: str = "all"

    kind = DOPAMINE

    def __post_init__(self) -> None:
        self._check("tau_plus tau_minus tau_c tau_n", "A_plus A_minus b Wmin Wmax")
        given = self.dopamine
        if given is not None and not (isinstance(given, PopulationView) and given.contiguous):
            what = given if isinstance(given, PopulationView) else type(given).__name__
            raise TypeError(f"dopamine must be a Population, or neurons of one that follow each other, not {what}")
        arguments.non_negative("dopamine_delay", self.dopamine_delay)
        if self.Wmin > self.Wmax:
            raise ValueError(f"Wmin must be at most Wmax, got {self.Wmin} and {self.Wmax}")
        arguments.choice("pairing", self.pairing, ("all", "nearest"))

    @property
    def nearest(self) -> bool:  # type: ignore[override]
        """Whether traces forget all but the last spike."""
        return self.pairing == "nearest"

    def bounds(self) -> tuple[float, float]:
        """See `Plasticity.bounds`."""
        return float(self.Wmin), float(self.Wmax)

    def numbers(self, dt: float) -> np.ndarray:
        """See `Plasticity.numbers`."""
        return self._numbers(
            pre=dt / self.tau_plus, post=dt / self.tau_minus, up=self.A_plus, down=self.A_minus,
            tag=dt / self.tau_c, level=dt / self.tau_n, base=self.b * self.tau_c,
            share=self.tau_c * self.tau_n / (self.tau_c + self.tau_n), release=1 / self.tau_n,
        )  # fmt: skip


@dataclass(frozen=True)
class TsodyksMarkram(Plasticity):
    """Short-term plasticity (Tsodyks, Pawelzik & Markram, Neural Comput. 10, 1998): what a spike is worth.

    Of what is there, x, a spike uses the share u, and is worth weight x u at its targets.  x comes back to 1 with
    tau_rec; u is U at rest, rises by U (1 - u) with each spike and falls back with tau_fac.  The weight itself stays.
    It is NEST's `tsodyks2_synapse` (Maass & Markram, Neural Netw. 15, 2002).  A first spike finds x = 1 and u = U.

    Args:
        U: the share at rest, 0 to 1.
        tau_rec: ms.
        tau_fac: ms; 0: no facilitation.

    Raises:
        TypeError, ValueError: no finite numbers, U outside 0 .. 1, no positive tau_rec, a negative tau_fac.
    """

    U: float = 0.5
    tau_rec: float = 800.0
    tau_fac: float = 0.0

    kind = SHORT_TERM
    traces = 2

    def __post_init__(self) -> None:
        arguments.between("U", self.U, 0.0, 1.0)
        arguments.positive("tau_rec", self.tau_rec)
        arguments.non_negative("tau_fac", self.tau_fac)

    def numbers(self, dt: float) -> np.ndarray:
        """See `Plasticity.numbers`."""
        return self._numbers(pre=dt / self.tau_rec, pre2=dt / self.tau_fac if self.tau_fac > 0 else 1e6, up=self.U)


def bounded(given: Synapses, rule: Plasticity | None, weight_max: float | None) -> Synapses:
    """Synapses with their rule's limits, and with room for larger weights.

    Raises:
        ValueError: weights outside the limits, or kept in 16 bits.
    """
    if rule is not None and given.packed:
        raise ValueError("dtype must be float32 where a synapse has a rule: its weight is kept in 32 bits")
    weight, limits = given.weight, None if rule is None else rule.bounds()
    if limits is not None:
        low, high = sorted(float(np.float32(x)) for x in limits)
        fixed = weight.kind in (ALIKE, GIVEN)
        least, most = (max(weight.low, low), min(weight.high, high))
        if least > most or (fixed and given.total and (weight.low < low or weight.high > high)):
            raise ValueError(
                f"weight must be within Wmin .. Wmax of the synapse, {low:g} .. {high:g}, "
                f"got {weight.low:g} to {weight.high:g}"
            )
        weight = weight if fixed else replace(weight, low=least, high=most)
        limit = max(abs(low), abs(high))
        if weight_max is not None and weight_max < limit:
            raise ValueError(f"weight_max must be at least {limit:g}, which the synapse allows, got {weight_max:g}")
        return replace(given, weight=weight, plastic=True, limit=weight_max or limit)
    if weight_max is None and rule is None:
        return given
    limit = given.weight.largest if weight_max is None else weight_max
    if limit < given.weight.largest:
        raise ValueError(
            f"weight_max must be at least {given.weight.largest:g}, the largest weight, got {weight_max:g}"
        )
    return replace(given, plastic=rule is not None, limit=limit)
