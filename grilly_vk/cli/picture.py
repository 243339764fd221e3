"""The picture that --plot writes: spike rasters, firing rates, and similarities.  Needs matplotlib."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import files
from ..report import correlation_matrix, cosine_matrix, pearson
from .errors import CliError
from .simulate import Activity

LIMIT = 400  # similarities are drawn for the first so many embeddings: their number grows with the square
INK, RELATED, UNRELATED = "#2b2b2b", "#c2410c", "#64748b"


class Picture:
    """A picture to be written: checks everything that can be checked before there is anything to draw.

    Args:
        path: file to write; its ending says the format. Missing folders are made.
        x: embeddings (B, D).
        topics: (B,) labels, embeddings of one topic side by side; None: there are none.
        texts: (B,) what each embedding stands for; None: its number.

    Raises:
        CliError: matplotlib is missing, the ending is no format that it writes, or the file could not be written.
    """

    def __init__(
        self,
        path: Path,
        x: np.ndarray,
        topics: Sequence[str] | None = None,
        texts: Sequence[str] | None = None,
    ) -> None:
        try:
            from matplotlib.backends.backend_agg import FigureCanvasAgg  # Agg: needs no display
            from matplotlib.figure import Figure
        except ImportError as error:
            raise CliError(
                f"--plot needs matplotlib ({error}); install it with: pip install 'grilly-vk[plot]'"
            ) from error
        self._figure = Figure(layout="constrained")
        formats = FigureCanvasAgg(self._figure).get_supported_filetypes()
        if path.suffix[1:].lower() not in formats:
            raise CliError(f"--plot {path}: unknown kind of picture; expected a name that ends in .png, .pdf or .svg")
        try:
            files.check_writable(path)
        except OSError as error:
            raise CliError(f"--plot {path}: can't be written ({error.strerror or error})") from error
        self.path = path
        self.topics = topics
        self.texts = texts or [f"embedding {i}" for i in range(len(x))]
        self.similarity = cosine_matrix(x[:LIMIT])
        self.rows = _examples(self.similarity)

    def write(self, activity: Activity) -> None:
        """Draw and save.

        Raises:
            CliError: the file can't be written.
        """
        many = len(activity.spikes) > 2
        self._figure.set_size_inches(15, 9.8 if many else 4.9)
        what = f"{activity.neurons} neurons, {activity.steps} steps, {activity.device}"
        self._figure.suptitle(what, fontsize=10, color=UNRELATED)
        parts: Any = self._figure.subfigures(2, 1, height_ratios=(1, 1.05)) if many else [self._figure]
        self._draw_spikes(parts[0], activity)
        if many:
            self._draw_similarities(parts[1], activity)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            kind = self.path.suffix[1:].lower()
            files.save_with(self.path, lambda file: self._figure.savefig(file, format=kind, dpi=110))
        except OSError as error:
            raise CliError(f"--plot {self.path}: can't be written ({error.strerror or error})") from error

    def _draw_spikes(self, part: Any, activity: Activity) -> None:
        axes = part.subplots(1, len(self.rows) + 1, squeeze=False)[0]
        # Sorted by the first panel's pattern, what is shared with another panel shows as the same slope.
        order = np.argsort(activity.patterns[self.rows[0]], kind="stable")
        for number, (axis, row) in enumerate(zip(axes, self.rows)):
            train = activity.trains[row][:, order]
            step, neuron = np.nonzero(train)
            colour = UNRELATED if number == 2 else RELATED
            height = float(np.clip(900 / activity.neurons, 2.8, 6.0))  # points: few neurons, taller marks
            axis.plot(step + 1, neuron, "|", color=colour, ms=height, mew=1.1, rasterized=True)
            axis.set(xlim=(0, activity.steps + 1), ylim=(-1, activity.neurons), xlabel="time step")
            axis.set_title(self._title(number, row), fontsize=9.5)
        axes[0].set_ylabel(f"neuron, ordered by {activity.pattern_name} in this panel")
        last = axes[-1]
        counts = np.rint(activity.rates * activity.steps).ravel()
        wide = max(1, int(counts.max()) // 40)  # whole spike counts in a bar, or some bars would stay empty
        edges = (np.arange(0, counts.max() + wide + 1, wide) - 0.5) / activity.steps
        last.hist(counts / activity.steps, bins=edges, color=INK, rwidth=0.85)
        last.set_yscale("log")
        mean = activity.rates.mean()
        last.axvline(mean, color=RELATED, lw=1)
        last.set(xlabel="firing rate (spikes per step)", ylabel="neurons x embeddings")
        last.set_title(f"Firing rates of all neurons, mean {mean:.3f}", fontsize=9.5)

    def _title(self, number: int, row: int) -> str:
        role = ("A", "B, most like A" if len(self.rows) > 2 else "B", "C, least like A")[number]
        topic = f" ({self.topics[row]})" if self.topics else ""
        return f"{role}{topic}\n" + "\n".join(textwrap.wrap(self.texts[row], 42)[:2])

    def _draw_similarities(self, part: Any, activity: Activity) -> None:
        left, middle, right = part.subplots(1, 3)
        spikes = correlation_matrix(activity.patterns[:LIMIT])
        upper = np.triu_indices(len(spikes), k=1)
        e, s = self.similarity[upper], spikes[upper]
        heard = np.isfinite(e) & np.isfinite(s)
        # One scale for both, or the two could not be compared; a few extreme pairs must not use it up.
        low, high = np.quantile(np.concatenate([e[heard], s[heard]]), (0.02, 0.995)) if heard.any() else (0, 1)
        self._draw_matrix(left, self.similarity, "Embeddings: cosine", low, high)
        self._draw_matrix(middle, spikes, f"Spikes: correlation of {activity.pattern_name}", low, high)
        same = self._same_topic()[upper]
        for mask, colour, label in ((~same, UNRELATED, "two topics"), (same, RELATED, "one topic")):
            right.scatter(e[heard & mask], s[heard & mask], s=9, alpha=0.5, color=colour, lw=0, label=label)
        if self.topics:
            right.legend(loc="upper left", frameon=False, markerscale=2)
        right.set(xlabel="cosine of the embeddings", ylabel=f"correlation of the {activity.pattern_name}")
        r = pearson(e[heard], s[heard]) if heard.sum() > 1 else float("nan")
        right.set_title(f"Every pair: Pearson {r:.3f}", fontsize=10)

    def _same_topic(self) -> np.ndarray:
        if self.topics is None:
            return np.zeros(self.similarity.shape, bool)
        topics = np.array(self.topics[:LIMIT])
        return np.asarray(topics[:, None] == topics[None, :])

    def _draw_matrix(self, axis: Any, similarity: np.ndarray, title: str, low: float, high: float) -> None:
        shown = similarity.copy()
        np.fill_diagonal(shown, np.nan)  # always 1: it would only take away the contrast
        axis.set_facecolor("#d4d4d4")  # shows through where there is no value
        image = axis.imshow(shown, vmin=low, vmax=high, cmap="magma", interpolation="nearest")
        axis.figure.colorbar(image, ax=axis, shrink=0.8, extend="both")
        axis.set_title(title, fontsize=10)
        if self.topics is None:
            return
        names = list(dict.fromkeys(self.topics[:LIMIT]))
        first = [self.topics.index(name) for name in names]
        ends = [*first[1:], len(shown)]
        middles = [(a + b - 1) / 2 for a, b in zip(first, ends)]
        axis.set_xticks(middles, names, rotation=45, ha="right", fontsize=8.5)
        axis.set_yticks(middles, names, fontsize=8.5)
        axis.tick_params(length=0)
        for edge in first[1:]:
            axis.axhline(edge - 0.5, color="white", lw=0.4)
            axis.axvline(edge - 0.5, color="white", lw=0.4)


def _examples(similarity: np.ndarray) -> list[int]:
    """Rows to draw: the two embeddings most alike (A, B), and the one least like A; fewer if B < 3."""
    count = len(similarity)
    if count < 3:
        return list(range(count))
    known = np.nan_to_num(similarity, nan=-2.0)  # a zero embedding is like nothing
    np.fill_diagonal(known, -3.0)
    a, b = sorted(int(i) for i in np.unravel_index(np.argmax(known), known.shape))
    known[a, [a, b]] = 2.0
    return [a, b, int(np.argmin(known[a]))]
