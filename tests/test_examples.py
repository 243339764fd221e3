"""Every example runs as a person would run it, and says something."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_example(path, tmp_path):
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout and not done.stderr


def test_frequency_follows_the_closed_form(tmp_path):
    path = next(p for p in EXAMPLES if p.stem == "lif_frequency_current")
    lines = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=300).stdout.splitlines()[1:]
    for line in lines:
        _, measured, exact = map(float, line.split())
        assert abs(measured - exact) <= 0.25  # one spike in the 4 s simulated
