"""The options that `process` and `demo` share."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_simulation_options(command: argparse.ArgumentParser, *, neurons: str) -> None:
    """Add the simulation's options; `neurons` says in words what the default of --neurons is."""
    command.add_argument(
        "--neurons", type=_count, metavar="N", help=f"number of neurons (default: {neurons})"
    )
    command.add_argument(
        "--timesteps", type=_count, metavar="T", default=50, help="steps to simulate (default: 50)"
    )
    command.add_argument(
        "--encoding",
        choices=("current", "poisson", "latency"),
        default="current",
        help="how a value becomes input: a constant current, random spikes, or one spike whose time tells it",
    )
    command.add_argument("--seed", type=_seed, default=0, help="seed of everything random (default: 0)")
    command.add_argument("--device", metavar="NAME", help="index or part of the name, as `info` lists them")
    command.add_argument(
        "--plot", type=Path, metavar="FILE", help="write a picture (PNG, PDF or SVG by its ending)"
    )
    command.add_argument("--json", action="store_true", help="print the numbers as JSON instead of tables")


def _count(text: str) -> int:
    return _integer(text, 1)


def _seed(text: str) -> int:
    return _integer(text, 0)


def _integer(text: str, least: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise argparse.ArgumentTypeError(f"{text!r} is not an integer of at least {least}")
    return value
