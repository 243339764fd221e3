"""The options that `process` and `demo` share: mostly SNNCompute's arguments, with its defaults."""

from __future__ import annotations

import argparse
import inspect
from pathlib import Path
from typing import Any

from ..snn_compute import SNNCompute


def add_simulation_options(command: argparse.ArgumentParser, *, neurons: str, plot: Path | None = None) -> None:
    """Add the simulation's options.

    Args:
        command: the sub-command's parser.
        neurons: says in words what the default of --neurons is.
        plot: the default of --plot.
    """
    add = command.add_argument
    usual = inspect.signature(SNNCompute).parameters  # the defaults stand there, and only there

    def setting(flag: str, name: str, text: str, **kind: Any) -> None:
        add(flag, dest=name, default=usual[name].default, help=f"{text} (default: %(default)s)", **kind)

    add("--neurons", type=_count, metavar="N", help=f"number of neurons (default: {neurons})")
    setting("--timesteps", "timesteps", "steps to simulate", type=_count, metavar="T")
    setting(
        "--encoding",
        "encoding",
        "how a value becomes input: a constant current, random pulses, or one pulse whose time tells it",
        choices=("current", "poisson", "latency"),
    )
    setting("--threshold", "v_thresh", "potential at which a neuron fires", type=float, metavar="V")
    setting("--tau-mem", "tau_mem", "membrane time constant in milliseconds", type=float, metavar="MS")
    setting("--gain", "gain", "factor on the embedding, scaled to unit RMS", type=float, metavar="G")
    setting("--bias", "bias", "current for a value of 0", type=float, metavar="I")
    setting("--seed", "seed", "seed of everything random", type=_seed)
    add("--device", metavar="NAME", help="index or part of the name, as `info` lists them")
    usual_plot = f" (default: {plot}; see --no-plot)" if plot else ""
    add("--plot", type=Path, metavar="FILE", default=plot, help=f"picture: PNG, PDF or SVG by its ending{usual_plot}")
    if plot:
        add("--no-plot", dest="plot", action="store_const", const=None, help="write no picture")
    add("--json", action="store_true", help="print the numbers as JSON instead of tables")


def snn_arguments(args: argparse.Namespace) -> dict[str, Any]:
    """The parsed options that SNNCompute takes, all but n_neurons."""
    return {name: value for name, value in vars(args).items() if name in inspect.signature(SNNCompute).parameters}


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
