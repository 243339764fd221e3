"""Batches for training, recordings of event cameras (`events`), and sentence embeddings that come with the package.

`sentences.npz` holds 64 short English sentences written for this project (8 topics of 8) and their 384-d
embeddings, computed by sentence-transformers/all-MiniLM-L6-v2.  That model is published under the Apache
Licence 2.0; the embeddings are its output, and no weights are included.  `tools/make_sentences.py` in the
source repository made the file; the versions that it used are in the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

import numpy as np

from . import events as events
from .loader import DataLoader, pad_sequences, stack

__all__ = ["DataLoader", "Sentences", "events", "pad_sequences", "sentences", "stack"]


@dataclass(frozen=True)
class Sentences:
    """Sentences with their embeddings; row i of each array belongs to sentence i, and topics lie together.

    Attributes:
        embeddings: (64, 384) float32, every row of unit Euclidean norm, no unit.
        sentences: (64,) unicode array, the texts.
        topics: (64,) unicode array, the topic of each sentence (8 different ones, 8 sentences each).
        model: name of the model that made the embeddings.
        versions: what the model was run with, as "package version" strings.
    """

    embeddings: np.ndarray
    sentences: np.ndarray
    topics: np.ndarray
    model: str
    versions: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.sentences)


def sentences() -> Sentences:
    """Load the bundled sentence embeddings: a fresh copy at each call, free to be changed.

    Raises:
        FileNotFoundError: the data file is missing from the installation.
    """
    # allow_pickle=False: every array is of a plain type, so no code can hide in the file.
    with (
        resources.files(__name__).joinpath("sentences.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as z,
    ):
        return Sentences(
            embeddings=z["embeddings"],
            sentences=z["sentences"],
            topics=z["topics"],
            model=str(z["model"]),
            versions=tuple(z["versions"].tolist()),
        )
