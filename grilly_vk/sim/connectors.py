"""Connectors: which neurons are connected.

A connector says how many synapses each source, or each target, has and how their other ends are found; the device
finds them (shaders/sim-connect.glsl).  Both follow from the projection's seed alone: the same network on every device.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import arguments
from ..errors import shown
from ..values import flag

ANY, DISTINCT, ALL, SAME, GIVEN = range(5)  # how partners are found: CHOICE of sim-connect.glsl
_MOST = (1 << 31) - 1  # synapses of a projection


@dataclass(frozen=True)
class Place:
    """Where a connector works.

    Args:
        pre, post: sources and targets, counted from 0.
        offset: source i is the same neuron as target i + offset; None if no source is a target.
        seed: of random choices.
    """

    pre: int
    post: int
    offset: int | None
    seed: int

    def random(self) -> np.random.Generator:
        """The host's random numbers, for degrees."""
        return np.random.Generator(np.random.Philox(key=[self.seed & 0xFFFFFFFFFFFFFFFF, 0x64656772656573]))

    def open(self, by_source: bool, autapses: bool) -> np.ndarray:
        """How many partners each source, or each target, may have, int64."""
        mine, others = (self.post, self.pre)[:: -1 if by_source else 1]
        out = np.full(mine, others, np.int64)
        if not autapses and self.offset is not None:
            offset = self.offset if by_source else -self.offset
            out[max(0, -offset) : max(0, min(mine, others - offset))] -= 1
        return out


@dataclass(frozen=True)
class Rows:
    """The synapses of a projection, before they are drawn.

    Args:
        by_source: whether each source has its targets drawn, or each target its sources.
        choice: how they are found.
        begin: the number of each one's first synapse, and of all synapses, int64 (sources or targets + 1).
        autapses: whether a neuron may be its own partner.
        heard: no target has more synapses.
        targets: of each synapse, if they are given.
        weight, delay: of each synapse, if the connector lists them, float64; delays in its own unit.
    """

    by_source: bool
    choice: int
    begin: np.ndarray
    autapses: bool
    heard: int
    targets: np.ndarray | None = None
    weight: np.ndarray | None = None
    delay: np.ndarray | None = None

    @property
    def total(self) -> int:
        """How many synapses."""
        return int(self.begin[-1])


class Connector:
    """Which neurons of two populations are connected."""

    def rows(self, at: Place) -> Rows:
        """The synapses between these neurons.

        Raises:
            ValueError: they can't be connected so.
        """
        raise NotImplementedError

    def arranged(self, name: str, values: np.ndarray, at: Place) -> np.ndarray:
        """Values that the user gave for each synapse, in the order of `rows`.

        Raises:
            ValueError: another shape, or a connector whose synapses have no order that the user knows.
        """
        raise ValueError(
            f"{name} must be a number or a distribution with {self!r}, got {shown(values)}; "
            "arrays go with AllToAll, OneToOne, FromList and FromSparse"
        )


def _begin(degrees: np.ndarray, what: Any) -> np.ndarray:
    begin = np.concatenate([[0], np.cumsum(degrees, dtype=np.int64)])
    if begin[-1] > _MOST:
        raise ValueError(f"{what!r} would make {begin[-1]} synapses; a projection has at most {_MOST}")
    return begin


def _shaped(name: str, values: np.ndarray, shape: tuple[int, ...], what: Any) -> None:
    if values.shape != shape:
        raise ValueError(f"{name} must have shape {shape} with {what!r}, got {values.shape}")


class AllToAll(Connector):
    """Every source to every target.

    Args:
        autapses: whether a neuron is connected with itself, where it is source and target.

    Arrays of weights and delays have shape (sources, targets).
    """

    def __init__(self, *, autapses: bool = True) -> None:
        self.autapses = flag("autapses", autapses)

    def __repr__(self) -> str:
        return f"AllToAll({'' if self.autapses else 'autapses=False'})"

    def rows(self, at: Place) -> Rows:
        """See `Connector.rows`."""
        return Rows(True, ALL, _begin(at.open(True, self.autapses), self), self.autapses, at.pre)

    def arranged(self, name: str, values: np.ndarray, at: Place) -> np.ndarray:
        """See `Connector.arranged`."""
        _shaped(name, values, (at.pre, at.post), self)
        keep = np.ones(values.shape, bool)
        if not self.autapses and at.offset is not None:
            sources = np.arange(max(0, -at.offset), max(0, min(at.pre, at.post - at.offset)))
            keep[sources, sources + at.offset] = False
        return values[keep]


class OneToOne(Connector):
    """Source i to target i; there must be as many of both.  Arrays of weights and delays have a number for each."""

    def __repr__(self) -> str:
        return "OneToOne()"

    def rows(self, at: Place) -> Rows:
        """See `Connector.rows`."""
        if at.pre != at.post:
            raise ValueError(f"OneToOne() connects as many sources as targets, got {at.pre} and {at.post}")
        return Rows(True, SAME, np.arange(at.pre + 1), True, 1)

    def arranged(self, name: str, values: np.ndarray, at: Place) -> np.ndarray:
        """See `Connector.arranged`."""
        _shaped(name, values, (at.pre,), self)
        return values


class FixedProbability(Connector):
    """Each pair with probability `p`, independently of all others.

    Args:
        p: 0 to 1.
        autapses: whether a neuron may be connected with itself.
    """

    def __init__(self, p: float, *, autapses: bool = True) -> None:
        self.p, self.autapses = arguments.between("p", p, 0.0, 1.0), flag("autapses", autapses)

    def __repr__(self) -> str:
        return f"FixedProbability({self.p:g}{'' if self.autapses else ', autapses=False'})"

    def rows(self, at: Place) -> Rows:
        """See `Connector.rows`: a binomial number of distinct targets for each source, which comes to the same."""
        degrees = at.random().binomial(at.open(True, self.autapses), self.p)
        return Rows(True, DISTINCT, _begin(degrees, self), self.autapses, at.pre)


class _Fixed(Connector):
    def _count(self, name: str, count: int, autapses: bool, multapses: bool) -> None:
        self.count = arguments.size(name, count, 0)
        self.autapses, self.multapses = flag("autapses", autapses), flag("multapses", multapses)

    def __repr__(self) -> str:
        text = "" if self.autapses else ", autapses=False"
        return f"{type(self).__name__}({self.count}{text}{'' if self.multapses else ', multapses=False'})"

    def _fits(self, open_: np.ndarray, partners: str) -> None:
        """Raises ValueError if a neuron has too few partners for `count` synapses."""
        if not self.count or not len(open_):
            return
        least = int(open_.min())
        if least == 0 or (self.count > least and not self.multapses):
            raise ValueError(f"{self!r}: a neuron has {least} possible {partners}; needed are {self.count}")

    @property
    def _choice(self) -> int:
        return ANY if self.multapses else DISTINCT


class FixedInDegree(_Fixed):
    """`k` synapses onto each target, their sources drawn at random.

    Args:
        k: synapses of a target.
        autapses: whether a neuron may be connected with itself.
        multapses: whether a pair may be connected more than once.
    """

    def __init__(self, k: int, *, autapses: bool = True, multapses: bool = True) -> None:
        self._count("k", k, autapses, multapses)

    def rows(self, at: Place) -> Rows:
        """See `Connector.rows`."""
        self._fits(at.open(False, self.autapses), "sources")
        return Rows(False, self._choice, _begin(np.full(at.post, self.count), self), self.autapses, self.count)


class FixedOutDegree(_Fixed):
    """`k` synapses from each source, their targets drawn at random.

    Args:
        k: synapses of a source.
        autapses: whether a neuron may be connected with itself.
        multapses: whether a pair may be connected more than once.
    """

    def __init__(self, k: int, *, autapses: bool = True, multapses: bool = True) -> None:
        self._count("k", k, autapses, multapses)

    def rows(self, at: Place) -> Rows:
        """See `Connector.rows`."""
        self._fits(at.open(True, self.autapses), "targets")
        begin = _begin(np.full(at.pre, self.count), self)
        heard = int(begin[-1]) if self.multapses else at.pre
        return Rows(True, self._choice, begin, self.autapses, heard)


class FixedTotalNumber(_Fixed):
    """`n` synapses in all, drawn at random among all pairs.

    Args:
        n: synapses of the projection.
        autapses: whether a neuron may be connected with itself.
        multapses: whether a pair may be connected more than once.
    """

    def __init__(self, n: int, *, autapses: bool = True, multapses: bool = True) -> None:
        self._count("n", n, autapses, multapses)

    def rows(self, at: Place) -> Rows:
        """See `Connector.rows`: how many each target has follows from the pairs, and then their sources are drawn."""
        open_ = at.open(False, self.autapses)
        pairs = int(open_.sum())
        if self.count and (pairs == 0 or (self.count > pairs and not self.multapses)):
            raise ValueError(f"{self!r}: there are {pairs} possible pairs; needed are {self.count}")
        if not self.count:
            degrees = np.zeros(at.post, np.int64)
        elif self.multapses:
            degrees = at.random().multinomial(self.count, open_ / pairs)
        else:
            degrees = at.random().multivariate_hypergeometric(open_, self.count, method="marginals")
        heard = int(degrees.max(initial=0))
        return Rows(False, self._choice, _begin(degrees, self), self.autapses, heard)


class FromList(Connector):
    """The synapses that a list has.

    Args:
        connections: (n, 2), (n, 3) or (n, 4): source, target, and if given weight and delay (ms) of each synapse.
            Sources and targets are indices from 0; a pair may be there more than once.

    Arrays of weights and delays have a number for each line of the list.

    Raises:
        ValueError: another shape, indices that are not whole or negative, numbers that are not finite.
    """

    def __init__(self, connections: Any) -> None:
        given = np.asarray(connections)
        if given.size == 0 and given.ndim < 2:
            given = np.zeros((0, 2))
        if given.ndim != 2 or not 2 <= given.shape[1] <= 4 or given.dtype.kind not in "iuf":
            raise ValueError(
                "connections must be real numbers of shape (n, 2), (n, 3) or (n, 4): source, target, weight, delay; "
                f"got {given.dtype} {shown(given)}"
            )
        self._take(given[:, 0], given[:, 1], *[given[:, c].astype(np.float64) for c in range(2, given.shape[1])])

    def _take(self, pre: np.ndarray, post: np.ndarray, weight: Any = None, delay: Any = None) -> None:
        for name, values in (("sources", pre), ("targets", post)):
            if len(values) and (not np.isfinite(values).all() or (values % 1).any() or values.min() < 0):
                wrong = values[~((values % 1 == 0) & (values >= 0))][0]
                raise ValueError(f"connections: {name} must be whole numbers of at least 0, got {wrong}")
        for name, values in (("weights", weight), ("delays", delay)):
            if values is not None and not np.isfinite(values).all():
                raise ValueError(f"connections: {name} must be finite")
        pre, post = pre.astype(np.int64), post.astype(np.int64)
        self._order = np.lexsort((post, pre))
        self.pre, self.post = pre[self._order], post[self._order]
        self.weight = None if weight is None else weight[self._order]
        self.delay = None if delay is None else delay[self._order]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.pre)} synapses)"

    def rows(self, at: Place) -> Rows:
        """See `Connector.rows`."""
        for name, values, size in (("source", self.pre, at.pre), ("target", self.post, at.post)):
            if len(values) and values.max() >= size:
                raise ValueError(f"connections: {name} {values.max()} is not below {size}, the number of {name}s")
        begin = _begin(np.bincount(self.pre, minlength=at.pre), self)
        heard = int(np.bincount(self.post, minlength=1).max())
        return Rows(True, GIVEN, begin, True, heard, self.post.astype(np.uint32), self.weight, self.delay)

    def arranged(self, name: str, values: np.ndarray, at: Place) -> np.ndarray:
        """See `Connector.arranged`."""
        _shaped(name, values, self.pre.shape, self)
        return values[self._order]


class FromSparse(FromList):
    """The entries of a sparse matrix (sources, targets) of scipy's; their values are the weights.

    Every stored entry is a synapse, zeros and repeated ones too.

    Raises:
        TypeError: no sparse matrix. ValueError: numbers that are not real and finite.
    """

    def __init__(self, matrix: Any) -> None:
        if not hasattr(matrix, "tocoo"):
            raise TypeError(f"matrix must be one of scipy.sparse, not {type(matrix).__name__}")
        entries = matrix.tocoo()
        if entries.ndim != 2 or entries.data.dtype.kind not in "biuf":
            raise ValueError(f"matrix must be a matrix of real numbers, got {entries.data.dtype} {shown(entries)}")
        self.shape = tuple(entries.shape)
        self._take(entries.row, entries.col, entries.data.astype(np.float64))

    def rows(self, at: Place) -> Rows:
        """See `Connector.rows`."""
        if self.shape != (at.pre, at.post):
            raise ValueError(f"matrix must have shape {(at.pre, at.post)}, (sources, targets), got {self.shape}")
        return super().rows(at)
