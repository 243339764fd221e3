"""NIR interpreted in float64 by numpy and scipy, step by step, from the package's own objects and nothing of ours.

Euler steps are those of the definition; exact ones are exponentials of the linear equations with a constant input.
"""

import numpy as np
from scipy.linalg import expm

NEURONS = ("I", "LI", "IF", "LIF", "CubaLI", "CubaLIF")


def flat(graph, prefix=""):
    """Nodes and edges with those of nested graphs, whose inputs and outputs stay as nodes."""
    nodes, edges = {}, []

    def end(name, kind):
        node = graph.nodes[name]
        if type(node).__name__ != "NIRGraph":
            return prefix + name
        (inner,) = [k for k, n in node.nodes.items() if type(n).__name__ == kind]
        return f"{prefix}{name}.{inner}"

    for name, node in graph.nodes.items():
        if type(node).__name__ == "NIRGraph":
            inner_nodes, inner_edges = flat(node, f"{prefix}{name}.")
            nodes |= inner_nodes
            edges += inner_edges
        else:
            nodes[prefix + name] = node
    return nodes, edges + [(end(a, "Output"), end(b, "Input")) for a, b in graph.edges]


def convolved(x, w, b, stride, padding, dilation, groups):
    """Cross-correlation of (B, C, ...) by shifted sums."""
    axes = w.ndim - 2
    spread = [1 + d * (k - 1) for d, k in zip(dilation, w.shape[2:])]
    if isinstance(padding, str):
        total = [s - 1 if padding == "same" else 0 for s in spread]
        padding = [(n // 2, n - n // 2) for n in total]
    else:
        padding = [(p, p) for p in padding]
    x = np.pad(x, [(0, 0), (0, 0), *padding])
    windows = np.lib.stride_tricks.sliding_window_view(x, spread, axis=tuple(range(2, 2 + axes)))
    pick = (slice(None), slice(None), *[slice(None, None, s) for s in stride])
    windows = windows[(*pick, *[slice(None, None, d) for d in dilation])]
    B, C, out = x.shape[0], x.shape[1] // groups, w.shape[0] // groups
    parts = []
    for g in range(groups):
        own = windows[:, g * C : (g + 1) * C].reshape(B, C, -1, int(np.prod(w.shape[2:])))
        parts.append(np.einsum("bcpk,ock->bop", own, w[g * out : (g + 1) * out].reshape(out, C, -1)))
    space = windows.shape[2 : 2 + axes]
    return np.concatenate(parts, 1).reshape(B, w.shape[0], *space) + b.reshape(-1, *[1] * axes)


def several(value, axes):
    return value if isinstance(value, str) else [int(n) for n in np.broadcast_to(value, (axes,))]


def stateless(kind, node, x):
    """One step of a node without a state."""
    if kind in ("Input", "Output"):
        return x
    if kind in ("Affine", "Linear"):
        y = np.einsum("...oi,b...i->b...o", np.asarray(node.weight, np.float64), x)
        return y + np.asarray(node.bias, np.float64) if kind == "Affine" else y
    if kind == "Scale":
        return x * np.asarray(node.scale, np.float64)
    if kind == "Threshold":
        return (x > node.threshold).astype(np.float64)
    if kind in ("Conv1d", "Conv2d"):
        axes = 1 if kind == "Conv1d" else 2
        numbers = [several(getattr(node, name), axes) for name in ("stride", "padding", "dilation")]
        return convolved(x, np.asarray(node.weight, float), np.asarray(node.bias, float), *numbers, int(node.groups))
    if kind in ("SumPool2d", "AvgPool2d"):
        k, s, p = (several(getattr(node, name), 2) for name in ("kernel_size", "stride", "padding"))
        x = np.pad(x, [(0, 0), (0, 0), (p[0], p[0]), (p[1], p[1])])
        windows = np.lib.stride_tricks.sliding_window_view(x, k, axis=(2, 3))[:, :, :: s[0], :: s[1]]
        return windows.sum((-2, -1)) if kind == "SumPool2d" else windows.mean((-2, -1))
    assert kind == "Flatten", kind
    first, last = (d % (x.ndim - 1) for d in (int(node.start_dim), int(node.end_dim)))
    return x.reshape(*x.shape[: 1 + first], -1, *x.shape[2 + last :])


class Cell:
    """The state of one neuron layer."""

    def __init__(self, kind, node, dt, integrator, reset, comparator):
        self.kind, self.node, self.dt = kind, node, dt
        self.exact, self.reset, self.comparator = integrator == "exact", reset, comparator
        self.v = self.i = self.gap = None
        if self.exact:
            self.moves = self.propagator()

    def get(self, name):
        return np.asarray(getattr(self.node, name), np.float64)

    def propagator(self):
        """exp(dt A) of d/dt (v - v_leak, I, S) for each neuron."""
        names = [n for n in ("tau", "tau_mem", "tau_syn", "r", "w_in") if hasattr(self.node, n)]
        values = dict(zip(names, np.broadcast_arrays(*[self.get(n) for n in names])))
        shape = values["r"].shape
        out = np.empty((*shape, 3, 3))
        for at in np.ndindex(shape):
            r, A = values["r"][at], np.zeros((3, 3))
            if "tau_syn" in values:
                A[0] = [-1 / values["tau_mem"][at], r / values["tau_mem"][at], 0]
                A[1] = [0, -1 / values["tau_syn"][at], values["w_in"][at] / values["tau_syn"][at]]
            elif "tau" in values:
                A[0] = [-1 / values["tau"][at], 0, r / values["tau"][at]]
            else:
                A[0] = [0, 0, r]
            out[at] = expm(self.dt * A)
        return out

    def step(self, x):
        leak = self.get("v_leak") if hasattr(self.node, "v_leak") else 0.0
        if self.v is None:
            self.i = np.zeros_like(x)
            start = leak
            if self.kind == "IF" and self.reset == "value":
                start = self.get("v_reset")
            self.v = np.zeros_like(x) + start
        if self.exact:
            state = np.stack([self.v - leak, self.i, x], -1)
            state = np.einsum("...ij,...j->...i", self.moves, state)
            self.v, self.i = state[..., 0] + leak, state[..., 1]
        elif self.kind in ("I", "IF"):
            self.v = self.v + self.dt * self.get("r") * x
        else:
            tau = self.get("tau_mem" if hasattr(self.node, "tau_mem") else "tau")
            if hasattr(self.node, "tau_syn"):
                self.i = self.i + self.dt / self.get("tau_syn") * (self.get("w_in") * x - self.i)
                x = self.i
            self.v = self.v + self.dt / tau * (leak - self.v + self.get("r") * x)
        if not hasattr(self.node, "v_threshold"):
            return self.v
        threshold = self.get("v_threshold")
        self.gap = self.v - threshold
        spikes = self.gap > 0 if self.comparator == ">" else self.gap >= 0
        after = self.get("v_reset") if self.reset == "value" else self.v - threshold
        self.v = np.where(spikes, after, self.v)
        return spikes.astype(np.float64)


def run(graph, x, dt, integrator="euler", reset="value", comparator=">", late=()):
    """All steps of a graph.

    Args:
        x: (T, B, ...), or a dictionary of such by the names of inputs.
        late: edges that carry the output of the step before, 0 in the first one.

    Returns:
        Outputs (T, B, ...) of every node by name, potentials after the reset of neurons as NAME.v, and before it less
        the threshold as NAME.gap.
    """
    nodes, edges = flat(graph)
    edges = list(dict.fromkeys(edges))
    kinds = {name: type(node).__name__ for name, node in nodes.items()}
    tops = [n for n in nodes if kinds[n] == "Input" and n in graph.nodes]
    given = x if isinstance(x, dict) else {tops[0]: x}
    T, B = next(iter(given.values())).shape[:2]
    cells = {n: Cell(kinds[n], nodes[n], dt, integrator, reset, comparator) for n in nodes if kinds[n] in NEURONS}
    delays = {n: np.rint(np.asarray(nodes[n].delay, float) / dt).astype(int) for n in nodes if kinds[n] == "Delay"}
    held = {n: [] for n in delays}
    out = {}
    before = {}
    for t in range(T):
        now = {}
        waiting = list(nodes)
        while waiting:
            rest = []
            for name in waiting:
                if name in given:
                    now[name] = np.asarray(given[name][t], np.float64)
                    continue
                if name in delays and (delays[name] > 0).all():
                    now[name] = late_values(held[name], delays[name], t, (B, *np.shape(nodes[name].delay)))
                    continue
                sources = [a for a, b in edges if b == name]
                if any((a, name) not in late and a not in now for a in sources):
                    rest.append(name)
                    continue
                arrives = sum(before.get(a, 0.0) if (a, name) in late else now[a] for a in sources)
                if np.ndim(arrives) == 0:
                    arrives = np.zeros((B, *np.asarray(nodes[name].input_type["input"])))
                if name in cells:
                    now[name] = cells[name].step(arrives)
                elif name in delays:
                    held[name].append(arrives)
                    now[name] = late_values(held[name], delays[name], t, arrives.shape)
                else:
                    now[name] = stateless(kinds[name], nodes[name], arrives)
            assert len(rest) < len(waiting), f"a cycle without a late edge: {rest}"
            waiting = rest
        for name in delays:
            if len(held[name]) == t:
                sources = [a for a, b in edges if b == name]
                held[name].append(sum(before.get(a, 0.0) if (a, name) in late else now[a] for a in sources))
        for name, value in now.items():
            out.setdefault(name, []).append(value)
        for name, cell in cells.items():
            out.setdefault(f"{name}.v", []).append(cell.v)
            if cell.gap is not None:
                out.setdefault(f"{name}.gap", []).append(cell.gap)
        before = now
    return {name: np.stack(values) for name, values in out.items()}


def late_values(held, delay, t, shape):
    """What comes out of a delay in step t, each neuron with its own number of steps."""
    out = np.zeros(shape)
    for steps in np.unique(delay):
        if t - steps >= 0:
            out[..., delay == steps] = held[t - steps][..., delay == steps]
    return out


def agreement(ours, reference):
    """The share of steps and samples in which all spikes are the same."""
    same = ours == reference
    return same.reshape(*same.shape[:2], -1).all(-1).mean()
