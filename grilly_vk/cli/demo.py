"""`demo`: real sentence embeddings into spikes, and whether the spikes keep what the sentences are about."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from .. import data
from ..report import Relatedness, relatedness
from .errors import CliError
from .health import describe
from .options import add_simulation_options
from .picture import Picture
from .simulate import simulate
from .streams import say
from .tables import activity_table, as_json, console, header

PICTURE = Path("out") / "demo.png"


def add_to(commands: Any) -> None:
    """Add the sub-command to the parser's `commands`."""
    text = "turn 64 bundled sentence embeddings into spikes; compare related with unrelated sentences"
    command = commands.add_parser("demo", help=text, description=text)
    add_simulation_options(command, neurons="384, one for each dimension of the embeddings", plot=PICTURE)
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Process the bundled sentences, print, draw.  Returns 0.

    Raises:
        CliError: an option is bad, or too few sentences made any neuron fire.
        DeviceError, OutOfDeviceMemory: no device, or it is too small.
    """
    given = data.sentences()
    x = given.embeddings
    picture = Picture(args.plot, x, given.topics.tolist(), given.sentences.tolist()) if args.plot else None
    activity = simulate(args, x, keep=picture.rows if picture else ())
    for warning in activity.warnings:
        say(f"grilly-vk: warning: {warning}")
    try:
        relation = relatedness(x, activity.patterns, given.topics)
    except ValueError as error:
        raise CliError(f"nothing to compare: {error}; see --timesteps, --threshold and --bias") from error
    if args.json:
        print(as_json(activity, args, model=given.model, relatedness=dataclasses.asdict(relation)))
    else:
        out = console()
        source = f"Embeddings: {given.model}, {x.shape[1]} dimensions, bundled with grilly-vk"
        for line in (*header(activity, args), source):
            out.print(line, soft_wrap=True)
        out.print(activity_table(activity, given.topics.tolist(), "topic"))
        for line in (*describe(activity), "", *explain(relation, activity.pattern_name)):
            out.print(line, soft_wrap=True)
    if picture:
        picture.write(activity)
        (say if args.json else print)(f"Picture: {args.plot}")
    return 0


def explain(r: Relatedness, patterns: str) -> list[str]:
    """The relatedness in words, a line for each finding; the verdict follows the numbers either way."""
    verdict = "more similar than" if r.spikes_within > r.spikes_between else "NOT more similar than"
    lines = [
        f"Spike patterns of related sentences are {verdict} those of unrelated ones:",
        f"  mean correlation of {patterns:<17}  within a topic {r.spikes_within:.3f}, "
        f"between topics {r.spikes_between:.3f}",
        f"  mean cosine of embeddings              within a topic {r.embedding_within:.3f}, "
        f"between topics {r.embedding_between:.3f}",
        f"  nearest other sentence is on the same topic: by spikes {r.nearest_spikes:.0%}, "
        f"by embedding {r.nearest_embedding:.0%}, by chance {r.nearest_chance:.0%}",
        f"Correlation between embedding similarity and spike similarity over {r.pairs} pairs: "
        f"Pearson {r.pearson:.3f}, Spearman {r.spearman:.3f} (Mantel test p = {r.p_value:.3f})",
    ]
    if r.silent:
        lines.append(f"{r.silent} sentences made no spike pattern and are left out of the comparison.")
    return lines
