"""Elementary functions against float64 over the whole range of float32, in units of the last place (ULP).

Vulkan lets a device count denormal numbers as 0, on the way in and on the way out, and divide to 2.5 ULP.
"""

import re
from pathlib import Path

import numpy as np
import pytest
import scipy.special
from records_elementwise import UNARY

import grilly_vk as g
from grilly_vk import functional as F
from grilly_vk.ops.elementwise import unary

SHADERS = Path(__file__).parents[1] / "shaders"
TINY = 2.0**-126  # the smallest normal number


def whole_range() -> np.ndarray:
    """Numbers of every exponent and sign, denormal ones and infinities too, and many where functions are at work."""
    bits = np.linspace(0, 0x7F800000, 20011).astype(np.uint32)
    every = np.concatenate([bits, bits | 0x80000000]).view(np.float32)
    near_one = (1 + np.arange(-2000, 2000) * 2.0**-24).astype(np.float32)
    turns = (np.arange(-3000, 3000) * (np.pi / 2)).astype(np.float32)
    powers = 2.0 ** np.arange(-126, 128)
    return np.concatenate(
        [every, near_one, turns, np.linspace(-120, 120, 30011), np.linspace(-2, 2, 30011), powers, -powers]
    ).astype(np.float32)


def ulps(got: np.ndarray, want: np.ndarray) -> np.ndarray:
    """How far float32 results lie from the true ones; infinite where one is NaN or infinite and the other not."""
    with np.errstate(over="ignore", invalid="ignore"):
        nearest = want.astype(np.float32)
        size = np.spacing(np.clip(np.abs(nearest), TINY, np.finfo(np.float32).max)).astype(np.float64)
        off = np.abs(got.astype(np.float64) - want) / size
    off[(got == nearest) | (np.isnan(got) & np.isnan(nearest))] = 0
    off[(np.abs(want) < TINY * 1.01) & (np.abs(got) <= TINY)] = 0  # flushed
    return np.nan_to_num(off, nan=np.inf, posinf=np.inf)


def distance(run, reference, x: np.ndarray) -> np.ndarray:
    """The ULPs of run(x), where a denormal x may be taken for 0."""
    with np.errstate(all="ignore"):
        got = run(x)
        off = ulps(got, reference(x.astype(np.float64)))
        flat = np.where(np.abs(x) < TINY, np.copysign(np.float32(0), x), x)
        return np.minimum(off, ulps(got, reference(flat.astype(np.float64))))


@pytest.mark.parametrize("name", [name for name, function in UNARY.items() if function.ulps is not None])
def test_functions_over_the_whole_range(name):
    x, function = whole_range(), UNARY[name]

    def run(v):
        return unary(name, v, *function.parameters).numpy()

    for part in (x[: len(x) // 4 * 4], x[:4001]):  # four at a time, and one
        with np.errstate(all="ignore"):
            off = distance(run, function.reference, part)
            got, want = run(part), function.reference(part.astype(np.float64))
            off[np.abs(got - want) <= function.beside] = 0
        worst = np.argmax(off)
        said = f"{name}({part[worst]!r}) is {got[worst]!r}, not {want[worst]!r}: {off[worst]} ULP"
        assert off[worst] <= function.ulps, said


def test_binary_cross_entropy_keeps_small_losses():
    """log(1 + exp(-x)): the compiler once folded (1 + e) - 1, and losses below 6e-8 were 0."""
    x = np.linspace(-87, 87, 20011).astype(np.float32)
    for target, sign in ((0.0, 1.0), (1.0, -1.0)):
        logits, wide = g.tensor(x, requires_grad=True), sign * x.astype(np.float64)
        loss = F.binary_cross_entropy_with_logits(logits, np.full_like(x, target), reduction="none")
        loss.sum().backward()
        assert ulps(loss.numpy(), np.logaddexp(0, wide)).max() <= 8
        assert ulps(logits.grad.numpy(), sign * scipy.special.expit(wide)).max() <= 8


def test_sums_of_many():
    """Sums of sums in reductions and kept rounding in running sums: one after the other gave 5e-6 to 5e-5."""
    x = np.random.default_rng(0).random((1 << 14, 24)).astype(np.float32)
    wide = x.astype(np.float64)
    t = g.tensor(x)
    np.testing.assert_allclose(t.sum(axis=0).numpy(), wide.sum(0), rtol=6e-7)
    np.testing.assert_allclose(t.var(correction=0).numpy(), wide.var(), rtol=6e-7)
    np.testing.assert_allclose(t.cumsum(0).numpy(), wide.cumsum(0), rtol=4e-7)
    long = np.random.default_rng(1).random(1 << 21).astype(np.float32)
    np.testing.assert_allclose(g.tensor(long).cumsum(0).numpy(), long.astype(np.float64).cumsum(), rtol=4e-7)
    np.testing.assert_allclose(g.tensor(long).sum().numpy(), long.astype(np.float64).sum(), rtol=2e-7)


def test_powers():
    """Any base to any exponent, where the driver's pow had lost up to 7 digits."""
    rng = np.random.default_rng(0)
    a = np.exp(rng.uniform(-80, 80, 40000)).astype(np.float32)
    b = (rng.uniform(-85, 85, a.size) / np.log(a.astype(np.float64))).astype(np.float32)
    near = (1 + rng.integers(-1000, 1000, a.size) * 2.0**-23).astype(np.float32)
    for x, y in ((a, b), (near, rng.uniform(-6e5, 6e5, a.size).astype(np.float32))):
        got = g.tensor(x) ** g.tensor(y)
        assert ulps(got.numpy(), x.astype(np.float64) ** y.astype(np.float64)).max() <= 8


def test_arctangent():
    """By ATan's primitive."""
    x = whole_range()
    got = g.surrogate.ATan(2.0).primitive(g.tensor(x)).numpy()
    want = np.arctan(np.pi * x.astype(np.float64)) / np.pi + 0.5
    np.testing.assert_allclose(got, want, rtol=0, atol=3e-7)


def test_no_kernel_takes_the_drivers_functions():
    """Which Vulkan leaves open: all kernels use those of math.glsl.  quick_exponential there is the exception."""
    words = r"\b(exp2?|log2?|pow|a?sinh?|a?cosh?|a?tanh?|inversesqrt|isnan|isinf|mod|fract)\("
    for path in sorted(SHADERS.rglob("*.glsl")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = re.search(words, line.split("//")[0])
            assert not found or "quick_exponential" in line, f"{path.name}:{number}: {line.strip()}"
