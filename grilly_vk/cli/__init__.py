"""The command line: `python -m grilly_vk info | check | process | demo`.

Exit codes: 0 all right; 1 a device is missing, lost or too small, or a check failed; 2 the request or a file is wrong;
130 Ctrl-C; 1 also where stdout is closed or full.  Every error is one line on stderr, and the codes are the same where
stderr takes none.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from ..errors import DeviceError
from . import check, demo, info, process, streams
from .errors import CliError

__all__ = ["CliError", "main"]


class _Parser(argparse.ArgumentParser):
    """argparse, except that an error is an exception, so that all errors look the same and main() returns."""

    def error(self, message: str) -> NoReturn:
        raise CliError(f"{message} (try `{self.prog} --help`)")

    def print_help(self, file: Any = None) -> None:
        """As argparse's, which swallows the error of a full disk where the stream has no buffer."""
        (file or sys.stdout).write(self.format_help())


def parser() -> argparse.ArgumentParser:
    """The argument parser with all its sub-commands."""
    top = _Parser(prog="grilly-vk", description="Spiking neural networks on any Vulkan GPU.")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in (info, check, process, demo):
        module.add_to(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (default: the process's own arguments) and return its exit code.

    `--help` raises SystemExit(0), as argparse does; nothing else is raised on purpose.
    """
    streams.occupy()
    try:
        with streams.every_letter():
            return _run(argv)
    finally:
        streams.settle()


def _run(argv: Sequence[str] | None) -> int:
    try:
        streams.require_stdout()
        try:
            args = parser().parse_args(argv)
            code = int(args.run(args))
        finally:
            sys.stdout.flush()  # here, so that a closed pipe or a full disk is noticed here
        return code
    except CliError as error:
        return _fail(error, 2)
    except (DeviceError, MemoryError) as error:  # OutOfDeviceMemory is a MemoryError
        return _fail(error, 1)
    except KeyboardInterrupt:
        return _fail("stopped", 130)
    except BrokenPipeError:  # the reader has seen enough
        streams.drop(sys.stdout)
        return 1
    except OSError as error:  # those of files are CliErrors by now
        streams.drop(sys.stdout)
        return _fail(f"the output can't be written to stdout ({error.strerror or error})", 1)


def _fail(error: object, code: int) -> int:
    streams.say(f"grilly-vk: {' '.join(str(error).split())}")  # one line, whatever the message holds
    return code
