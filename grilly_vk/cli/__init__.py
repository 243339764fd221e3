"""The command line: `python -m grilly_vk info | check | process | demo`.

Exit codes: 0 all right; 1 a device is missing, lost or too small, or a check failed; 2 the request or a file is wrong;
130 Ctrl-C.  Every error is one line on stderr.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from ..errors import DeviceError
from . import check, demo, info, process
from .errors import CliError

__all__ = ["CliError", "main"]


class _Parser(argparse.ArgumentParser):
    """argparse, except that an error is an exception, so that all errors look the same and main() returns."""

    def error(self, message: str) -> NoReturn:
        raise CliError(f"{message} (try `{self.prog} --help`)")


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
    try:
        args = parser().parse_args(argv)
        code = int(args.run(args))
        sys.stdout.flush()  # here, so that a closed pipe is noticed here
        return code
    except CliError as error:
        return _fail(error, 2)
    except (DeviceError, MemoryError) as error:  # OutOfDeviceMemory is a MemoryError
        return _fail(error, 1)
    except KeyboardInterrupt:
        return _fail("stopped", 130)
    except BrokenPipeError:  # the reader has seen enough; Python must not try to flush again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _fail(error: object, code: int) -> int:
    text = " ".join(str(error).split())  # one line, whatever the message holds
    print(f"grilly-vk: {text}", file=sys.stderr)
    return code
