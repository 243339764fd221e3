"""What all tests share: seeds, hypothesis' settings, and Python run in another process."""

import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import numpy as np
import pytest

from grilly_vk import host_random

HELPERS = Path(__file__).parent / "helpers"

sys.path.insert(0, str(HELPERS))

hypothesis.settings.register_profile("suite", derandomize=True, deadline=None, max_examples=20, database=None)
hypothesis.settings.load_profile("suite")


@pytest.fixture(autouse=True)
def seeds():
    """Numpy's global generator and that of parameters start each test alike, whatever ran before."""
    np.random.seed(0)  # noqa: NPY002
    host_random.seed(0)


@dataclass
class Finished:
    """How a process ended."""

    rc: int
    out: str
    err: str


@pytest.fixture
def snippet():
    """Runs Python source in a process of its own: ``snippet(source, GRILLY_VK_DEBUG="1")``.

    Keyword arguments are environment variables (None takes one away).  A process that fails fails the test,
    unless `fails=True` is given, and then one that succeeds does.  After `timeout` seconds it counts as hung.
    """

    def run(source, *arguments, fails=False, timeout=60, **environment):
        env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HELPERS), os.environ.get("PYTHONPATH", "")])}
        for name, value in environment.items():
            env.pop(name, None)
            if value is not None:
                env[name] = str(value)
        done = subprocess.run(
            [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(source), *map(str, arguments)],
            capture_output=True,
            text=True,
            env=env,
            timeout=timeout,
        )
        result = Finished(done.returncode, done.stdout, done.stderr)
        if (done.returncode != 0) != fails:
            pytest.fail(f"the process ended with {done.returncode}\n{done.stdout}\n{done.stderr}", pytrace=False)
        return result

    return run
