"""The command line: output, files, exit codes and errors; and the statistics that it prints."""

import json
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from scipy import stats

import grilly_vk
from grilly_vk import data, report
from grilly_vk.cli import main
from grilly_vk.cli.progress import late_progress
from grilly_vk.runtime import engine
from grilly_vk.runtime.devices import native

NO_DRIVER = {"VK_DRIVER_FILES": "/nonexistent.json", "VK_ICD_FILENAMES": "/nonexistent.json"}


@pytest.fixture
def cli(capsys):
    """Run a command line in this process; gives (exit code, stdout, stderr)."""

    def run(*words):
        code = main([str(w) for w in words])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def save(tmp_path):
    def save(x, name="x.npy"):
        np.save(tmp_path / name, x)
        return tmp_path / name

    return save


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def reference(x, **settings):
    """The engine itself, called as a user would, without the command line."""
    return grilly_vk.SNNCompute(**{"timesteps": 50, "seed": 0, **settings}).process(x)


def cells(out, label):
    """The cells of the table's row that begins with the label."""
    row = next(line for line in out.splitlines() if line.startswith(f"│ {label} "))
    return [cell.strip() for cell in row.strip("│").split("│")]


def one_error_line(err):
    assert err.count("\n") == 1, err
    assert err.startswith("grilly-vk: ")
    assert "Traceback" not in err
    return err


# --- info ---------------------------------------------------------------------------


def test_info_shows_devices_and_versions(cli):
    code, out, err = cli("info")
    assert (code, err) == (0, "")
    for device in grilly_vk.devices():
        assert str(device) in out
        assert device.driver in out
    assert f"numpy {np.__version__}" in out
    assert f"Kompute {native().__version__}" in out
    assert "python 3." in out
    assert out.count("the one that is used") == 1
    for feature in engine().device.features:
        assert f"│ {feature.name} " in out


def test_info_json_agrees_with_the_engine(cli):
    code, out, _ = cli("info", "--json")
    told = json.loads(out)
    assert code == 0
    assert [d["name"] for d in told["devices"]] == [d.name for d in grilly_vk.devices()]
    assert told["in_use"] == grilly_vk.device().index
    assert told["versions"]["numpy"] == np.__version__
    assert told["versions"]["Kompute"] == native().__version__
    assert told["features"] == [
        {name: getattr(f, name) for name in ("name", "extension", "purpose", "offered", "taken")}
        for f in engine().device.features
    ]
    limit = told["devices"][0]["limits"]["max_compute_shared_memory_size"]
    assert limit == grilly_vk.devices()[0].limits["max_compute_shared_memory_size"] >= 16384


def test_info_with_an_unknown_device_wanted(cli, monkeypatch):
    monkeypatch.setenv("GRILLY_VK_DEVICE", "no such device")
    code, out, err = cli("info")
    assert code == 1
    assert "no such device" in one_error_line(err)
    assert str(grilly_vk.devices()[0]) in out  # all the same: this is where one looks the names up


def test_info_with_a_bad_environment_switch(cli, monkeypatch):
    monkeypatch.setenv("GRILLY_VK_MEMORY", "cloud")
    code, _, err = cli("info")
    assert code == 2
    assert "cloud" in one_error_line(err)


@pytest.mark.parametrize("words", [["info"], ["check"], ["demo"], ["process", "x.npy"]])
def test_without_a_driver(words, save):
    where = save(normal(8)).parent
    done = subprocess.run(
        [sys.executable, "-m", "grilly_vk", *words],
        cwd=where,
        env={**os.environ, **NO_DRIVER},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "mesa-vulkan-drivers" in one_error_line(done.stderr)


# --- process ------------------------------------------------------------------------


def test_process_prints_what_the_engine_computed(cli, save):
    x = normal(3, 64)
    code, out, err = cli("process", save(x))
    expected = reference(x, n_neurons=64)
    assert (code, err) == (0, "")
    assert f"Device: {grilly_vk.device()}" in out
    assert "3 embeddings, 64 neurons, 50 steps, current encoding" in out
    for i in range(3):
        assert cells(out, i) == [
            str(i),
            f"{expected['spike_train'][i].sum():.0f}",
            f"{expected['spike_train'][i].mean():.4f}",
            f"{(expected['spike_train'][i].sum(axis=0) == 0).mean():.1%}",
            f"{np.asarray(expected['saturated_fraction'])[i]:.1%}",
        ]
    assert cells(out, "all")[1] == f"{expected['spike_train'].sum():.0f}"


@pytest.mark.parametrize("encoding", ["current", "poisson", "latency"])
def test_process_json_with_every_option(cli, save, encoding):
    x = normal(2, 40)
    words = ("--neurons", 48, "--timesteps", 33, "--encoding", encoding, "--seed", 7, "--json")
    code, out, _ = cli("process", save(x), *words)
    told = json.loads(out)
    expected = reference(x, n_neurons=48, timesteps=33, encoding=encoding, seed=7)
    assert code == 0
    assert (told["neurons"], told["timesteps"], told["encoding"], told["seed"]) == (48, 33, encoding, 7)
    np.testing.assert_array_equal(told["spike_activity"], expected["spike_train"].sum(axis=(1, 2)))
    np.testing.assert_allclose(told["firing_rate"], expected["spike_train"].mean(axis=(1, 2)), rtol=1e-6)
    fired = expected["spike_train"].any(axis=1)
    np.testing.assert_array_equal(told["dead"], (~fired).sum(axis=1))
    assert told["never_fired"] == (~fired.any(axis=0)).sum()


def test_one_vector_and_float16_and_float64(cli, save):
    x = normal(32).astype(np.float16)
    told = [json.loads(cli("process", save(x.astype(t)), "--json")[1]) for t in ("f2", "f4", "f8", ">f8")]
    assert len(told[0]["spike_activity"]) == 1
    assert told[0]["spike_activity"][0] > 0
    assert all(t == told[0] for t in told)


def test_npz_with_embeddings(cli, tmp_path, save):
    x = normal(2, 16)
    np.savez(tmp_path / "x.npz", embeddings=x, other=np.arange(3))
    from_npz = cli("process", tmp_path / "x.npz", "--json")
    assert from_npz[0] == 0
    assert from_npz[1] == cli("process", save(x), "--json")[1]


def test_many_rows_are_summed_up(cli, save):
    x = normal(30, 16)
    _, out, _ = cli("process", save(x))
    rows = [line for line in out.splitlines() if line.startswith("│")]
    assert len(rows) == 22  # 20 embeddings, the line about the others, the sum
    assert "... 10 more" in rows[20]
    assert f" {reference(x, n_neurons=16)['spike_train'].sum():.0f} " in rows[21]


def test_parts_give_the_same_as_one_call(cli, save, monkeypatch):
    from grilly_vk.cli import simulate

    file = save(normal(7, 16))
    whole = cli("process", file, "--json")[1]
    monkeypatch.setattr(simulate, "_PART", 16 * 50 * 2)  # two embeddings a call
    assert cli("process", file, "--json")[1] == whole


def test_nothing_fires(cli, save):
    code, out, err = cli("process", save(np.zeros((2, 8), np.float32)))
    assert code == 0
    assert "8 of 8 (100.0%) fired for none of the 2 embeddings" in out
    assert "Nothing fired at all" in out
    assert err.startswith("grilly-vk: warning: ")  # the engine's own
    assert err.count("\n") == 1


def test_dead_neurons_bring_advice(cli, save):
    x = np.zeros((4, 40), np.float32)
    x[:, :4] = 1.0  # without a bias 36 neurons get nothing
    _, out, _ = cli("process", save(x), "--bias", 0)
    assert "36 of 40 (90.0%) fired for none of the 4 embeddings" in out
    assert "lower --threshold" in out
    assert "change threshold and time constants together" in out
    assert "short window" in out


def test_saturated_neurons_bring_advice(cli, save):
    # Far above threshold all 20 neurons fire whenever they may: 1 step in 3, as 2 of dt = 1 ms are refractory.
    _, out, _ = cli("process", save(normal(1, 20)), "--bias", 1000, "--timesteps", 30)
    assert cells(out, "0") == ["0", "200", "0.3333", "0.0%", "100.0%"]
    assert "Saturated neurons: 20 of 20 (100.0%) on average, at most 20" in out
    assert "raise --threshold" in out
    assert "useful range" not in out


def test_the_tuning_options_reach_the_engine(cli, save):
    x = normal(2, 24)
    words = ("--threshold", 0.8, "--tau-mem", 12.5, "--gain", 2, "--bias", 0.7, "--json")
    told = json.loads(cli("process", save(x), *words)[1])
    expected = reference(x, n_neurons=24, v_thresh=0.8, tau_mem=12.5, gain=2.0, bias=0.7)
    np.testing.assert_array_equal(told["spike_activity"], expected["spike_train"].sum(axis=(1, 2)))
    assert told["spike_activity"] != json.loads(cli("process", save(x), "--json")[1])["spike_activity"]


@pytest.mark.parametrize(("option", "value"), [("--tau-mem", "0"), ("--tau-mem", "-1"), ("--gain", "nan")])
def test_what_the_engine_refuses(cli, option, value):
    code, out, err = cli("demo", option, value)
    assert (code, out) == (2, "")
    assert option.strip("-").replace("-", "_") in one_error_line(err)


@pytest.mark.parametrize(
    ("array", "named"),
    [
        (np.zeros((2, 3, 4), np.float32), "(2, 3, 4)"),
        (np.float32(1.0), "()"),
        (np.zeros((0, 4), np.float32), "(0, 4)"),
        (np.zeros((4, 0), np.float32), "(4, 0)"),
        (np.arange(4), "int64"),
        (np.zeros(4, bool), "bool"),
        (np.zeros(4, complex), "complex128"),
        (np.array(["a", "b"]), "<U1"),
        (np.array([1.0, np.nan]), "1 of 2 values are not finite"),
        (np.array([[1.0, 2.0], [np.inf, -np.inf]]), "at row 1, column 0"),
        (np.array([1e300, 0.0]), "not finite in float32"),
    ],
)
def test_bad_arrays(cli, save, array, named):
    code, out, err = cli("process", save(array))
    assert (code, out) == (2, "")
    assert named in one_error_line(err)
    assert "expected" in err


def test_pickles_are_refused(cli, tmp_path):
    np.save(tmp_path / "x.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    code, _, err = cli("process", tmp_path / "x.npy")
    assert code == 2
    one_error_line(err)


def write(path, content):
    path.write_bytes(content)
    return path


def test_bad_files(cli, tmp_path, save):
    good = save(normal(100), "good.npy").read_bytes()
    np.savez(tmp_path / "other.npz", a=np.zeros(3), b=np.zeros(3))
    np.savez(tmp_path / "good.npz", embeddings=normal(4, 100))
    archive = (tmp_path / "good.npz").read_bytes()
    cases = {
        tmp_path / "missing.npy": "No such file",
        tmp_path: "Is a directory",
        write(tmp_path / "text.npy", b"1.0, 2.0\n"): "not a numpy file",
        write(tmp_path / "empty.npy", b""): "not a numpy file",
        write(tmp_path / "short.npy", good[:-4]): "can't be read",
        write(tmp_path / "head.npy", good[:20]): "can't be read",
        write(tmp_path / "cut.npz", archive[:-30]): "can't be read",
        write(tmp_path / "bit.npz", archive[:300] + b"\0\1\2\3" + archive[304:]): "can't be read",
        tmp_path / "other.npz": "no array `embeddings` (it holds a, b)",
    }
    for path, named in cases.items():
        code, out, err = cli("process", path)
        assert (code, out) == (2, ""), path
        assert named in one_error_line(err), path
        assert str(path) in err
        assert ".npy" in err
        assert "expected" in err


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ([], "COMMAND"),
        (["fly"], "'fly'"),
        (["process"], "FILE"),
        (["demo", "--neurons", "0"], "'0' is not an integer of at least 1"),
        (["demo", "--neurons", "many"], "'many'"),
        (["demo", "--timesteps", "-3"], "'-3'"),
        (["demo", "--timesteps", "2.5"], "'2.5'"),
        (["demo", "--seed", "-1"], "'-1'"),
        (["demo", "--encoding", "morse"], "'morse'"),
        (["demo", "--tau-mem", "long"], "'long'"),
        (["demo", "--plot", "x.docx"], "x.docx"),
        (["demo", "--plot", "x"], "--plot x"),
        (["demo", "--plot", "/"], "--plot /"),
    ],
)
def test_bad_words(cli, words, named):
    code, out, err = cli(*words)
    assert (code, out) == (2, "")
    assert named in one_error_line(err)


def test_unknown_device(cli):
    code, _, err = cli("demo", "--device", "no such device")
    assert code == 1
    assert "no such device" in one_error_line(err)
    assert cli("demo", "--json")[0] == 0  # and the engine goes on working


def test_absurd_sizes_are_refused_in_one_line(cli, save):
    code, out, err = cli("process", save(normal(8)), "--neurons", 10**12)
    assert code in (1, 2)
    assert out == ""
    one_error_line(err)
    assert cli("process", save(normal(8)), "--json")[0] == 0


def test_help_names_the_commands(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    out = capsys.readouterr().out
    assert all(word in out for word in ("info", "process", "demo"))


def test_a_closed_pipe_is_no_error():
    reader = "import sys; sys.stdin.readline()"
    command = f"'{sys.executable}' -m grilly_vk info --json | '{sys.executable}' -c '{reader}'"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
    assert done.stderr == ""


# --- demo ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demo_reference():
    given = data.sentences()
    train = reference(given.embeddings, n_neurons=384)["spike_train"]
    return given, np.asarray(train, np.float64)


def test_demo_numbers_against_scipy(cli, demo_reference):
    given, train = demo_reference
    code, out, err = cli("demo")
    assert (code, err) == (0, "")
    spikes = np.corrcoef(train.mean(axis=1))
    cosine = 1.0 - np.asarray(
        [[_cosine_distance(a, b) for b in given.embeddings] for a in given.embeddings], np.float64
    )
    pairs = [(i, j) for i in range(64) for j in range(i)]
    e = np.array([cosine[p] for p in pairs])
    s = np.array([spikes[p] for p in pairs])
    same = np.array([given.topics[i] == given.topics[j] for i, j in pairs])
    pearson, spearman = stats.pearsonr(e, s).statistic, stats.spearmanr(e, s).statistic
    assert f"Pearson {pearson:.3f}, Spearman {spearman:.3f}" in out
    assert f"within a topic {s[same].mean():.3f}, between topics {s[~same].mean():.3f}" in out
    assert f"within a topic {e[same].mean():.3f}, between topics {e[~same].mean():.3f}" in out
    # The point of it all: the spikes keep what the sentences are about.
    assert "Spike patterns of related sentences are more similar than" in out
    assert s[same].mean() > 2 * s[~same].mean()
    assert pearson > 0.6
    assert spearman > 0.5
    assert "p = 0.001" in out


def _cosine_distance(a, b):
    from scipy.spatial.distance import cosine

    return cosine(a.astype(np.float64), b.astype(np.float64))


def test_demo_table(cli, demo_reference):
    given, train = demo_reference
    _, out, _ = cli("demo")
    for topic in dict.fromkeys(given.topics.tolist()):
        mine = train[given.topics == topic]
        dead = (mine.sum(axis=1) == 0).mean()
        assert cells(out, topic)[:5] == [topic, "8", f"{mine.sum():.0f}", f"{mine.mean():.4f}", f"{dead:.1%}"]
    dead = int((train.sum(axis=(0, 1)) == 0).sum())
    assert f"Dead neurons: {dead} of 384" in out
    assert "Saturated neurons: none." in out


def test_demo_is_repeatable_and_the_seed_counts(cli):
    one, again = (cli("demo", "--encoding", "poisson", "--json")[1] for _ in range(2))
    other = cli("demo", "--encoding", "poisson", "--seed", 1, "--json")[1]
    assert one == again
    assert json.loads(one)["spike_activity"] != json.loads(other)["spike_activity"]
    assert json.loads(one)["relatedness"]["p_value"] == 0.001


def test_demo_compares_latencies_by_first_spikes(cli):
    given = data.sentences()
    train = reference(given.embeddings, n_neurons=384, encoding="latency")["spike_train"]
    spikes = np.corrcoef(np.where(train.any(axis=1), 50.0 - train.argmax(axis=1), 0.0))
    cosine = given.embeddings.astype(np.float64) @ given.embeddings.T.astype(np.float64)
    lower = np.tril_indices(64, -1)
    _, out, _ = cli("demo", "--encoding", "latency")
    assert "mean correlation of first-spike times" in out
    assert f"Pearson {stats.pearsonr(cosine[lower], spikes[lower]).statistic:.3f}" in out


def test_demo_that_can_not_compare(cli):
    code, _, err = cli("demo", "--timesteps", 1)
    assert code == 2
    assert "nothing to compare" in err.splitlines()[-1]


# --- pictures -----------------------------------------------------------------------


def test_demo_picture(cli, tmp_path):
    image = pytest.importorskip("matplotlib.image")
    target = tmp_path / "new" / "folder" / "demo.png"
    code, out, err = cli("demo", "--plot", target)
    assert (code, err) == (0, "")
    assert f"Picture: {target}" in out
    pixels = image.imread(target)[..., :3]
    height, width, _ = pixels.shape
    assert height > 800
    assert width > 1200
    # Something is drawn in every part of a grid of 3 by 4.
    for rows in np.array_split(pixels, 3, axis=0):
        for part in np.array_split(rows, 4, axis=1):
            assert part.std() > 0.02


@pytest.mark.parametrize("count", [1, 2, 3, 450])
def test_process_pictures_of_any_number(cli, save, tmp_path, count):
    pytest.importorskip("matplotlib")
    code, _, err = cli("process", save(normal(count, 8)), "--plot", tmp_path / "x.png", "--json")
    assert code == 0
    assert err == f"Picture: {tmp_path / 'x.png'}\n"
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


def test_picture_of_silence(cli, tmp_path, save):
    pytest.importorskip("matplotlib")
    file = save(np.zeros((4, 8), np.float32))
    assert cli("process", file, "--plot", tmp_path / "x.png")[0] == 0
    assert (tmp_path / "x.png").exists()


@pytest.mark.parametrize(("ending", "magic"), [("svg", b"<?xml"), ("PDF", b"%PDF")])
def test_other_kinds_of_picture(cli, tmp_path, save, ending, magic):
    pytest.importorskip("matplotlib")
    assert cli("process", save(normal(4, 8)), "--plot", tmp_path / f"x.{ending}")[0] == 0
    assert (tmp_path / f"x.{ending}").read_bytes().startswith(magic)


def test_picture_that_can_not_be_written(cli, tmp_path, save):
    pytest.importorskip("matplotlib")
    write(tmp_path / "file", b"")
    code, _, err = cli("process", save(normal(8)), "--plot", tmp_path / "file" / "x.png")
    assert code == 2
    assert "can't be written" in one_error_line(err)


def test_without_matplotlib(cli, save, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)
    code, out, err = cli("process", save(normal(8)), "--plot", tmp_path / "x.png")
    assert (code, out) == (2, "")
    assert "pip install 'grilly-vk[plot]'" in one_error_line(err)
    assert cli("process", save(normal(8)))[0] == 0  # nothing else needs it


# --- progress -----------------------------------------------------------------------


def test_the_bar_comes_after_some_time_only(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # makes rich take the captured stderr for a terminal
    with late_progress("quick work", 2, patience=3600) as advance:
        advance(2)
    assert capsys.readouterr() == ("", "")
    with late_progress("slow work", 2, patience=0.01) as advance:
        for timer in threading.enumerate():
            if isinstance(timer, threading.Timer):
                timer.join(30)  # until it has started the bar
        advance(2)
    out, err = capsys.readouterr()
    assert out == ""
    assert "slow work" in err


def test_no_bar_without_a_terminal(capsys, monkeypatch):
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    with late_progress("slow work", 1, patience=0.01):
        time.sleep(0.1)
    assert capsys.readouterr() == ("", "")


def test_the_bar_goes_when_the_work_fails(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    before = set(threading.enumerate())  # (those of other tests may end meanwhile)
    with pytest.raises(KeyError), late_progress("work", 1, patience=60):
        raise KeyError
    assert set(threading.enumerate()) <= before


# --- statistics ---------------------------------------------------------------------


@pytest.mark.parametrize("values", [normal(50), np.round(normal(200)), np.zeros(5), np.array([3, 1, 2, 1])])
def test_ranks(values):
    np.testing.assert_array_equal(report.ranks(values), stats.rankdata(values))


def test_correlations():
    a, b = np.round(normal(300), 1), np.round(normal(300, seed=1) + normal(300), 1)
    assert report.pearson(a, b) == pytest.approx(stats.pearsonr(a, b).statistic, abs=1e-7)
    assert report.spearman(a, b) == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-7)
    assert np.isnan(report.pearson(a, np.full(300, 0.1)))
    np.testing.assert_allclose(report.correlation_matrix(normal(6, 40)), np.corrcoef(normal(6, 40)), atol=1e-6)


def test_a_silent_row_has_no_similarity():
    x = normal(3, 5)
    x[1] = 0
    assert np.isnan(report.cosine_matrix(x)[1]).all()
    assert np.isnan(report.cosine_matrix(x)[:, 1]).all()
    assert np.isfinite(report.cosine_matrix(x)[np.ix_([0, 2], [0, 2])]).all()


def test_relatedness_of_patterns_that_mean_nothing():
    embeddings, topics = normal(40, 20), np.repeat(["a", "b", "c", "d"], 10)
    r = report.relatedness(embeddings, np.abs(normal(40, 30, seed=5)), topics)
    assert abs(r.pearson) < 0.15
    assert r.p_value > 0.05
    assert r.nearest_chance == pytest.approx(9 / 39)


def test_relatedness_of_a_faithful_copy():
    embeddings, topics = normal(12, 20), np.repeat(["a", "b", "c"], 4)
    centred = embeddings - embeddings.mean(axis=1, keepdims=True)
    r = report.relatedness(centred, 3 * centred + 2, topics)
    assert r.pearson == pytest.approx(1, abs=1e-6)
    assert r.spearman == pytest.approx(1, abs=1e-6)
    assert r.p_value == 1 / 1000
    assert r.nearest_spikes == r.nearest_embedding
    assert (r.pairs, r.silent) == (66, 0)


def test_relatedness_leaves_the_silent_out():
    embeddings, rates, topics = normal(8, 6), np.abs(normal(8, 6, seed=2)), np.repeat(["a", "b"], 4)
    rates[[0, 5]] = 0
    kept = [1, 2, 3, 4, 6, 7]
    r = report.relatedness(embeddings, rates, topics)
    assert (r.silent, r.pairs) == (2, 15)
    assert r.pearson == report.relatedness(embeddings[kept], rates[kept], topics[kept]).pearson
    with pytest.raises(ValueError, match="3 are needed"):
        report.relatedness(embeddings, np.zeros((8, 6)), topics)
    with pytest.raises(ValueError, match="lengths differ"):
        report.relatedness(embeddings, rates[:7], topics)


# --- streams that are closed, full or pipes -----------------------------------------

posix = pytest.mark.skipif(os.name != "posix", reason="/dev/full and closed descriptors")


# One process that has the package imported and forks for each case: the import takes most of a second.
SERVER = """
import json, os, sys
from grilly_vk.cli import main
for case in json.loads(sys.argv[1]):
    out, err = (os.open(f"{sys.argv[2]}/{name}", os.O_RDWR | os.O_CREAT | os.O_TRUNC) for name in ("out", "err"))
    child = os.fork()
    if not child:
        break
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    texts = [os.pread(handle, 1 << 20, 0).decode() for handle in (out, err)]
    os.close(out), os.close(err)
    print(json.dumps([code, *texts]), flush=True)
else:
    os._exit(0)
os.environ.update(case["environment"])
for number, (where, mode) in enumerate([("in", "r"), (out, "w"), (err, "w")]):
    where = case["streams"].get(str(number), where)
    handle = -1
    if where == "pipe":
        handle, feed = os.pipe()
        if not os.fork():  # the one before the pipe
            with open(feed, "wb") as end, open(case["input"], "rb") as start:
                end.write(start.read()[: case["bytes"]])
            os._exit(0)
        os.close(feed)
    elif where != "closed":
        name = where if isinstance(where, int) else "/dev/null" if where == "in" else where
        handle = os.dup(name) if isinstance(name, int) else os.open(name, os.O_RDONLY if mode == "r" else os.O_WRONLY)
    os.close(number) if handle < 0 else os.dup2(handle, number)
    stream = None if handle < 0 else open(number, mode, buffering=1 if number == 2 else -1, closefd=False)
    setattr(sys, ["stdin", "stdout", "stderr"][number], stream)
for handle in range(3, 30):  # as in a process of its own
    try:
        os.close(handle)
    except OSError:
        pass
sys.exit(main(case["words"]))
"""


def served(folder, *cases):
    """(exit code, stdout, stderr) of each command line, run with descriptors as asked for: closed, pipe, or a name."""
    whole = [{"environment": {}, "input": "", "bytes": None, "streams": {}, **case} for case in cases]
    for case in whole:
        case["words"] = [str(word) for word in case["words"]]
    quiet = ["-W", "ignore::DeprecationWarning"]  # of fork, from 3.12 on
    done = subprocess.run(
        [sys.executable, *quiet, "-c", SERVER, json.dumps(whole), folder], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@posix
def test_stdout_that_takes_nothing(tmp_path, save):
    commands = (["info"], ["info", "--json"], ["process", save(normal(8))], ["check", "--help"])
    wheres = {"/dev/full": "No space left", "closed": "Bad file descriptor"}
    cases = [(words, where) for words in commands for where in wheres]
    answers = served(tmp_path, *({"words": words, "streams": {1: where}} for words, where in cases))
    for (words, where), (code, out, err) in zip(cases, answers):
        assert (code, out) == (1, ""), (words, where, err)
        assert wheres[where] in one_error_line(err) and "stdout" in err
    # A process of its own, with and without a buffer in stdout.
    for unbuffered in ("", "1"):
        done = subprocess.run(
            ["sh", "-c", f"'{sys.executable}' -m grilly_vk --help >/dev/full"],
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered}, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 1 and "No space left" in one_error_line(done.stderr)


@posix
def test_stderr_that_takes_nothing(tmp_path, save):
    silent = save(np.zeros((1, 8), np.float32))
    commands = [
        (["process", tmp_path / "missing.npy"], 2), (["fly"], 2),
        (["process", silent, "--json"], 0), (["process", silent, "--json", "--plot", tmp_path / "x.svg"], 0),
    ]  # fmt: skip
    closed = dict.fromkeys("012", "closed")
    cases, wanted = [], []
    for streams in ({"2": "closed"}, {"2": "/dev/full"}, closed):
        for words, code in commands:
            cases.append({"words": words, "streams": streams})
            wanted.append(1 if streams is closed else code)
        cases.append({"words": ["demo", "--no-plot"], "streams": streams, "environment": NO_DRIVER})
        wanted.append(1)
    for case, code, (got, out, err) in zip(cases, wanted, served(tmp_path, *cases)):
        assert (got, err) == (code, ""), (case, out)
        if code:
            assert out == "", case
        else:
            assert json.loads(out)["spike_activity"] == [0]  # no warning in it, and no "Picture: ..."
    drawn = (tmp_path / "x.svg").read_text()  # what a driver prints to a closed descriptor is not in it
    assert drawn.startswith("<?xml") and drawn.rstrip().endswith("</svg>")


@posix
def test_process_reads_pipes_and_stdin(tmp_path, save):
    x = normal(3, 16)
    file = save(x)
    np.savez(tmp_path / "x.npz", embeddings=x)
    text = write(tmp_path / "text", b"1.0, 2.0")
    fine = [
        {"words": ["process", file, "--json"]},
        {"words": ["process", "/dev/stdin", "--json"], "streams": {0: "pipe"}, "input": str(file)},
        {"words": ["process", "-", "--json"], "streams": {0: "pipe"}, "input": str(file)},
        {"words": ["process", "-", "--json"], "streams": {0: "pipe"}, "input": str(tmp_path / "x.npz")},
        {"words": ["process", "-", "--json"], "streams": {0: str(file)}},
        {"words": ["process", "/dev/stdin", "--json"], "streams": {0: str(tmp_path / "x.npz")}},
    ]
    answers = served(tmp_path, *fine)
    assert answers == [answers[0]] * len(fine)
    code, out, err = answers[0]
    expected = reference(x, n_neurons=16)["spike_train"].sum(axis=(1, 2))
    assert (code, err) == (0, "") and json.loads(out)["spike_activity"] == expected.tolist()
    bad = [
        ({"words": ["process", "-"], "streams": {0: "closed"}}, "stdin is closed"),
        ({"words": ["process", "-"], "streams": {0: "/dev/null"}}, "not a numpy file"),
        ({"words": ["process", "-"], "streams": {0: "pipe"}, "input": str(text)}, "not a numpy file"),
        ({"words": ["process", "-"], "streams": {0: "pipe"}, "input": str(file), "bytes": 40}, "can't be read"),
        ({"words": ["process", "/dev/zero"]}, "not a numpy file"),
    ]
    for (case, named), (code, out, err) in zip(bad, served(tmp_path, *(case for case, _ in bad))):
        assert (code, out) == (2, "") and named in one_error_line(err), case


@posix
def test_letters_that_stdout_lacks(tmp_path, save):
    pytest.importorskip("matplotlib")
    target = tmp_path / "é.svg"
    command = [sys.executable, "-m", "grilly_vk", "process", save(normal(8)), "--plot", target]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "") and target.exists()
    assert done.stdout.endswith("\\xe9.svg\n")


def unwritable(folder):
    (folder / "file").write_text("x")
    (folder / "loop.png").symlink_to("loop.png")
    yield folder / "file" / "x.png", "directory"
    yield folder / "loop.png", "symbolic links"
    yield folder / ("x" * 300 + ".png"), "too long"
    for name in ("full", "null"):
        (folder / f"{name}.png").symlink_to(f"/dev/{name}")
        yield folder / f"{name}.png", "is a device"
    os.mkfifo(folder / "fifo.png")
    yield folder / "fifo.png", "is a pipe"
    (folder / "folder.png").mkdir()
    yield folder / "folder.png", "is a folder"


@posix
def test_what_can_not_be_written_is_said_before_the_work(cli, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    from grilly_vk.cli import check, demo

    def work(*_, **__):
        raise AssertionError("this is the work")

    monkeypatch.setattr(demo, "simulate", work)
    monkeypatch.setattr(check.worker.Supervisor, "run", work)
    for path, named in unwritable(tmp_path):
        for words in (("demo", "--plot", path), ("check", "--json", path)):
            code, out, err = cli(*words)
            assert (code, out) == (2, "") and named in one_error_line(err), words
    good = tmp_path / "good.png"
    good.write_text("old")
    for words in (("demo", "--plot", good), ("check", "--json", good)):
        with pytest.raises(AssertionError, match="this is the work"):
            cli(*words)
    assert good.read_text() == "old"  # not even emptied before there is something to write
    assert not [p for p in tmp_path.iterdir() if p.name.endswith(".part")]
