"""The command line's own error."""

from __future__ import annotations


class CliError(Exception):
    """What was asked for can't be done; the message says what came and what was expected.  Exit code 2."""
