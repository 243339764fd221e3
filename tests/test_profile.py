"""Profiles: device time by kernel."""

import dataclasses

import numpy as np
import pytest
from steps import add, copy, empty, engine, fill, upload

import grilly_vk


def test_rows_count_calls_bytes_and_time():
    x = upload(np.ones(100_000))
    grilly_vk.synchronize()
    with grilly_vk.profile() as p:
        for _ in range(3):
            y = copy(x)
        add(x, y)
        assert (y.numpy() == 2).all()
        fill(y, 1)  # not read inside: the end of the block runs it
    rows = {r.kernel: r for r in p.kernels}
    assert rows["copy"].calls >= 3
    assert rows["test-add"].calls == 1
    assert rows["fill"].calls == 1
    assert rows["test-add"].nbytes == 800_000
    assert rows["fill"].nbytes == 400_000
    assert all(0 < r.seconds < 60 for r in p.kernels)
    assert p.seconds == pytest.approx(sum(r.seconds for r in p.kernels))
    assert [r.seconds for r in p.kernels] == sorted((r.seconds for r in p.kernels), reverse=True)


def test_table():
    x = upload(np.ones(1000))
    with grilly_vk.profile() as p:
        copy(x).numpy()
    head, *lines = str(p).splitlines()
    assert head.split() == ["kernel", "calls", "device", "ms", "share", "bytes"]
    assert {line.split()[0] for line in lines} == {r.kernel for r in p.kernels} == {"copy"}
    assert len({len(line) for line in (head, *lines)}) == 1
    assert sum(float(line.split()[3].rstrip("%")) for line in lines) == pytest.approx(100, abs=0.5)


def test_more_work_takes_longer():
    small, large = empty((1000,)), empty((8_000_000,))
    fill(small, 1).numpy(), fill(large, 1).numpy()
    with grilly_vk.profile() as a:
        fill(small, 2).numpy()
    with grilly_vk.profile() as b:
        fill(large, 2).numpy()
    assert b.seconds > a.seconds


def test_work_outside_is_not_counted():
    x = upload(np.ones(1000))
    y = copy(x)  # noted before
    with grilly_vk.profile() as p:
        fill(x, 2)
    copy(x, y).numpy()
    assert {r.kernel for r in p.kernels} == {"fill"}


def test_profile_of_nothing():
    with grilly_vk.profile() as p:
        pass
    assert p.kernels == []
    assert p.seconds == 0
    assert str(p).startswith("kernel")


def test_profiles_do_not_nest():
    with grilly_vk.profile(), pytest.raises(RuntimeError, match="don't nest"), grilly_vk.profile():
        pass
    with grilly_vk.profile():
        pass


def test_exception_inside_ends_the_profile():
    x = upload(np.ones(10))
    with pytest.raises(ZeroDivisionError), grilly_vk.profile():
        copy(x)
        1 / 0  # noqa: B018
    before = grilly_vk.memory_stats()["replayed_submits"]
    for _ in range(3):
        fill(x, 2).numpy()
    assert grilly_vk.memory_stats()["replayed_submits"] > before


def test_device_without_timestamps(monkeypatch):
    families = tuple({**q, "timestamp_bits": 0} for q in engine().info.queue_families)
    monkeypatch.setattr(engine(), "info", dataclasses.replace(engine().info, queue_families=families))
    with pytest.raises(grilly_vk.DeviceError, match="has no timestamps"), grilly_vk.profile():
        pass
    monkeypatch.undo()
    grilly_vk.synchronize()
