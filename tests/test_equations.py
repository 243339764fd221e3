"""Equations as text: reading, derivatives against differences, the way back through statements, printing, errors."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from grilly_vk.equations import (
    GLSL,
    EquationError,
    adjoint,
    derivative,
    evaluate,
    expression,
    function,
    separate,
    statements,
    text,
)  # fmt: skip
from grilly_vk.equations.derivative import ONE, ZERO, subtract
from grilly_vk.equations.expression import Expression, name

EACH = [
    "a + b", "a - b", "a * b", "a / b", "-a", "a**3", "a**2 * b", "a**1", "max(a, b)", "min(a, b)", "clip(a, b, 0.9)",
    "clip(0.2 * a, 1, b)", "abs(a)", "exp(a * b)", "log(a)", "sqrt(a)", "sin(a * a)", "cos(a)", "tanh(a)",
    "sigmoid(a - b)", "where(a > b, a * b, a)", "where(a <= b, 1, b) * a", "where(a != b, a * b, a)",
    "where(a == b, 1, a)", "a - (b - a)", "a * (b + a) / (a * b + 2)",
    "exp((a - b) / b) * b", "b / a / b * (a * b)", "(a - 1) - a * (1 - b)", "a * b + b * (a - 1) * a",
]  # fmt: skip


@pytest.mark.parametrize("written", EACH)
def test_derivatives_are_those_of_differences(written):
    """Each function and operator, at points on both sides of every kink."""
    e = expression("test", written)
    rng = np.random.default_rng(1)
    values = {n: rng.uniform(0.3, 2.0, 50) for n in "ab"}
    for n in "ab":
        step = {n: values[n] + 1e-6}, {n: values[n] - 1e-6}
        up, down = (np.broadcast_to(evaluate(e, values | s, np), 50) for s in step)
        found = np.broadcast_to(evaluate(derivative(e, n), values, np), 50)
        np.testing.assert_allclose(found, (up - down) / 2e-6, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("written", "to", "wanted"),
    [
        ("v + (x - (v - rest)) * k", "v", "1 - k"),
        ("v + (x - (v - rest)) * k", "x", "k"),
        ("v + (x + c * (v - a) * (v - b)) * k", "v", "1 + c * k * (2 * v - (b + a))"),
        ("d * exp((v - t) * (1 / d))", "v", "exp((v - t) * (1 / d))"),
        ("c * u + x", "u", "c"),
        ("(h - level) - h", "h", "0"),
        ("abs(-3) * v", "x", "0"),
    ],
)
def test_derivatives_are_as_written_by_hand(written, to, wanted):
    assert text(derivative(expression("test", written), to)) == wanted


def test_sums_simplify():
    h, level = name("h"), name("level")
    assert subtract(subtract(h, level), h) == Expression("neg", (level,))
    assert subtract(Expression("+", (h, level)), h) == level
    assert subtract(h, h) == ZERO


LEAK = function("leak", "leak(x) = where(decay_input, v + (x - (v - rest)) * k, v - (v - rest) * k + x)")


def back(written, **options):
    found = adjoint(statements("charge", written, {"leak": LEAK}), switches=["decay_input"], **options)
    return [f"{s.target} = {text(s.value)}" for s in found.lines], {n: text(e) for n, e in found.gradients.items()}


def test_the_input_is_solved_out_of_the_result():
    """A learned k or scale needs no input that the way back doesn't have."""
    options = {"seeds": {"h": name("g")}, "kept": ["h"], "lost": "x"}
    chain = {"k": expression("", "k * (1 - k)")}
    lines, found = back("h = leak(x)", wanted=["x", "v", "k"], chain=chain, **options)
    assert not lines and found["v"] == "g * (1 - k)" and found["x"] == "g * where(decay_input, k, 1)"
    assert found["k"] == "g * where(decay_input, (h - v) * (1 - k), (rest - v) * (k * (1 - k)))"
    lines, found = back("h = max(w * leak(x), 0)", wanted=["v", "w"], **options)
    assert not lines and found == {"v": "g * where(h > 0, w * (1 - k), 0)", "w": "g * where(h > 0, h / w, 0)"}
    lines, found = back("h = v + w * x", wanted=["w"], **options)
    assert found == {"w": "g * x"}  # w may be 0


def test_the_way_back_through_several_statements():
    """Values against float64 differences: a second state, a name that is set again, one that is computed again."""
    given, now = separate(statements("s", "u = c * u + x; r = sin(u); r = r * u; h = v + r * k; u = u * h"), ["u"])
    wanted = ["x", "v", "u", "k", "c"]
    found = adjoint(given, {"h": name("g"), now["u"]: name("a")}, wanted, kept=["h"])
    rng = np.random.default_rng(2)
    values = {n: rng.normal(0, 1, 20) for n in [*wanted, "g", "a"]}

    def run(values):
        values = dict(values)
        for s in given:
            values[s.target] = evaluate(s.value, values, np)
        return values

    known = values | {"h": run(values)["h"]}
    for s in found.lines:
        known[s.target] = evaluate(s.value, known, np)
    for n in wanted:
        up, down = (run(values | {n: values[n] + d}) for d in (1e-6, -1e-6))
        want = sum(values[seed] * (up[r] - down[r]) / 2e-6 for seed, r in (("g", "h"), ("a", now["u"])))
        np.testing.assert_allclose(evaluate(found.gradients[n], known, np), want, rtol=1e-5, atol=1e-6)
    assert found.names >= {"g", "a", "h", "u"}


def test_glsl_keeps_the_order_of_operations():
    printed = {
        "a - (b + c)": "a - (b + c)",
        "a + b - c": "a + b - c",
        "a + (b - c)": "a + (b - c)",
        "a * (b * c) / 2": "same_quotient(a * (b * c), REAL(2.0))",
        "max(k * a, 0)": "at_least(p.k * a, REAL(0.0))",
        "exp((a - b) * (1 / k))": "exponential((a - b) * same_quotient(1.0, p.k))",
        "clip(k, 0, 1) * a": "within(p.k, 0.0, 1.0) * a",
        "where(a > k, a, k)": "mix(REAL(p.k), a, ABOVE(a, REAL(p.k)))",
        "where(2 <= a, a, b)": "mix(b, a, AT_LEAST(a, REAL(2.0)))",
        "where(a != 0, a, b)": "mix(b, a, NONE(EQUAL(a, REAL(0.0))))",
        "where(a == k, a, b)": "mix(b, a, EQUAL(a, REAL(p.k)))",
        "where(on, k, a)": "(ON == 1 ? REAL(p.k) : a)",
        "where(on, k, 1)": "(ON == 1 ? p.k : 1.0)",
        "a**3": "(a * a * a)",
        "-(a + b) * 2": "-(a + b) * 2.0",
        "sigmoid(k)": "same_quotient(1.0, 1.0 + exponential(-p.k))",
        "1e-7 * a": "1e-07 * a",
        "a / k * b": "same_quotient(a, REAL(p.k)) * b",
        "tanh(k)": "hyperbolic_tangent(REAL(p.k))",
    }
    for written, wanted in printed.items():
        found = GLSL({"k": "p.k"}, ["k"], {"on": "ON == 1"}).of(expression("test", written))
        assert found == wanted, written
    quick = GLSL(quick=True)
    assert quick.of(expression("test", "exp(a / b)")) == "quick_exponential(a / b)"
    assert text(expression("test", "where(a>=2, pi*a, -a**2)")) == "where(a >= 2, pi * a, -a ** 2)"


WRONG = [
    ("h = v +", "no equation"),
    ("h = v + foo(x)", "letter 9: foo is no function here; there are abs, clip"),
    ("h = max(v)", "letter 5: max takes 2 arguments, got 1"),
    ("h = v if x else u", "letter 5: not part of the language"),
    ("h = v.real", "letter 5: not part of the language"),
    ("h = 'x'", "letter 5: 'x' is no finite number"),
    ("h = True", "True is no finite number"),
    ("h = 1e999", "inf is no finite number"),
    ("h = v ** x", "letter 5: powers are whole numbers from 1 to 8"),
    ("h = 0 < v < 1", "not part of the language"),
    ("h += v", "letter 1: expected statements such as 'h = v \\+ x'"),
    ("v", "expected statements"),
    ("import os", "expected statements"),
    ("exp = v", "exp has a meaning of its own"),
    ("h = x\n  u = $", "'u = \\$', letter 5: no equation"),
    ("h = (" * 1000, "no equation|too many"),
    ("h = " + "-" * 5000 + "x", "too many|no equation"),
    ("h = x\0", "null byte"),
    ("h = " + "x + " * 5000 + "x", "has 20005 letters; at most 10000"),
]


@pytest.mark.parametrize(("written", "message"), WRONG)
def test_bad_text_is_told_with_its_place(written, message):
    with pytest.raises(EquationError, match=f"^charge of 'mine'.*({message})"):
        statements("charge of 'mine'", written)


def test_powers_and_comparisons_are_written_with_their_brackets():
    for written in ("(x ** 2) ** 3", "(a > b) == (c > d)", "(-x) ** 2", "-x ** 2"):
        assert text(expression("it", written)) == written


def test_expressions_are_not_too_deep():
    """A sum of many parts works, and one of more is told as an error of the text, in a short message."""
    long = " + ".join(["x"] * 100)
    assert derivative(expression("it", long), "x") is not None and text(expression("it", long)) == long
    for deep in (f"{long} + x", "(" * 150 + "x" + " * x)" * 150, "-" * 3000 + "x"):
        with pytest.raises(EquationError, match="operations within each other") as said:
            expression("it", deep)
        assert len(str(said.value)) < 400


def test_bad_expressions_and_definitions():
    with pytest.raises(EquationError, match="fires: 'h = 2': expected one expression"):
        expression("fires", "h = 2")
    with pytest.raises(EquationError, match="define: 'leak = 2': expected a definition such as"):
        function("define", "leak = 2")
    assert evaluate(function("define", "f(a, b) = a - b").value, {"a": 3, "b": 1}, np) == 2
    assert expression("one", "1.0") == ONE


def test_the_build_needs_nothing_but_python():
    """It is read before numpy and the native module are there."""
    code = "import sys; sys.path.append(sys.argv[1]); import equations; print(*{'numpy', 'grilly_vk'} & {*sys.modules})"
    folder = Path(__file__).parents[1] / "grilly_vk"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code, str(folder)], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.strip() == "", done.stderr
