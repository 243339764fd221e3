"""Activity as a table and as JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from .health import describe, never_fired
from .simulate import Activity

MAX_ROWS = 20


def console() -> Console:
    """A console on the current stdout that prints numbers and brackets as they are."""
    return Console(highlight=False, markup=False)


def activity_table(activity: Activity, labels: Sequence[str], label: str) -> Table:
    """One row per distinct label, in order of appearance: sums of spikes, means of the rest."""
    table = Table()
    names = list(dict.fromkeys(labels))
    grouped = len(names) < len(labels)
    headings = [label, *(["embeddings"] if grouped else []), "spikes", "mean rate", "dead", "saturated"]
    for i, heading in enumerate(headings):
        table.add_column(heading, justify="left" if i == 0 else "right")
    of = np.array(labels)
    for name in names[:MAX_ROWS]:
        mine = of == name
        table.add_row(name, *([str(mine.sum())] if grouped else []), *_cells(activity, mine))
    if len(names) > MAX_ROWS:
        table.add_row(f"... {len(names) - MAX_ROWS} more", *([""] * (len(headings) - 1)))
    if len(names) > 1:
        everything = np.ones(len(labels), bool)
        table.add_section()
        table.add_row("all", *([str(len(labels))] if grouped else []), *_cells(activity, everything))
    return table


def _cells(activity: Activity, mine: np.ndarray) -> list[str]:
    n = activity.neurons
    return [
        f"{activity.spikes[mine].sum():.0f}",
        f"{activity.mean_rates[mine].mean():.4f}",
        f"{activity.dead[mine].mean() / n:.1%}",
        f"{activity.saturated[mine].mean() / n:.1%}",
    ]


def header(activity: Activity, args: argparse.Namespace) -> list[str]:
    """Two lines: the device, and what was simulated."""
    count = len(activity.spikes)
    return [
        f"Device: {activity.device}",
        f"Simulated: {count} embedding{'s' if count > 1 else ''}, {activity.neurons} neurons, "
        f"{activity.steps} steps, {activity.encoding} encoding, seed {args.seed}",
    ]


def as_json(activity: Activity, args: argparse.Namespace, **more: Any) -> str:
    """The numbers of the table, unrounded, and `more`, as JSON text."""
    return json.dumps(
        {
            "device": activity.device,
            "neurons": activity.neurons,
            "timesteps": activity.steps,
            "encoding": activity.encoding,
            "seed": args.seed,
            "spike_activity": activity.spikes.tolist(),
            "firing_rate": activity.mean_rates.tolist(),
            "dead": activity.dead.tolist(),
            "saturated": activity.saturated.tolist(),
            "never_fired": never_fired(activity),
            "health": describe(activity),
            "warnings": activity.warnings,
            **more,
        },
        indent=2,
    )
