"""Numbers about spike patterns: firing rates, similarity between embeddings, and whether the spikes keep it.

Analysis of results on the host, in float64; nothing here simulates anything.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = [
    "RateSummary", "Relatedness", "correlation_matrix", "cosine_matrix", "pearson", "ranks", "rate_summary",
    "relatedness", "spearman",
]  # fmt: skip


QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.99)


@dataclass(frozen=True)
class RateSummary:
    """The distribution of firing rates, in spikes per step.

    Attributes:
        neurons: how many rates there are.
        mean, largest: of all rates.
        quantiles: by their levels, 0.1 to 0.99; 0.5 is the median.
        dead, saturated: shares of neurons that never fired, and whose rate is at least `saturated_at`.
        saturated_at: spikes per step.
        histogram, edges: neurons by rate, whole numbers (bins,), in bins of equal width between 0 and 1, (bins + 1,).
    """

    neurons: int
    mean: float
    largest: float
    quantiles: dict[float, float]
    dead: float
    saturated: float
    saturated_at: float
    histogram: np.ndarray
    edges: np.ndarray

    @property
    def median(self) -> float:
        """The rate that half of the neurons stay below."""
        return self.quantiles[0.5]


def rate_summary(rates: np.ndarray, *, saturated_at: float = 0.9, bins: int = 20) -> RateSummary:
    """Summarises firing rates of any shape, each in spikes per step, 0..1; all NaN if there are none.

    Args:
        saturated_at: the rate from which on a neuron counts as saturated, default 0.9.
        bins: of the histogram, default 20.
    """
    rates = np.asarray(rates, np.float64).reshape(-1)
    nothing = not len(rates)
    found = [float("nan")] * len(QUANTILES) if nothing else np.quantile(rates, QUANTILES).tolist()
    histogram, edges = np.histogram(rates, bins=bins, range=(0.0, 1.0))
    return RateSummary(
        neurons=len(rates),
        mean=_mean(rates),
        largest=float("nan") if nothing else float(rates.max()),
        quantiles=dict(zip(QUANTILES, found)),
        dead=_mean(rates == 0),
        saturated=_mean(rates >= saturated_at),
        saturated_at=saturated_at,
        histogram=histogram,
        edges=edges,
    )


def ranks(x: np.ndarray) -> np.ndarray:
    """Ranks 1..n of a vector (n,), float64; equal values share the mean of their ranks."""
    _, inverse, counts = np.unique(np.asarray(x), return_inverse=True, return_counts=True)
    last = np.cumsum(counts)  # the highest rank within each group of equal values
    return np.asarray((last - (counts - 1) / 2.0)[inverse.reshape(-1)])


def pearson(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson correlation of two vectors (n,): -1..1, or NaN if one of them is constant."""
    return float(correlation_matrix(np.stack([np.asarray(a, np.float64), np.asarray(b, np.float64)]))[0, 1])


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman rank correlation of two vectors (n,): -1..1, or NaN if one of them is constant."""
    return pearson(ranks(a), ranks(b))


def cosine_matrix(x: np.ndarray) -> np.ndarray:
    """Cosine similarity of every two rows of x (B, D): (B, B) float64; NaN for a zero row."""
    x = np.asarray(x, np.float64)
    norm = np.linalg.norm(x, axis=1, keepdims=True)
    unit = np.divide(x, norm, out=np.full_like(x, np.nan), where=norm > 0)
    return np.clip(unit @ unit.T, -1.0, 1.0)


def correlation_matrix(x: np.ndarray) -> np.ndarray:
    """Pearson correlation of every two rows of x (B, n): (B, B) float64; NaN for a constant row."""
    x = np.asarray(x, np.float64)
    centred = x - x.mean(axis=1, keepdims=True)
    centred[np.ptp(x, axis=1) == 0] = 0.0  # rounding of the mean must not make noise out of a constant row
    return cosine_matrix(centred)


@dataclass(frozen=True)
class Relatedness:
    """How well spike patterns keep the relations between embeddings.

    A pair is two different embeddings; silent ones (no spikes, so no correlation) are left out.
    The similarity of embeddings is their cosine, that of spike patterns their correlation.

    Attributes:
        pairs: number of pairs compared.
        silent: number of embeddings left out: all zero, or every neuron did the same.
        embedding_within, embedding_between: mean similarity of embeddings in one topic and in two.
        spikes_within, spikes_between: the same for spike patterns.
        pearson, spearman: correlation over all pairs between the two similarities.
        p_value: Mantel test, the share of random re-assignments of spike patterns to embeddings (the true one
            among them) whose Pearson correlation is at least as high.
        nearest_embedding, nearest_spikes: share of embeddings whose most similar other one has their topic.
        nearest_chance: that share for a random other one.
    """

    pairs: int
    silent: int
    embedding_within: float
    embedding_between: float
    spikes_within: float
    spikes_between: float
    pearson: float
    spearman: float
    p_value: float
    nearest_embedding: float
    nearest_spikes: float
    nearest_chance: float


def relatedness(
    embeddings: np.ndarray, patterns: np.ndarray, topics: np.ndarray, *, permutations: int = 999
) -> Relatedness:
    """Compare the similarities of embeddings (B, D) with those of their spike patterns (B, n).

    Args:
        embeddings: (B, D).
        patterns: (B, n), such as firing rates.
        topics: (B,) label of each embedding.
        permutations: of the Mantel test, default 999.

    Deterministic: the permutations of the Mantel test come from a fixed seed.

    Raises:
        ValueError: the lengths differ, or fewer than three embeddings have spikes to compare.
    """
    topics = np.asarray(topics)
    if not len(embeddings) == len(patterns) == len(topics):
        raise ValueError(
            f"lengths differ: {len(embeddings)} embeddings, {len(patterns)} patterns, {len(topics)} topics"
        )
    heard = (np.ptp(patterns, axis=1) > 0) & np.any(embeddings != 0, axis=1)
    if heard.sum() < 3:
        raise ValueError(f"only {heard.sum()} of {len(patterns)} embeddings made a spike pattern; 3 are needed")
    topics = topics[heard]
    by_embedding, by_spikes = cosine_matrix(embeddings[heard]), correlation_matrix(patterns[heard])
    upper = np.triu_indices(len(topics), k=1)
    same = (topics[:, None] == topics[None, :])[upper]
    e, s = by_embedding[upper], by_spikes[upper]
    r = pearson(e, s)
    return Relatedness(
        pairs=len(e),
        silent=int((~heard).sum()),
        embedding_within=_mean(e[same]),
        embedding_between=_mean(e[~same]),
        spikes_within=_mean(s[same]),
        spikes_between=_mean(s[~same]),
        pearson=r,
        spearman=spearman(e, s),
        p_value=_mantel(by_embedding, by_spikes, r, permutations),
        nearest_embedding=_nearest(by_embedding, topics),
        nearest_spikes=_nearest(by_spikes, topics),
        nearest_chance=float(same.mean()),
    )


def _mean(x: np.ndarray) -> float:
    return float(x.mean()) if len(x) else float("nan")


def _mantel(a: np.ndarray, b: np.ndarray, r: float, permutations: int) -> float:
    # Pairs share members, so they are not independent and the textbook p-value of r would be far too small.
    rng = np.random.default_rng(0)
    upper = np.triu_indices(len(a), k=1)
    hits = 0
    for _ in range(permutations):
        order = rng.permutation(len(a))
        hits += pearson(a[upper], b[np.ix_(order, order)][upper]) >= r
    return (hits + 1) / (permutations + 1)


def _nearest(similarity: np.ndarray, topics: np.ndarray) -> float:
    others = similarity.copy()
    np.fill_diagonal(others, -np.inf)
    return float(np.mean(topics[np.argmax(others, axis=1)] == topics))
