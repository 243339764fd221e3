"""What a recording takes for granted: after a change, compiled functions record again and graphs refuse to run."""

import numpy as np
import pytest

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn, optim
from grilly_vk.tensor import from_numpy

RNG = np.random.default_rng(0)
X = RNG.standard_normal((8, 6)).astype(np.float32)
Y = RNG.integers(0, 3, 8).astype(np.int32)


class Run:
    """A small network, an optimizer of some of its parameters, and a training step, eager or compiled."""

    def __init__(self, wrap, *, parts=2, zero=True, step=True):
        grilly_vk.manual_seed(1)
        self.model = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))
        self.optimizer = optim.Adam([p for m in list(self.model)[: 2 * parts - 1] for p in m.parameters()], lr=0.05)

        def train(x, y):
            if zero:
                self.model.zero_grad()
            loss = F.cross_entropy(self.model(x), y)
            loss.backward()
            if step:
                self.optimizer.step()
            return loss

        self.step = wrap(train)

    def train(self, times=2):
        for _ in range(times):
            self.step(from_numpy(X), from_numpy(Y))

    def eager_step(self, part=2):
        """A step by hand in which only one layer has gradients."""
        self.optimizer.zero_grad()
        for p in self.model[part].parameters():
            p.grad = grilly_vk.ones_like(p)
        self.optimizer.step()

    def values(self):
        tensors = {**self.model.state_dict()}
        for number, entry in self.optimizer.state_dict()["state"].items():
            tensors.update({f"{number}.{k}": v for k, v in entry.items()})
        tensors.update({f"{k}.grad": p.grad for k, p in self.model.named_parameters()})
        return {k: None if v is None else np.asarray(v) for k, v in tensors.items()}


def add_group(run):
    run.optimizer.add_param_group({"params": run.model[2].parameters(), "lr": 0.5})


def load_other_counts(run):
    state = run.optimizer.state_dict()
    state["state"][0] = {**state["state"][0], "step": 40}
    run.optimizer.load_state_dict(state)


def load_no_counts(run):
    run.optimizer.load_state_dict({**run.optimizer.state_dict(), "state": {}})


def freeze(run):
    run.model[0].requires_grad_(False)


def freeze_and_train(run):
    run.model[0].requires_grad_(False)
    run.train()
    run.model[0].requires_grad_(True)


def assign_requires_grad(run):
    run.model[0].weight.requires_grad = False


def part_without_gradients(run):
    run.eager_step()


def counts_apart_then_another_rate(run):
    run.eager_step()
    run.optimizer.param_groups[0]["lr"] = 0.3


def another_optimizer_and_back(run):
    """It moves the parameters into its memory; the first one's next step moves them back."""
    other = optim.SGD(run.model.parameters(), lr=0.1)
    run.eager_step()
    other.zero_grad()
    run.eager_step(0)


def other_weights(run):
    state = {k: v.numpy() * 0.5 for k, v in run.model.state_dict().items()}
    run.model.load_state_dict(state)


def new_parameter(run):
    run.model[2].bias = nn.Parameter(np.full(3, 0.25))


def new_layer(run):
    grilly_vk.manual_seed(9)
    run.model[1] = nn.Sequential(nn.Tanh(), nn.Linear(5, 5))


def gradients_dropped(run):
    run.optimizer.zero_grad()


def gradients_by_hand(run):
    for p in run.model.parameters():
        p.grad = grilly_vk.ones_like(p)


CHANGES = [
    load_other_counts, load_no_counts, freeze, freeze_and_train, assign_requires_grad, part_without_gradients,
    counts_apart_then_another_rate, another_optimizer_and_back, other_weights, new_parameter, new_layer,
    gradients_dropped, gradients_by_hand,
]  # fmt: skip


def eager(f):
    return f


@pytest.mark.parametrize("change", [add_group, *CHANGES])
def test_a_compiled_step_goes_on_as_the_plain_one(change):
    found = []
    for wrap in (eager, grilly_vk.compile):
        run = Run(wrap, parts=1 if change is add_group else 2)
        run.train()
        change(run)
        run.train()
        found.append(run.values())
    want, got = found
    assert want.keys() == got.keys()
    for name, value in want.items():
        np.testing.assert_array_equal(got[name], value, err_msg=name)
    assert run.step.captures <= 4


def test_frozen_and_thawed_inside_is_recorded_once():
    """As a GAN's generator step does with the discriminator."""
    run = Run(eager)

    def train(x):
        run.model[2].requires_grad_(False)
        run.model.zero_grad()
        (run.model(x) * run.model(x)).sum().backward()
        run.optimizer.step()
        run.model[2].requires_grad_(True)
        return x

    step = grilly_vk.compile(train)
    kept = run.model[2].weight.numpy()
    for _ in range(4):
        step(X)
    assert step.captures == 1
    np.testing.assert_array_equal(run.model[2].weight.numpy(), kept)


def test_gradients_made_by_a_recording_reach_the_plain_step():
    """zero_grad() outside drops them; the next replay must put them back."""
    found = []
    for wrap in (eager, grilly_vk.compile):
        run = Run(wrap, step=False)
        for _ in range(4):
            run.train(1)
            assert all(p.grad is not None for p in run.model.parameters())
            run.optimizer.step()
            run.optimizer.zero_grad()
        found.append(run.values())
    for name, value in found[0].items():
        np.testing.assert_array_equal(found[1][name], value, err_msg=name)
    assert run.step.captures == 1


def test_adding_to_gradients_that_are_gone_is_refused():
    run = Run(grilly_vk.compile, zero=False, step=False)
    F.cross_entropy(run.model(from_numpy(X)), from_numpy(Y)).backward()
    run.train()
    run.optimizer.zero_grad(set_to_none=False)
    run.train()
    assert run.step.captures == 1
    run.optimizer.zero_grad()
    with pytest.raises(RuntimeError, match=r"clear it inside, with zero_grad\(\)"):
        run.train()


def test_modes_are_seen_of_modules_that_only_run():
    """`run.model` is no variable of the function, but it is called inside."""
    run = Run(eager)
    run.model.append(nn.Dropout(0.5))
    compiled = grilly_vk.compile(lambda x: run.model(x))
    noisy = compiled(X).numpy()
    run.model.eval()
    quiet = compiled(X).numpy()
    assert (noisy == 0).any() and not (quiet == 0).any()
    run.model.train()
    assert (compiled(X).numpy() == 0).any()
    assert compiled.captures == 2


def test_no_grad_is_another_recording():
    run = Run(eager)

    @grilly_vk.compile
    def step(x):
        run.model.zero_grad()
        loss = (run.model(x) * run.model(x)).sum()
        if loss.requires_grad:
            loss.backward()
            run.optimizer.step()
        return loss

    step(X)
    kept = run.model[0].weight.numpy()
    with grilly_vk.no_grad():
        step(X)
    np.testing.assert_array_equal(run.model[0].weight.numpy(), kept)
    step(X)
    assert (run.model[0].weight.numpy() != kept).any() and step.captures == 2


def test_results_kept_from_before_a_replay_have_no_gradient_any_more():
    run = Run(grilly_vk.compile)
    run.train()
    loss = run.model(from_numpy(X)).sum()
    run.train(1)  # changes the weights, as an eager step would
    with pytest.raises(RuntimeError, match="changed in place after it was used"):
        loss.backward()
    w = grilly_vk.ones(3, requires_grad=True)
    x = from_numpy(np.ones(3, np.float32))
    with grilly_vk.capture() as graph:
        y = x * 2.0
    graph.replay()
    total = (w * y).sum()
    graph.replay()  # the memory of y, made anew
    with pytest.raises(RuntimeError, match="changed in place after it was used"):
        total.backward()


# ---- graphs ----


def captured(run, x=X):
    inputs, labels = from_numpy(x), from_numpy(Y)
    run.step(inputs, labels)  # so that gradients have their places
    with grilly_vk.capture() as graph:
        run.step(inputs, labels)
    graph.replay()
    assert graph.outdated is None
    return graph


def make_another_optimizer(run):
    optim.SGD(run.model.parameters(), lr=0.1)


REASONS = {
    add_group: "an optimizer got another group",
    load_other_counts: "an optimizer's parameters took different steps",
    freeze: r"requires_grad of a tensor of shape \(.*\) was changed",
    assign_requires_grad: r"requires_grad of a tensor of shape \(5, 6\) was changed",
    part_without_gradients: "an optimizer's parameters took different steps",
    make_another_optimizer: r"a tensor of shape \(.*\) was moved to other memory",
}


@pytest.mark.parametrize("change", REASONS, ids=lambda f: f.__name__)
def test_an_outdated_graph_refuses_to_run(change):
    run = Run(eager, parts=1 if change is add_group else 2)
    graph = captured(run)
    change(run)
    before = run.values()
    with pytest.raises(RuntimeError, match=REASONS[change] + ".* since this graph was captured; capture it again"):
        graph.replay()
    assert graph.outdated
    for name, value in run.values().items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)


@pytest.mark.parametrize("change", [load_no_counts, other_weights, gradients_dropped, gradients_by_hand])
def test_what_does_not_matter_to_a_graph(change):
    run, plain = Run(eager), Run(eager)
    graph = captured(run)
    plain.train()
    change(run), change(plain)
    graph.replay()
    plain.train(1)
    want = plain.values()
    for name, value in run.values().items():
        np.testing.assert_array_equal(value, want[name], err_msg=name)


def test_a_graph_of_the_optimizer_alone_needs_its_gradients():
    run = Run(eager, step=False)
    run.train(1)
    run.optimizer.step()
    with grilly_vk.capture() as graph:
        run.optimizer.step()
    run.train(1)
    graph.replay()
    run.optimizer.zero_grad()
    with pytest.raises(RuntimeError, match=r"the gradient of a tensor of shape .* was set or dropped since"):
        graph.replay()
    run.train(1)
    graph.replay()


def test_a_frozen_leaf_that_is_used_reshaped_only():
    w = grilly_vk.ones(6)
    x = grilly_vk.ones((2, 3), requires_grad=True)
    with grilly_vk.capture() as graph:
        (x * w.reshape(2, 3)).sum().backward()
    graph.replay()
    w.requires_grad_()
    with pytest.raises(RuntimeError, match=r"requires_grad of a tensor of shape \(6,\)"):
        graph.replay()


def test_graphs_hold_on_to_no_parameters():
    import gc
    import weakref

    run = Run(eager)
    graph = captured(run)
    gone = [weakref.ref(p) for p in run.model.parameters()]
    del run
    gc.collect()
    assert [r() for r in gone] == [None] * len(gone)
    graph.replay()
