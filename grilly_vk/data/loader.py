"""DataLoader: batches over arrays, shuffled by a seed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import arguments
from ..settings import fixed, setting
from ..tensor import unmasked


class DataLoader:
    """Iterates over batches of one or several arrays of equal length.

    Args:
        arrays: numpy arrays (or array-likes) with the same first axis.
        batch_size: rows a batch.
        shuffle: another order each epoch, fixed by the seed.
        drop_last: leave out a last batch that is smaller.
        seed: of the order.
        progress: show a progress bar.

    Yields:
        Tuples of numpy arrays, one per array; a single array comes alone.

    Raises:
        ValueError: no arrays, lengths that differ, a batch size below 1.
    """

    arrays: list[np.ndarray] = fixed()
    batch_size, seed, epoch = setting(arguments.size), setting(arguments.size, 0), setting(arguments.size, 0)
    shuffle, drop_last, progress = (setting(arguments.flag) for _ in range(3))

    def __init__(
        self,
        *arrays: Any,
        batch_size: int = 32,
        shuffle: bool = False,
        drop_last: bool = False,
        seed: int = 0,
        progress: bool = False,
    ) -> None:
        if not arrays:
            raise ValueError("DataLoader needs at least one array")
        self.arrays = [np.asarray(unmasked(f"arrays[{i}]", a)) for i, a in enumerate(arrays)]
        lengths = [a.shape[0] if a.ndim else None for a in self.arrays]
        if len(set(lengths)) != 1 or None in lengths:
            raise ValueError(f"arrays have {lengths} rows; expected the same number in each")
        self.batch_size = arguments.size("batch_size", batch_size)
        self.shuffle, self.drop_last, self.progress = shuffle, drop_last, progress
        self.seed = arguments.size("seed", seed, least=0)
        self.epoch = 0

    def __len__(self) -> int:
        rows = len(self.arrays[0])
        return rows // self.batch_size if self.drop_last else -(-rows // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        rows = len(self.arrays[0])
        order = np.random.default_rng([self.seed, self.epoch]).permutation(rows) if self.shuffle else np.arange(rows)
        self.epoch += 1
        batches: Any = range(len(self))
        if self.progress:
            from rich.progress import track

            batches = track(batches, description=f"epoch {self.epoch}")
        for i in batches:
            picked = order[i * self.batch_size : (i + 1) * self.batch_size]
            batch = tuple(a[picked] for a in self.arrays)
            yield batch if len(batch) > 1 else batch[0]

    def state_dict(self) -> dict[str, int]:
        """What a continued run needs: the epoch."""
        return {"epoch": self.epoch}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Continues where `state_dict` was taken, at the start of an epoch."""
        self.epoch = arguments.size("epoch", state["epoch"], least=0)
