#!/usr/bin/env python3
"""Makes the golden vectors in tests/data, or compares them with new ones: one file of tools/golden a family.

They are committed: to run the tests nobody needs this.  To make them again (1 GB of packages):

    python -m venv venv
    venv/bin/pip install torch==2.13.0 spikingjelly==2.0.0      # cores: spyx==1.0.0, in a Python of its own
    venv/bin/python tools/make_golden.py [FAMILY ...] [--check]

Each family has `main(argv)`, which writes its file, or with `--check` compares it and writes nothing, and returns the
exit code.  A family whose peer isn't installed is named and left out.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))


def main() -> int:
    """Runs the families that are asked for, or all of them.  Returns 0 if every one agreed."""
    known = sorted(m.name for m in pkgutil.iter_modules([str(HERE / "golden")]))
    options = [a for a in sys.argv[1:] if a.startswith("-")]
    asked = [a for a in sys.argv[1:] if not a.startswith("-")]
    unknown = [name for name in asked if name not in known]
    if unknown or options not in ([], ["--check"]):
        print(f"usage: make_golden.py [--check] [{' | '.join(known)}] ...", file=sys.stderr)
        return 2
    worst = 0
    for name in asked or known:
        try:
            family = importlib.import_module(f"golden.{name}")
        except ModuleNotFoundError as missing:
            print(f"{name}: left out, {missing.name} is not installed")
            worst = max(worst, int(name in asked))
            continue
        worst = max(worst, family.main(options))
    return worst


if __name__ == "__main__":
    sys.exit(main())
