"""Dead and saturated neurons in words, with advice."""

from __future__ import annotations

from ..report import rate_summary
from .simulate import Activity

# Above these shares something is worth changing; a sparse code leaves many neurons idle for one input.
MANY_DEAD = 0.5
MANY_SATURATED = 0.02
GUIDANCE = (
    "When tuning: change threshold and time constants together (--threshold, --tau-mem), begin with a short window "
    "(--timesteps), and watch the distribution of firing rates (--plot draws it)."
)


def never_fired(activity: Activity) -> int:
    """Neurons without a spike for any of the embeddings."""
    return int((activity.rates.max(axis=0) == 0).sum())


def describe(activity: Activity) -> list[str]:
    """Sentences about the distribution of rates, dead neurons, saturated ones, and what to do."""
    n, count = activity.neurons, len(activity.spikes)
    dead, idle, saturated = never_fired(activity), activity.dead.mean(), activity.saturated.mean()
    summary = rate_summary(activity.rates)
    middle, high, top = (summary.quantiles[level] for level in (0.5, 0.9, 0.99))
    lines = [
        f"Firing rates (spikes per neuron and step): median {middle:.3f}, 90th percentile {high:.3f}, "
        f"99th {top:.3f}, largest {summary.largest:.3f}."
    ]
    if count == 1:
        lines.append(f"Dead neurons: {dead} of {n} ({dead / n:.1%}) did not fire.")
    else:
        lines.append(
            f"Dead neurons: {dead} of {n} ({dead / n:.1%}) fired for none of the {count} embeddings; "
            f"for a single one, {idle:.0f} ({idle / n:.1%}) are dead on average."
        )
    if activity.saturated.any():
        lines.append(
            f"Saturated neurons: {saturated:.3g} of {n} ({saturated / n:.1%}) on average, at most "
            f"{activity.saturated.max()}, fire as fast as they can."
        )
    else:
        lines.append("Saturated neurons: none.")
    return [*lines, *_advice(activity, idle / n, saturated / n), GUIDANCE]


def _advice(activity: Activity, idle: float, saturated: float) -> list[str]:
    advice = []
    if not activity.spikes.any():
        advice.append("Nothing fired at all: is the input all zero? Otherwise lower --threshold or raise --timesteps.")
    elif idle > MANY_DEAD:
        advice.append(
            f"More than {MANY_DEAD:.0%} are dead: lower --threshold, raise --bias, or simulate longer (--timesteps)."
        )
    if saturated > MANY_SATURATED:
        advice.append(
            f"More than {MANY_SATURATED:.0%} are saturated and can't tell strong inputs apart: raise "
            "--threshold, or lower --gain or --bias."
        )
    return advice or ["The activity is in a useful range."]
