"""`process FILE`: embeddings out of a file into spikes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .embeddings import read_embeddings
from .health import describe
from .options import add_simulation_options
from .picture import Picture
from .simulate import simulate
from .streams import say
from .tables import activity_table, as_json, console, header


def add_to(commands: Any) -> None:
    """Add the sub-command to the parser's `commands`."""
    text = "turn the embeddings in a file into spikes and report how the neurons fired"
    command = commands.add_parser("process", help=text, description=text)
    command.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help=".npy with (D,) or (B, D) floats, or .npz with an array `embeddings`; - is stdin",
    )
    add_simulation_options(command, neurons="one for each dimension of the embeddings")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Process the file, print, draw.  Returns 0.

    Raises:
        CliError: the file or an option is bad.
        DeviceError, OutOfDeviceMemory: no device, or it is too small.
    """
    x = read_embeddings(args.file)
    picture = Picture(args.plot, x) if args.plot else None  # before the work: a bad FILE should not waste it
    activity = simulate(args, x, keep=picture.rows if picture else ())
    for warning in activity.warnings:
        say(f"grilly-vk: warning: {warning}")
    if args.json:
        print(as_json(activity, args))
    else:
        out = console()
        for line in header(activity, args):
            out.print(line, soft_wrap=True)
        out.print(activity_table(activity, [str(i) for i in range(len(x))], "embedding"))
        for line in describe(activity):
            out.print(line, soft_wrap=True)
    if picture:
        picture.write(activity)
        (say if args.json else print)(f"Picture: {args.plot}")
    return 0
