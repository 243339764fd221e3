"""`grilly-vk check`: passes here, finds what is wrong, and gets past checks that raise, hang, crash or lose it."""

import contextlib
import json
import os
import re
import subprocess
import sys
import time

import numpy as np
import pytest

import grilly_vk
from grilly_vk.cli import check, main
from grilly_vk.cli.check import barriers, kernels, memory, models, operations, report, table, worker
from grilly_vk.cli.check.runner import CUT, FAIL, LOST, PASS, Check, Failed, Found, Runner
from grilly_vk.runtime import engine
from grilly_vk.runtime.devices import native
from grilly_vk.runtime.kernels import Kernels
from grilly_vk.runtime.shared_memory import declared

PARTS = [
    "what the driver claims", "kernels", "operations", "random numbers", "determinism", "order under load", "memory",
    "speed", "more kernels",
]  # fmt: skip


@pytest.fixture
def cli(capsys):
    """Run a command line in this process; gives (exit code, stdout, stderr)."""

    def run(*words):
        code = main([str(w) for w in words])
        return code, *capsys.readouterr()

    return run


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """The quick check, run once as a user would: (exit code, what it printed, its file, seconds)."""
    if "SwiftShader" in grilly_vk.device().driver:
        pytest.skip("SwiftShader runs every case of a kernel's switch, which takes it longer than the check's limits")
    folder = tmp_path_factory.mktemp("check") / "new"
    words = [sys.executable, "-m", "grilly_vk", "check", "--quick", "--output", str(folder)]
    began = time.monotonic()
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.stderr == ""
    return done.returncode, done.stdout, json.loads((folder / report.FILE).read_text()), time.monotonic() - began


def rows_of(*checks, **options):
    return Runner(**options).run([Check("part", f"check {i}", c, "a hint", 5.0) for i, c in enumerate(checks)])


def good(time):
    return Found("fine")


# --- the whole ------------------------------------------------------------------------


def test_this_device_passes(quick):
    code, out, told, seconds = quick
    assert [r["check"] for r in told["rows"] if r["status"] == FAIL] == []
    assert (code, told["passed"]) == (0, True)
    assert seconds < 60
    assert "0 failed" in out
    assert f"Report: {os.sep}" in out


def test_the_table_and_the_file_have_every_part(quick):
    _, out, told, _ = quick
    assert list(dict.fromkeys(r["part"] for r in told["rows"])) == PARTS
    for part in PARTS:
        assert f"\n{part}" in f"\n{out}"
    for row in told["rows"]:
        assert set(row) == {"part", "check", "status", "text", "hint", "seconds", "values"}
        assert row["text"]
        assert row["hint"] == ""  # only failures have one


def test_the_file_says_what_a_report_needs(quick):
    told = quick[2]
    assert set(told) == {
        "format", "versions", "platform", "switches", "device", "features", "memory_budget", "host_visible", "quick",
        "seconds", "passed", "counts", "rows",
    }  # fmt: skip
    info = grilly_vk.device()
    assert (told["device"]["name"], told["device"]["driver"]) == (info.name, info.driver)
    assert told["device"]["limits"]["max_push_constants_size"] == info.limits["max_push_constants_size"]
    assert told["versions"]["Kompute"] == native().__version__
    assert [f["name"] for f in told["features"]] == [f.name for f in engine().device.features]
    assert told["counts"]["pass"] == sum(r["status"] == "pass" for r in told["rows"])
    speed = {r["check"]: r["values"] for r in told["rows"] if r["part"] == "speed"}
    assert all(rate > 0 for rate in speed["copies"]["gb_per_s"].values())


def test_every_kernel_was_compiled(quick):
    row = next(r for r in quick[2]["rows"] if r["check"] == "with default constants")
    lanes = grilly_vk.device().lanes
    matrices = not engine().matrices.lacking
    names = [n for n in Kernels().names() if (lanes or "-lanes" not in n) and (matrices or "-matrices" not in n)]
    assert row["values"]["of"] == row["values"]["made"] == len(names)


def test_a_failure_is_exit_code_1(cli, monkeypatch, tmp_path):
    def run(self, seconds):
        for row in rows_of(good, lambda time: Found("wrong", FAIL)):
            self._take(row)
        return True

    monkeypatch.setattr(worker.Supervisor, "run", run)
    code, out, _ = cli("check", "--json", tmp_path / "x.json")
    assert code == 1
    assert "1 passed, 1 failed" in out
    assert "a hint" in out
    assert json.loads((tmp_path / "x.json").read_text())["passed"] is False


def test_what_does_not_fit_the_time_is_said(cli):
    code, out, _ = cli("check", "--seconds", 0)
    assert code == 0
    assert f"{len(check.all_checks())} cut short by the time limit" in out
    assert "not run: the time given was spent" in out


@pytest.mark.parametrize(
    ("words", "variables", "says"),
    [
        (["--seconds", "-1"], {}, "--seconds must be at least 0"),
        (["--json", "/dev/null/x"], {}, "can't be written"),
        ([], {"GRILLY_VK_MEMORY": "cloud"}, "cloud"),
    ],
)
def test_bad_requests(cli, monkeypatch, words, variables, says):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    code, _, err = cli("check", *words)
    assert code == 2
    assert says in err


# --- what a check can find --------------------------------------------------------------


def test_a_wrong_result_is_found(monkeypatch):
    """An operation that is off by a little at one size only."""

    def spoilt(x, y):
        off = np.zeros(x.shape, np.float32)
        off[x.size // 2] = 1e-3 if x.size == 257 else 0.0
        return x + y + off

    one = table.TABLE[0]._replace(run=spoilt)
    monkeypatch.setattr(table, "TABLE", (one, table.TABLE[1]))
    first, second = Runner().run(operations.checks())
    assert (first.status, second.status) == (FAIL, PASS)
    assert first.text.startswith("size 257: 1 of 257 values are wrong, the first at [128]: ")
    assert first.hint == operations.HINT


@pytest.mark.parametrize(
    ("got", "says"),
    [([1.0, np.nan], "1 of 2 values are wrong"), ([1.0], "shape (1,) in place of (2,)"), ([1.0, 2.1], "2.1 in place")],
)
def test_differences(got, says):
    problem, error = operations.difference(np.float32(got), np.array([1.0, 2.0]), 1e-5)
    assert says in problem
    assert error > 1e-5


def test_the_slow_neurons_never_come_near_their_threshold():
    """So that float32 and float64 agree about every spike."""
    row = next(o for o in table.TABLE if o.name == "LIF neurons, tau 20 ms")
    for size in row.sizes:
        (x,) = row.given(size, np.random.default_rng([size, len(row.name)]))
        spikes, potentials = models.lif(x.astype(np.float64), table.SLOW.decay, table.SLOW.gain, 1.0, 2)
        before = np.vstack([np.zeros((1, size)), potentials[:-1]]) * table.SLOW.decay + table.SLOW.gain * x
        assert np.abs(before - 1.0).min() > 1e-5
        assert spikes.any()


def test_a_kernel_that_needs_too_much_is_named(monkeypatch):
    monkeypatch.setitem(grilly_vk.device().limits, "max_per_stage_descriptor_storage_buffers", 14)
    made = next(c for c in kernels.checks() if c.name == "with default constants")
    rows = Runner().run([made])
    assert [r.status for r in rows] == [FAIL]
    assert re.search(r"kernel '[\w.-]+' needs 15 storage buffers; .* offers 14", rows[0].text)


def test_a_kernel_that_the_driver_refuses_is_named():
    made = next(c for c in kernels.checks() if c.name == "with default constants")
    native().fail("vkCreateComputePipelines", native().OUT_OF_MEMORY[1], 3)
    rows = Runner().run([made, Check("part", "next", good, "")])
    assert [r.status for r in rows] == [FAIL, FAIL, PASS]
    assert "vkCreateComputePipelines" in rows[1].text
    assert rows[0].values["made"] == rows[0].values["of"] - 1


def test_shared_memory_follows_the_constants():
    code, face = Kernels().module("snn-recurrent-node-backward.vec4")
    space = next(i for i, s in enumerate(face.specs) if s.name == "SPACE")
    assert declared(code, {})[0] == 2 * 16
    assert declared(code, {space: 100})[0] == 2 * 16 * 100
    code, face = Kernels().module("softmax")
    assert declared(code, {0: 64})[0] >= 4


def test_memory_that_was_given_though_too_much(monkeypatch):
    monkeypatch.setattr(memory, "empty", lambda shape, dtype: None)
    rows = Runner().run([c for c in memory.checks() if c.name == "asking for too much"])
    assert rows[0].status == FAIL
    assert "one tensor of" in rows[0].text


def test_work_that_is_left_out_is_found(monkeypatch):
    """A replay that does nothing has the effect of one that ran too early."""
    replay, calls = grilly_vk.runtime.Graph.replay, []

    def forgetful(graph):
        calls.append(graph)
        if len(calls) != 50:
            replay(graph)

    monkeypatch.setattr(grilly_vk.runtime.Graph, "replay", forgetful)
    rows = Runner(quick=True).run([c for c in barriers.checks() if c.name == "graph replayed in flight"])
    assert rows[0].status == FAIL
    assert rows[0].text == "63 values: 63 of 63 values are wrong, the first at 0: 396.0 in place of 400.0"


# --- what a check can do to the others --------------------------------------------------


def test_checks_that_raise_do_not_stop_the_others():
    def fails(time):
        raise Failed("the device is wrong")

    def raises(time):
        raise ZeroDivisionError("by zero")

    rows = rows_of(fails, raises, good)
    assert [(r.status, r.text) for r in rows] == [
        (FAIL, "the device is wrong"),
        (FAIL, "ZeroDivisionError: by zero"),
        (PASS, "fine"),
    ]


LOST_DEVICE = """
import grilly_vk
from grilly_vk.cli.check.runner import Check, Found, Runner
from grilly_vk.runtime.devices import native
def loses(time):
    kp = native()
    kp.fail("vkQueueSubmit", kp.DEVICE_LOST)
    (grilly_vk.ones(3) + 1.0).numpy()
def works(time):
    return Found(str((grilly_vk.ones(3) + 1.0).numpy().tolist()))
for row in Runner().run([Check("part", f.__name__, f, "") for f in (loses, works)]):
    print(row.status, row.text)
"""


def test_a_lost_device_is_opened_again(snippet):
    """In a process of its own: other tests hold on to tensors."""
    first, second = snippet(LOST_DEVICE).out.splitlines()
    assert first.startswith(f"{FAIL} DeviceError: ")
    assert LOST in first
    assert second == f"{PASS} [2.0, 2.0, 2.0]"


def test_time_limits():
    def endless(timer):
        while True:
            with contextlib.suppress(Exception):  # as code does that takes any error for the device's
                time.sleep(0.01)

    began = time.monotonic()
    rows = Runner(seconds=2.0).run(
        [Check("part", "endless", endless, "a hint", 0.2), Check("part", "next", good, ""),
         Check("part", "the rest of the time", endless, "", 100.0), Check("part", "late", good, "")]
    )  # fmt: skip
    assert [r.status for r in rows] == [FAIL, PASS, FAIL, CUT]
    assert "did not end within 0 s" in rows[0].text
    assert time.monotonic() - began < 6


WORKER = """
import os, sys, time, signal, threading
from grilly_vk.cli.check import worker
from grilly_vk.cli.check.runner import Check, Found
def good(time):
    return Found("fine")
def dies(time):
    os.kill(os.getpid(), signal.SIGKILL)
def hangs(timer):
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    time.sleep(60)
def picks(time):
    for name in ("one", "two", "three"):
        if name in time.crashed:
            continue
        time.note(name)
        if name == "two":
            os.abort()
    return Found(f"without {sorted(time.crashed)}")
checks = [Check("part", f.__name__, f, "a hint", 0.3) for f in (good, dies, picks, hangs, good)]
if __name__ == "__main__":
    start = int(sys.argv[2])
    worker.work(checks, start, False, 20.0, [a.split("=")[1] for a in sys.argv[5:]])
"""


def test_a_crash_or_a_hang_in_the_driver_does_not_stop_the_others(tmp_path, monkeypatch):
    (tmp_path / "fake.py").write_text(WORKER)
    monkeypatch.setattr(worker, "_GRACE", 1.5)
    checks = [Check("part", name, good, "a hint", 0.3) for name in ("good", "dies", "picks", "hangs", "good")]
    seen = []
    supervisor = worker.Supervisor(checks, [sys.executable, str(tmp_path / "fake.py")], seen.append)
    assert supervisor.run(20.0)
    assert [(r.check, r.status) for r in seen] == [
        ("good", PASS), ("dies", FAIL), ("picks", PASS), ("hangs", FAIL), ("good", PASS),
    ]  # fmt: skip
    assert "was ended by SIGKILL" in seen[1].text
    assert seen[2].text == "without ['two']"
    assert "did not come back from the driver" in seen[3].text
    assert supervisor.known["device"]["name"] == grilly_vk.device().name
