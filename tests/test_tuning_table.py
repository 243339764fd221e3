"""Values that `check --tune` measures: what is kept is followed on that device alone, and nothing else is believed."""

import dataclasses
import json

import pytest

from grilly_vk.cli import main
from grilly_vk.cli.check import tune
from grilly_vk.runtime import engine, tuning, tuning_table

VALUES = {"row": 512, "product_tiles": ((4, 4), (8, 8), (4, 8)), "matrix_tile": (1, 2)}


@pytest.fixture
def info(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return engine().info


def test_what_is_kept_is_followed(info):
    assert tuning.tuning_for(info) is tuning.usual(info)
    file = tuning_table.save(info, VALUES)
    assert tuning.tuning_for(info) == dataclasses.replace(tuning.usual(info), **VALUES)
    file.unlink()
    assert tuning.tuning_for(info) is tuning.usual(info)


@pytest.mark.parametrize("change", [{"device_id": 1}, {"driver_version": 12345}, {"driver": "x"}, {"subgroup_size": 3}])
def test_another_device_or_driver_has_a_file_of_its_own(info, change):
    tuning_table.save(info, VALUES)
    assert tuning_table.load(dataclasses.replace(info, **change)) == {}


def test_other_kernels_have_a_file_of_their_own(info, tmp_path, monkeypatch):
    tuning_table.save(info, VALUES)
    (tmp_path / tuning_table.SUMS).write_text("other kernels")
    monkeypatch.setattr(tuning_table, "SPIRV", tmp_path)
    assert tuning_table.load(info) == {}


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "3", "null", '{"row": 100}', '{"row": [128]}', '{"local": 64}', '{"matrix_tile": [64, 64]}', "\xff",
     '{"row": 512, "column": -1}', '{"product_tiles": [[4, 4]]}', "[" * 100000],
)  # fmt: skip
def test_damaged_and_foreign_files_are_ignored(info, caplog, text):
    tuning_table.save(info, VALUES).write_text(text, encoding="latin-1")
    assert tuning.tuning_for(info) is tuning.usual(info)
    assert "is damaged; it is not used" in caplog.text


def test_every_candidate_is_a_field_whose_usual_values_are_known():
    for field, values in tuning_table.CANDIDATES.items():
        for rules in (tuning.DISCRETE, tuning.CPU):
            assert getattr(rules, field) in values, field


def test_a_small_gain_changes_nothing():
    assert tune.chosen({1: 1.0, 2: 0.96, 3: 2.0}, 1) == 1
    assert tune.chosen({1: 1.0, 2: 0.94, 3: 0.9}, 1) == 3


def test_the_command_measures_and_keeps(info, capsys, monkeypatch):
    """The usual value of some fields is made the slowest, so that others are chosen."""
    before = engine().tuning
    real = tune.measured
    slow = {field: getattr(tuning.usual(info), field) for field in ("row", "product_tiles")}

    def measured(trial, rules, seconds):
        times = real(trial, rules, 0.0)
        assert trial.values == tuple(times) and min(times.values()) > 0
        now = trial.of(rules)
        return {value: 1.0 + (value == now and now == slow.get(trial.field)) for value in times}

    monkeypatch.setattr(tune, "measured", measured)
    monkeypatch.setattr(engine(), "tuning", before)
    assert main(["check", "--tune", "--quick"]) == 0
    out = capsys.readouterr().out
    kept = json.loads(tuning_table.file_of(info).read_text())
    assert "rows shared by a workgroup: row = 64, 2.00 times" in out and f"Kept in {tuning_table.file_of(info)}" in out
    assert kept["row"] == 64 and "column" not in kept
    assert engine().tuning == tuning.tuning_for(info) != tuning.usual(info)


def test_a_gpu_tries_products_too(info, monkeypatch):
    monkeypatch.setattr(engine(), "tuning", engine().tuning)
    trials = list(tune.trials(tuning.DISCRETE))
    assert [t.name for t in trials if t.field == "product_tiles"] == [
        "tiles of A B",
        "tiles of A B^T",
        "tiles of A^T B",
    ]
    for trial in (t for t in trials if t.field != "matrix_tile"):
        assert trial.of(tuning.DISCRETE) in trial.values
        assert set(tune.measured(trial, tuning.DISCRETE, 0.0)) == set(trial.values)
        for value in trial.values:
            assert getattr(trial.put(tuning.DISCRETE, value), trial.field) in tuning_table.CANDIDATES[trial.field]


def test_each_form_of_products_has_a_tile_of_its_own(info, monkeypatch):
    """Another tile for each form, of which each must stay when the next form is measured."""
    chosen = iter([(4, 8), (8, 4), (4, 4)])

    def measured(trial, rules, seconds):
        assert not engine().host_products  # which would do the products
        best = next(chosen) if trial.field == "product_tiles" else trial.of(rules)
        return {value: 1.0 + (value != best) for value in trial.values}

    monkeypatch.setattr(engine(), "host_products", engine().blas is not None)
    monkeypatch.setattr(engine(), "tuning", engine().tuning)
    monkeypatch.setattr(tune, "usual", lambda _: tuning.DISCRETE)
    monkeypatch.setattr(tune, "measured", measured)
    assert main(["check", "--tune"]) == 0
    assert engine().tuning.product_tiles == ((4, 8), (8, 4), (4, 4))
    assert json.loads(tuning_table.file_of(info).read_text()) == {"product_tiles": [[4, 8], [8, 4], [4, 4]]}
    assert tuning.tuning_for(info).product_tiles == ((4, 8), (8, 4), (4, 4))
    assert engine().host_products == (engine().blas is not None)


def test_a_failing_measurement_leaves_the_rules_alone(info, monkeypatch):
    before = engine().tuning
    monkeypatch.setattr(tune, "measured", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["check", "--tune"])
    assert engine().tuning is before
    assert not tuning_table.file_of(info).exists()
