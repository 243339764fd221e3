"""Every public class, function and method, called wrongly: an error of ours, or the right result; never another one."""

import inspect
import types
import warnings

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import right_calls
from error_texts import fault
from right_calls import CALLS, MADE, METHODS
from valid_otherwise import LISTED, listed, numpys, refused
from wrong_variants import SHAPES, leaves, variants

import grilly_vk
from grilly_vk import host_random, nn, optim, snn
from grilly_vk.calling import public_modules, public_names

MODULES = public_modules(grilly_vk, snn, nn.utils, nn.conversion, optim.lr_scheduler)
ALIEN = 1.0


def short(module):
    return module.__name__.replace("grilly_vk", "g", 1)


def public():
    """All public functions and classes of the package by name, each once."""
    found, seen = {}, set()
    for module in MODULES:
        for name in public_names(module):
            value = getattr(module, name)
            ours = getattr(value, "__module__", "").startswith("grilly_vk")
            if callable(value) and ours and not isinstance(value, types.ModuleType) and id(value) not in seen:
                seen.add(id(value))
                found[f"{short(module)}.{name}"] = value
    return found


def methods(kind):
    """The public methods of a class, of its own and of its bases here, less those that every call goes through."""
    inner = {*getattr(kind, "_inner", ()), *getattr(kind, "_unexplained", ())}
    for name in sorted(set(dir(kind)) - inner):
        value = inspect.getattr_static(kind, name)
        plain = value.__func__ if isinstance(value, (classmethod, staticmethod)) else value
        ours = isinstance(plain, types.FunctionType) and plain.__module__.startswith("grilly_vk")
        if ours and not name.startswith("_") and name != "forward":
            yield name, value


def calls_of(function, bound):
    """Arguments that the signature has no room for."""
    takes = list(inspect.signature(function).parameters.values())[bound:]
    kinds = {p.kind for p in takes}
    if inspect.Parameter.VAR_POSITIONAL not in kinds:
        yield [ALIEN] * 40, {}
    if inspect.Parameter.VAR_KEYWORD not in kinds:
        yield [], {"no_such_argument": ALIEN}
    if any(p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD for p in takes):
        yield [], {}


def instance(kind):
    """An object for methods to be called on; they don't come to look at it, but those of tensors do."""
    if issubclass(kind, grilly_vk.Tensor):
        return kind([1.0, 2.0])
    return tuple.__new__(kind) if issubclass(kind, tuple) else object.__new__(kind)


NOT_CALLED = {  # whose constructors users don't call
    "g.Tensor": "keywords beside requires_grad are Python's to refuse: each operation makes one",
    "g.tensor.Size": "what x.size is",
    "g.Function": "has no instances",
    "g.autograd.Node": "what each operation makes",
}


def test_calls_that_fit_no_signature():
    wrong = [text for name, value in public().items() for text in said_of_misfits(name, value)]
    assert not wrong, "\n".join(wrong)


def said_of_misfits(name, value):
    """What is wrong with what calls of a public name are told that its signature has no room for."""
    wrong = []
    own = name.rpartition(".")[2]

    def check(function, first, shown, *names):
        for args, named in calls_of(function, len(first)):
            try:
                function(*first, *args, **named)
            except Exception as error:
                said = fault(error, *names)
                if said:
                    wrong.append(f"{shown}({len(args)} arguments, {', '.join(named)}): {said}")
            else:
                wrong.append(f"{shown}({len(args)} arguments, {', '.join(named)}): no error")

    if isinstance(value, type):
        if name not in NOT_CALLED and not issubclass(value, Exception):
            check(value, [], own, value.__name__)
        for method, kind in methods(value):
            function = getattr(value, method)
            first = [] if isinstance(kind, (classmethod, staticmethod)) else [instance(value)]
            check(function, first, f"{own}.{method}", method)
    else:
        check(value, [], own, own, value.__name__)
    return wrong


# ---- right calls with one wrong argument ----

NOT_VARIED = {  # what has no right call of its own
    "bases": "Function Module StatefulModule NonSpikingNode Optimizer Monitor Scheduler Surrogate SpikingRNNCell SNN",
    "results, which calls give": "Summary FiringRateReport LayerActivity Evaluation Row Layer ConvertedNetwork "
    "Sentences LoadReport StateMismatch",
    "blocks and parts of the tape": "Node Hook Edge set_detect_anomaly backward start Context",
    "needs another package, h5py": "SHD",
    "bases of the simulator": "Connector Current Distribution Plasticity PopulationView Source",
    "inside": "dtype_of unmasked empty full owned overlap from_numpy Size record run_tape next_number edge_of "
    "edge_key grad_enabled",
}  # fmt: skip
OF_TENSORS = {"accumulate"}  # what the tape calls
SAME_NAMES = {"axis", "dim", "dims", "axes"}
ALIASES = {"g.Tensor": "data", "monitor.firing_rate_report": "model"} | dict.fromkeys(
    ("data.events.drop_events", "data.events.Frames()"), "recordings"
)


def evaluated(text):
    """Arguments of a call, made anew."""
    host_random.seed(0)
    grilly_vk.manual_seed(0)
    return eval(f"(lambda *args, **named: (list(args), named))({text})", vars(right_calls))


def cases():
    """What is called, by name: a function that gives it, and a text of right arguments."""
    for name, text in CALLS.items():
        if name.startswith("SNN."):
            yield name, lambda name=name: getattr(snn.SNN(), name[4:]), text
        else:
            yield name, lambda name=name: eval(name, vars(right_calls)), text
    for name, (made, text) in MADE.items():
        yield name, lambda name=name: eval(name, vars(right_calls)), made
        if text is not None:
            yield f"{name}()", lambda name=name, made=made: eval(f"{name}({made})", vars(right_calls)), text
    for name, (owner, text) in METHODS.items():
        method = name.rpartition(".")[2]
        yield name, lambda owner=owner, method=method: getattr(eval(owner, vars(right_calls)), method), text


def by_defaults():
    """What needs no argument, and no right call in the table: it is called with nothing."""
    known = {id(eval(name, vars(right_calls))) for name in {**CALLS, **MADE} if not name.startswith("SNN.")}
    apart = {name for names in NOT_VARIED.values() for name in names.split()}
    for name, value in public().items():
        bare = name.rpartition(".")[2]
        if id(value) in known or bare in apart or (isinstance(value, type) and issubclass(value, Exception)):
            continue
        takes = inspect.signature(value).parameters.values()
        if all(p.default is not p.empty or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in takes):
            yield name, lambda value=value: value, ""


CASES = {name: (make, text) for name, make, text in [*cases(), *by_defaults()]}


def result_of(make, args, named):
    """The arrays of a result, with those that were changed in place."""
    host_random.seed(0)
    grilly_vk.manual_seed(0)
    function = make()
    result = function(*args, **named)
    result = leaves(getattr(function, "__self__", None) if result is None else result)
    changed = [p for a in args for p in (a if isinstance(a, list) else [a]) if isinstance(p, nn.Parameter)]
    return result + leaves(changed)


def names_for(variant, function, own, name):
    """Words of which an error about a wrong argument must have one."""
    every = [p.name for p in inspect.signature(function).parameters.values()]
    if variant.kind in SHAPES or variant.option or variant.argument == "args":
        return [*every, own, "axis", "index", ALIASES.get(name, own)]
    same = SAME_NAMES | {"shape"} if variant.argument in SAME_NAMES else ()
    return [variant.argument, own, ALIASES.get(name, own), *same]


def judged(name, make, variant, right, words):
    """What is wrong with what a wrong call does; None: nothing."""
    try:
        got = result_of(make, variant.args, variant.named)
    except Exception as error:
        if variant.works and not refused(f"{name} [{variant.argument}] {variant.kind}"):
            return f"must work as numpy's arrays do: {error}"
        said = fault(error, *words)
        came = not variant.came or any(word in str(error) for word in variant.came)
        return said if said or came else f"does not say what came: {error}"
    if listed(f"{name} [{variant.argument}] {variant.kind}"):
        return None
    if variant.allowed is None:
        return "no error"
    wanted = result_of(make, *variant.beside) if variant.beside else right
    if got and len(got) == len(wanted) and all(map(variant.allowed, wanted, got)):
        return None
    reference = numpys(name, variant.args)
    if reference is not None and len(reference) == len(got):
        pairs = list(zip(reference, got))
        if all(a.shape == b.shape and np.allclose(a, b, 1e-4, 1e-5, equal_nan=True) for a, b in pairs):
            return None
    return f"another result, of shapes {[a.shape for a in got]}; right or not? then list it in valid_otherwise"


@pytest.mark.parametrize("module", sorted({name.partition(".")[0] for name in CASES}))
def test_one_wrong_argument(module, tmp_path, monkeypatch):
    wrong = []
    for name in CASES:
        if name.partition(".")[0] == module:
            folder = tmp_path / name  # "many" is the name of a file, too
            folder.mkdir()
            monkeypatch.chdir(folder)
            wrong += said_of_wrong_arguments(name)
    assert not wrong, "\n".join(wrong)


def said_of_wrong_arguments(name):
    """What is wrong with what calls of a name are told that are right but for one argument."""
    make, text = CASES[name]
    wrong = []
    own = name.removesuffix("()").rpartition(".")[2]
    with warnings.catch_warnings(), matplotlib.rc_context({"figure.max_open_warning": 0}):
        warnings.simplefilter("ignore")
        right = result_of(make, *evaluated(text))
        function = make()
        function = function.forward if isinstance(function, nn.Module) else function
        for variant in variants(function, lambda: evaluated(text)):
            said = judged(name, make, variant, right, names_for(variant, function, own, name))
            if said:
                wrong.append(f"{name} [{variant.argument}] {variant.kind}: {said}")
    plt.close("all")
    return wrong


def test_every_public_name_is_walked():
    """A new public function or class needs a right call in right_calls.py."""
    known = {id(CASES[name][0]()) for name in CASES if "()" not in name and name not in METHODS and name[:4] != "SNN."}
    apart = {name for names in NOT_VARIED.values() for name in names.split()}
    missing = [
        n for n, v in public().items()
        if id(v) not in known and n.rpartition(".")[2] not in apart and not n.endswith(("Error", "OutOfDeviceMemory"))
    ]  # fmt: skip
    kernels = {n for n, _ in methods(snn.SNN)} - {n[4:] for n in CALLS if n.startswith("SNN.")}
    assert not missing and not kernels, "give them a right call"
    alone = [n for n, f in methods(grilly_vk.Tensor) if len(inspect.signature(f).parameters) > 1]
    called = {n.rpartition(".")[2] for n in {**CALLS, **METHODS}}
    assert not {n for n in alone if n.rstrip("_") not in called and n not in called} - OF_TENSORS
    assert all(reason for reason in LISTED)
