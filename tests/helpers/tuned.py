"""The rules of one kind of device on another."""

import dataclasses

import pytest

from grilly_vk.runtime import engine, tuning

# Limits so low that small samples go every way.
SMALL = dataclasses.replace(
    tuning.CPU,
    local=1,
    row=4,
    column=4,
    stretches=4,
    images=3,
    norm_columns=64,
    norm_sums=64,
    product_tiles=((4, 2),) * 3,
)
KINDS = {
    "discrete": tuning.DISCRETE, "CPU": tuning.CPU, "CPU with lanes": tuning.LANES, "small": SMALL,
    "small discrete": dataclasses.replace(SMALL, chunk=1, norm_rows=False, norm_teams=True, norm_per_step_joins=True),
}  # fmt: skip


def tune(monkeypatch, rules=None, **changes):
    """Makes the device follow these rules, or its own with some changed; those that it can't follow are skipped."""
    rules = dataclasses.replace(rules or engine().tuning, **changes)
    if rules.lanes and not engine().info.lanes:
        pytest.skip("the device has no subgroups of eight lanes")
    monkeypatch.setattr(engine(), "tuning", rules)


def recurrence(way, monkeypatch):
    """How recurrent layers go: "whole": all steps in one dispatch; "stepped": one per step with the product inside it;
    "hosted": all steps in one call of the host, or its product and a dispatch in each."""
    if way == "hosted" and engine().blas is None:
        pytest.skip("the device's memory is its own, or there is no OpenBLAS")
    monkeypatch.setattr(engine(), "host_products", way == "hosted")
    tune(monkeypatch, stepped_recurrence=way == "stepped", lanes=way == "stepped", host_recurrence=1, host_stream=1)


@pytest.fixture
def kernels_only(monkeypatch):
    """No product goes to the host, however large."""
    monkeypatch.setattr(engine(), "host_products", False)
