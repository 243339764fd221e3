"""The neuron models of the spiking nodes, in the order of the kernels' constant MODEL: one record each."""

from __future__ import annotations

from dataclasses import dataclass

from .neuron import NeuronModel


@dataclass(frozen=True)
class Published:
    """A model whose node in nn is made of this record alone.

    node: the class's name.
    about: a sentence on it.
    source: where it comes from.
    """

    model: NeuronModel
    node: str
    about: str
    source: str


PUBLISHED: tuple[Published, ...] = (
    Published(
        NeuronModel(
            "theta",
            "h = theta + ((1 - cos(theta)) + (1 + cos(theta)) * x) * dt",
            state={"theta": 0.0},
            parameters={"dt": 0.1},
            fires="h >= pi",
            reset="h - 2 * pi",
        ),
        node="ThetaNode",
        about="The theta neuron: an angle that turns by its input, and fires where it passes pi.",
        source='Ermentrout & Kopell, "Parabolic bursting in an excitable system coupled with a slow oscillation", '
        "SIAM Journal on Applied Mathematics 46 (1986).",
    ),
)
LEAK = "leak(x) = where(decay_input, v + (x - (v - rest)) * k, v - (v - rest) * k + x)"

NODES = (
    NeuronModel("if", "h = v + x"),
    NeuronModel(
        "lif", "h = leak(x)", define=LEAK, parameters={"tau": 2.0}, derived={"k": "1 / tau"}, learn={"k": "sigmoid(w)"}
    ),
    NeuronModel(
        "qif",
        "h = v + (x + a0 * (v - v_rest) * (v - v_c)) * k",
        parameters={"tau": 2.0, "a0": 1.0, "v_rest": -0.1, "v_c": 0.8},
        derived={"k": "1 / tau"},
    ),
    NeuronModel(
        "eif",
        "h = v + (x - (v - v_rest) + delta_T * exp((v - theta_rh) * (1 / delta_T))) * k",
        parameters={"tau": 2.0, "delta_T": 1.0, "v_rest": 0.0, "theta_rh": 0.8},
        derived={"k": "1 / tau"},
    ),
    NeuronModel(
        "izhikevich",
        "h = v + (x + a0 * (v - v_rest) * (v - v_c) - w) * k; w = w + (a * (h - v_rest) - w) * k_w",
        state={"v": 0.0, "w": 0.0},
        parameters={"tau": 2.0, "tau_w": 2.0, "a0": 1.0, "v_rest": -0.1, "v_c": 0.8, "a": 0.0, "b": 0.0},
        derived={"k": "1 / tau", "k_w": "1 / tau_w"},
        after="w = w + b * s",
    ),
    NeuronModel(
        "cuba",
        "current = keep * current + x; h = leak(current)",
        define=LEAK,
        state={"v": 0.0, "current": 0.0},
        parameters={"tau": 2.0, "tau_syn": 2.0},
        derived={"k": "1 / tau", "keep": "1 - 1 / tau_syn"},
    ),
    NeuronModel(
        "adaptive",
        "h = leak(x)",
        define=LEAK,
        state={"v": 0.0, "adaptation": 0.0},
        parameters={"tau": 2.0, "tau_adapt": 20.0, "beta": 1.8},
        derived={"k": "1 / tau", "rho": "exp(-1 / tau_adapt)"},
        fires="h >= threshold + beta * adaptation",
        after="adaptation = rho * adaptation + (1 - rho) * s",
    ),
    NeuronModel(
        "klif",
        "h = max(scale * leak(x), 0)",
        define=LEAK,
        parameters={"tau": 2.0, "scale": 1.0},
        derived={"k": "1 / tau"},
        learn={"scale": "w"},
    ),
    NeuronModel(
        "izhikevich_2003",
        "h = v + (sq * v**2 + mn * v + bias - u + x) * k; u = u + k_a * (b * v - u)",
        state={"v": 0.0, "u": 0.0},
        parameters={"a": 0.02, "b": 0.2, "d": 0.08, "sq": 4.0, "mn": 5.0, "bias": 1.4, "k": 0.25},
        derived={"k_a": "k * a"},
        after="u = u + d * s",
    ),
    NeuronModel("decay", "h = keep * v + x", parameters={"keep": 0.9}, learn={"keep": "clip(w, 0, 1)"}),
    *(record.model for record in PUBLISHED),
)
