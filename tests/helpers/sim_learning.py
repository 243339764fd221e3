"""What spikes do to a synapse of grilly_vk.sim by each rule, in float64: eagerly, event by event at the synapse."""

import math

import numpy as np


def events(pre, post, delay):
    """What reaches a synapse, in order: steps, whether a post-synaptic spike does, a pre-synaptic one."""
    pre, post = set(pre), {t + delay for t in post}
    return [(t, t in post, t in pre) for t in sorted(pre | post)]


class Trace:
    """Decays by itself, and jumps at spikes."""

    def __init__(self, tau, nearest):
        self.tau, self.nearest, self.value, self.t = tau, nearest, 0.0, 0

    def at(self, t):
        return self.value * math.exp(-(t - self.t) / self.tau)

    def jump(self, t):
        self.value, self.t = (1.0 if self.nearest else self.at(t) + 1.0), t


def pairs(rule, w, pre, post, delay, until, dt):
    """The weight after step `until`, and that of each pre-synaptic spike: STDP."""
    k_pre, k_post = (Trace(tau / dt, rule.pairing == "nearest") for tau in (rule.tau_plus, rule.tau_minus))
    span, low, high = rule.Wmax - rule.Wmin, *sorted((rule.Wmin, rule.Wmax))
    sent = []
    for t, arrives, fires in events(pre, post, delay):
        if t > until:
            break
        before, after = k_pre.at(t), k_post.at(t)
        if arrives:
            w += rule.A_plus * span * ((rule.Wmax - w) / span) ** rule.mu_plus * before
            w = min(max(w, low), high)
            k_post.jump(t)
        if fires:
            w -= rule.A_minus * span * ((w - rule.Wmin) / span) ** rule.mu_minus * after
            w = min(max(w, low), high)
            k_pre.jump(t)
            sent.append(w)
    return w, sent


def triplets(rule, w, pre, post, delay, until, dt):
    """The same: TripletSTDP."""
    near = rule.pairing == "nearest"
    r1, r2, o1, o2 = (
        Trace(tau / dt, near) for tau in (rule.tau_plus, rule.tau_plus_triplet, rule.tau_minus, rule.tau_minus_triplet)
    )
    sign, (low, high), sent = math.copysign(1, rule.Wmax), sorted((0.0, rule.Wmax)), []
    for t, arrives, fires in events(pre, post, delay):
        if t > until:
            break
        before, slow_before, after, slow_after = r1.at(t), r2.at(t), o1.at(t), o2.at(t)
        if arrives:
            w = min(max(w + sign * before * (rule.A_plus + rule.A_plus_triplet * slow_after), low), high)
            o1.jump(t)
            o2.jump(t)
        if fires:
            w = min(max(w - sign * after * (rule.A_minus + rule.A_minus_triplet * slow_before), low), high)
            r1.jump(t)
            r2.jump(t)
            sent.append(w)
    return w, sent


def short_term(rule, w, pre, post, delay, until, dt):
    """The same: TsodyksMarkram; what each spike is worth."""
    x, u, last, sent = 1.0, rule.U, None, []
    for t in pre:
        if last is not None:
            x = 1 - (1 - (x - x * u)) * math.exp(-(t - last) * dt / rule.tau_rec)
            fall = math.exp(-(t - last) * dt / rule.tau_fac) if rule.tau_fac else 0.0
            u = rule.U + u * (1 - rule.U) * fall
        last = t
        sent.append(w * x * u)
    return w, sent


def dopamine(rule, w, pre, post, delay, until, dt, jumps=()):
    """The same: DopamineSTDP, in steps of dt/4 by Heun's rule; jumps: (step, by how much or ("=", level))."""
    raise NotImplementedError


RULES = {"STDP": pairs, "TripletSTDP": triplets, "TsodyksMarkram": short_term}


def learned(rule, projection, first, spikes, until, dt):
    """The weights that a projection should have, from its first ones and the recorded spikes: by source and target."""
    pre, post, _, delay = projection.connections()
    of = RULES[type(rule).__name__]
    trains = [[np.rint(np.asarray(t)[who == i] / dt).astype(int) - 1 for i in range(n)] for (t, who), n in spikes]
    return np.array(
        [
            of(rule, float(w), trains[0][i].tolist(), trains[1][j].tolist(), d, until, dt)[0]
            for i, j, w, d in zip(pre, post, first, np.rint(delay / dt).astype(int))
        ]
    )
