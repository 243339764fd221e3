"""tools/abuse in its small form: a few attempts of each part; and that it notices what goes wrong."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tools"))  # behind tests/helpers, which has a golden of its own

from abusing import MOST, PARTS, Teller, TooMany  # noqa: E402

pytestmark = pytest.mark.skipif(os.name != "posix", reason="forks and signals")


def abuse(*words, timeout=120):
    command = [sys.executable, ROOT / "tools" / "abuse", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout)


@pytest.mark.parametrize("part", PARTS)
def test_a_little_abuse(part):
    done = abuse(part, "--small")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 faults" in done.stdout and "1 of 1 parts held" in done.stdout and not done.stderr


def test_faults_crashes_and_hangs_are_told(tmp_path):
    """A part that finds something, one that crashes, one that hangs and one that ends by an exception."""
    parts = tmp_path / "tools" / "abusing"
    parts.mkdir(parents=True)
    text = (ROOT / "tools" / "abusing" / "__init__.py").read_text()
    names = ("finds", "crashes", "hangs", "raises", "holds")
    made = ", ".join(f'Part("{name}", "{name}", 100, 2, 3)' for name in names)
    (parts / "__init__.py").write_text(text[: text.index("PARTS = ")] + f"PARTS = {{p.name: p for p in ({made})}}\n")
    for name, body in {
        "finds": "[(tell.done(), tell.fault('wrong')) for _ in range(count)]", "crashes": "import os; os.abort()",
        "hangs": "import time; time.sleep(60)", "raises": "1 / 0", "holds": "tell.done(count)",
    }.items():  # fmt: skip
        (parts / f"{name}.py").write_text(f"def run(count, seed, tell):\n    {body}\n")
    script = tmp_path / "tools" / "abuse"
    script.write_text((ROOT / "tools" / "abuse").read_text())
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    said = done.stdout
    assert said.count("FAULT: wrong") == MOST and "finds: 20 attempts, 20 faults" in said
    for name, ending in (
        ("finds", "FAULT: faults, see above"), ("crashes", "FAULT: its process ended with signal 6"),
        ("hangs", "FAULT: did not come back in 3 s"), ("raises", "FAULT: its process ended with 1"), ("holds", "held"),
    ):  # fmt: skip
        assert f"{name:<12} {ending}" in said, said
    assert "1 of 5 parts held; again: tools/abuse finds crashes hangs raises" in said
    assert "ZeroDivisionError" in done.stderr


def test_words():
    done = abuse("nothing")
    assert done.returncode == 2 and "there is no part nothing" in done.stderr
    listed = abuse("--list")
    assert listed.returncode == 0 and all(name in listed.stdout for name in PARTS)
    assert abuse("--count", "0").returncode == 2


def test_a_teller_ends_after_too_many_faults():
    tell = Teller("x", 100)
    with pytest.raises(TooMany):
        for _ in range(100):
            tell.fault("wrong")
    assert len(tell.faults) == MOST
