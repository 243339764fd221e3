"""`check`: whether this GPU and its driver do what the package needs, in under two minutes.

Each check gives rows of a table that say pass, FAIL (with a hint), cut (by the time limit) or - (numbers only).
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

from ...errors import DeviceError
from ...runtime.config import Config
from ..errors import CliError
from . import barriers, claims, kernels, memory, operations, repeat, report, speed, tune, worker
from .runner import FAIL, Check

SECONDS = 100.0
QUICK_SECONDS = 30.0


def add_to(commands: Any) -> None:
    """Add the sub-command to the parser's `commands`."""
    text = "check the device and its driver: limits, kernels, results, order, memory and speed, in under two minutes"
    command = commands.add_parser("check", help=text, description=text)
    where = command.add_mutually_exclusive_group()
    where.add_argument(
        "--json", nargs="?", type=Path, const=Path(report.FILE), metavar="FILE",
        help=f"also write everything as JSON (default file: {report.FILE})",
    )  # fmt: skip
    where.add_argument("--output", type=Path, metavar="FOLDER", help=f"the same, as {report.FILE} in a folder")
    where.add_argument(
        "--tune", action="store_true",
        help="check nothing: measure which tile sizes and the like are fastest on this device, and keep them for it",
    )  # fmt: skip
    command.add_argument("--quick", action="store_true", help="fewer sizes and repetitions")
    command.add_argument(
        "--seconds", type=float, metavar="N",
        help=f"the time to spend (default {SECONDS:g}, with --quick {QUICK_SECONDS:g}); what does not fit is not run",
    )  # fmt: skip
    command.add_argument("--worker", type=int, metavar="START", help=argparse.SUPPRESS)
    command.add_argument("--crashed", action="append", default=[], help=argparse.SUPPRESS)
    command.set_defaults(run=run)


def all_checks() -> list[Check]:
    """Every check, in the order in which they run."""
    modules = (claims, kernels, operations, repeat, barriers, memory, speed)
    return [*(check for module in modules for check in module.checks()), *kernels.other_checks()]


def run(args: argparse.Namespace) -> int:
    """Runs the checks and prints their table.  Returns 0 if none failed, else 1.

    Raises:
        DeviceError: no device.
        CliError: a bad option, GRILLY_VK_* variable or file, or one that can't be written.
    """
    seconds = args.seconds if args.seconds is not None else QUICK_SECONDS if args.quick else SECONDS
    if not 0 <= seconds < 1e6:
        raise CliError(f"--seconds must be at least 0, got {seconds}")
    try:
        Config.from_environment()
    except ValueError as error:
        raise CliError(str(error)) from error
    if args.worker is not None:
        worker.work(all_checks(), args.worker, args.quick, seconds, args.crashed)
        return 0
    if args.tune:
        return tune.run(args.quick)
    began = time.monotonic()
    file = args.output / report.FILE if args.output else args.json
    if file is not None:
        report.check_writable(file)  # a place that can't be written is said now, not after two minutes
    printer = report.Printer()
    supervisor = worker.Supervisor(all_checks(), worker.command(*(["--quick"] if args.quick else [])), printer.add)
    if not supervisor.run(seconds):
        said = [line for line in supervisor.stderr.splitlines() if line.strip()]
        raise DeviceError(said[-1].removeprefix("grilly-vk: ") if said else "the device can't be opened")
    took = time.monotonic() - began
    printer.verdict(supervisor.rows, took)
    if file is not None:
        report.write(file, report.as_json(supervisor.rows, supervisor.known, took, args.quick))
        printer.line(f"Report: {os.fspath(file)}")
    return int(any(row.status == FAIL for row in supervisor.rows))
