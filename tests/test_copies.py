"""copy.deepcopy of models with their optimizers and schedules, and what pickle answers."""

import copy
import pickle

import numpy as np
import pytest

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn, optim
from grilly_vk.tensor import from_numpy

KINDS = [
    lambda p: optim.SGD(p, lr=0.1, momentum=0.9),
    lambda p: optim.Adam(p, lr=0.01, amsgrad=True),
    lambda p: optim.AdamW(p),
    lambda p: optim.RMSprop(p, momentum=0.5, centered=True),
]


def net():
    grilly_vk.manual_seed(3)
    return nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.LIFNode(), nn.Linear(8, 3))


def train(model, opt, plan, steps, seed):
    rng = np.random.default_rng(seed)
    losses = []
    for _ in range(steps):
        x, y = rng.random((6, 5), np.float32), rng.integers(0, 3, 6).astype(np.int32)
        opt.zero_grad()
        F.reset_net(model)
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        opt.step()
        plan.step()
        losses.append(loss.item())
    return losses


def numbers(model, opt):
    state = opt.state_dict()
    arrays = [t.numpy() for t in model.state_dict().values()]
    for entry in state["state"].values():
        arrays += [np.asarray(value) for value in entry.values()]
    return arrays, [{k: v for k, v in group.items() if k != "params"} for group in state["param_groups"]]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_a_model_and_its_optimizer_go_on_like_the_originals(kind, order):
    model = net()
    rest = [*model[1].parameters(), *model[3].parameters()]
    opt = kind([{"params": model[0].parameters()}, {"params": rest, "lr": 0.02}])
    plan = optim.StepLR(opt, 2, 0.5)
    train(model, opt, plan, 3, 0)
    together = (model, opt, plan)
    copies = copy.deepcopy([together[i] for i in order])
    other, its, schedule = (copies[order.index(i)] for i in range(3))
    assert schedule.optimizer is its and its is not opt
    assert [id(p) for g in its.param_groups for p in g["params"]] == [id(p) for p in other.parameters()]
    before = numbers(model, opt)
    theirs = train(other, its, schedule, 4, 1)
    for a, b in zip(before[0], numbers(model, opt)[0]):  # the originals stayed
        np.testing.assert_array_equal(a, b)
    assert theirs == train(model, opt, plan, 4, 1)
    (arrays, settings), (more, same) = numbers(model, opt), numbers(other, its)
    assert settings == same
    for a, b in zip(arrays, more):
        np.testing.assert_array_equal(a, b)


def test_an_optimizer_alone_gets_parameters_of_its_own():
    model = net()
    opt = optim.Adam(model.parameters(), lr=0.1)
    other = copy.deepcopy(opt)
    assert repr(other) == repr(opt)
    (p, *_), (q, *_) = (o.param_groups[0]["params"] for o in (opt, other))
    start = p.numpy()
    np.testing.assert_array_equal(q.numpy(), start)
    q.grad = from_numpy(np.ones(q.shape, np.float32))
    other.step()
    np.testing.assert_array_equal(p.numpy(), start)
    assert (q.numpy() != start).all()
    for group in (copy.copy(opt.param_groups[0]), copy.deepcopy(opt.param_groups[0])):
        assert type(group) is dict and group["lr"] == 0.1
        group["lr"] = 3.0
    assert opt.param_groups[0]["lr"] == 0.1


def test_a_subclass_with_attributes_of_its_own():
    class Noted(optim.SGD):
        def __init__(self, params):
            super().__init__(params, lr=0.5)
            self.notes = ["first"]

    opt = Noted([nn.Parameter([1.0])])
    other = copy.deepcopy(opt)
    other.notes.append("second")
    assert opt.notes == ["first"] and type(other) is Noted and other.param_groups[0]["lr"] == 0.5


def test_tied_weights_stay_tied():
    base = from_numpy(np.eye(3, dtype=np.float32))
    model = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    model[0].weight, model[1].weight = nn.Parameter(base), nn.Parameter(base)
    other, opt = copy.deepcopy((model, optim.SGD(model.parameters(), lr=1.0)))
    other[0].weight.grad = from_numpy(np.ones((3, 3), np.float32))
    opt.step()
    np.testing.assert_array_equal(other[1].weight.numpy(), np.eye(3) - 1)
    np.testing.assert_array_equal(model[1].weight.numpy(), np.eye(3))


def test_a_compiled_method_is_copied_with_its_object():
    class Trainer:
        def __init__(self):
            self.model = nn.Linear(2, 1, bias=False)
            self.opt = optim.SGD(self.model.parameters(), lr=0.1)
            self.step = grilly_vk.compile(self._step)

        def _step(self, x):
            self.opt.zero_grad()
            loss = self.model(x).sum()
            loss.backward()
            self.opt.step()
            return loss

    x = np.ones((1, 2), np.float32)
    one = Trainer()
    one.step(x)
    other = copy.deepcopy(one)
    assert other.step.captures == 0
    assert other.step(x).item() == one.step(x).item()
    np.testing.assert_array_equal(other.model.weight.numpy(), one.model.weight.numpy())
    start = one.model.weight.numpy()
    other.step(x)
    np.testing.assert_array_equal(one.model.weight.numpy(), start)


def test_pickle_answers_with_what_to_do(tmp_path):
    model = net()
    opt = optim.Adam(model.parameters())
    train(model, opt, optim.StepLR(opt, 9), 1, 0)
    for thing in (model, opt, optim.StepLR(opt, 3), model[0].weight, grilly_vk.ones(2)):
        with pytest.raises(TypeError, match=r"state_dict\(\) of a module or optimizer with grilly_vk.save"):
            pickle.dumps(thing)
    graph = grilly_vk.capture()
    with graph:
        grilly_vk.ones(3) + 1.0
    for thing, text in ((graph, "a captured graph"), (grilly_vk.compile(np.sum), "a compiled function"),
                        (graph._engine, "an opened device")):  # fmt: skip
        with pytest.raises(TypeError, match=text + ".*can't be.*pickled"):
            pickle.dumps(thing)
    with pytest.raises(TypeError, match="can't be copied"):
        copy.deepcopy(graph)
    grilly_vk.save(tmp_path / "all", {"model": model.state_dict(), "opt": opt.state_dict()})  # what it says works
    state = grilly_vk.load(tmp_path / "all")
    other = net()
    its = optim.Adam(other.parameters())
    other.load_state_dict(state["model"])
    its.load_state_dict(state["opt"])
    for a, b in zip(numbers(model, opt)[0], numbers(other, its)[0]):
        np.testing.assert_array_equal(a, b)
