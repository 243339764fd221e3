"""Wrong calls that are right calls of another meaning, each kind with its reason; and numpy's results of functions.

A pattern is for "name [argument] kind", as `wrong_variants` has the kinds.
"""

from __future__ import annotations

import re

import numpy as np
from records_elementwise import BINARY

from grilly_vk.ops.pointwise import BINARY_METHODS


def _added(x, index, values, axis):
    """Sums, element by element."""
    for at in np.ndindex(index.shape):
        to = list(at)
        to[axis] = index[at]
        x[tuple(to)] += values[at]


def _scattered(put):
    def scatter(x, axis, index, values):
        """PyTorch's: the part of x that index covers, and values as far as it reaches."""
        out = x.copy()
        covered = tuple(slice(None) if a == axis else slice(n) for a, n in enumerate(index.shape))
        reach = tuple(map(slice, index.shape))
        values = np.broadcast_to(values, index.shape) if np.ndim(values) == 0 else values[reach]
        put(out[covered], index, values, axis)
        return out

    return scatter


# Where the shape is another, the result must be numpy's, on the arguments as they came.
NUMPY = {
    "nonzero": np.argwhere, "numel": np.size, "t": np.transpose,
    "unique": np.unique, "diag": np.diag, "flatten": np.ravel, "tril": np.tril, "triu": np.triu, "trace": np.trace,
    **{name: BINARY[op] for name, (op, _) in BINARY_METHODS.items()},
    "equal": np.array_equal, "add": np.add, "div": np.divide, "fmod": np.fmod, "logical_and": np.logical_and,
    "logical_or": np.logical_or, "logical_xor": np.logical_xor, "sub": np.subtract,
    "isclose": np.isclose, "allclose": np.allclose, "heaviside": np.heaviside,
    "all": np.all, "any": np.any, "amax": np.max, "amin": np.min, "argmax": np.argmax, "argmin": np.argmin,
    "count_nonzero": np.count_nonzero, "mean": np.mean, "prod": np.prod, "sum": np.sum, "sort": None,
    "max": lambda x, a: (np.max(x, a), np.argmax(x, a)), "min": lambda x, a: (np.min(x, a), np.argmin(x, a)),
    "std": lambda x, a: np.std(x, a, ddof=1), "var": lambda x, a: np.var(x, a, ddof=1),
    "norm": lambda x, p, a: np.linalg.norm(x, p, a),
    "median": lambda x, a: (
        np.quantile(x, 0.5, a, method="lower"),
        np.take(np.argsort(x, a, kind="stable"), (np.shape(x)[a] - 1) // 2, a),
    ),
    "logsumexp": lambda x, a: np.log(np.exp(x).sum(a)), "argsort": lambda x, a: np.argsort(x, a, kind="stable"),
    "cumsum": np.cumsum, "cumprod": np.cumprod, "softmax": lambda x, a: np.exp(x) / np.exp(x).sum(a, keepdims=True),
    "log_softmax": lambda x, a: x - np.log(np.exp(x).sum(a, keepdims=True)),
    "flip": np.flip, "unbind": lambda x, a: list(np.moveaxis(x, a, 0)), "unsqueeze": np.expand_dims,
    "addmm": lambda c, a, b: c + a @ b, "bincount": np.bincount, "bmm": np.matmul, "broadcast_to": np.broadcast_to,
    "chunk": lambda x, n, a: np.split(x, range(-(-len(x) // n), len(x), -(-len(x) // n)), a),
    "gather": lambda x, a, i: np.take_along_axis(x[: i.shape[0]], i, a),
    "index_select": lambda x, a, i: np.take(x, i, a),
    "scatter": _scattered(np.put_along_axis), "scatter_add": _scattered(_added),
    "lerp": lambda a, b, w: a + w * (b - a), "masked_fill": lambda x, m, v: np.where(m, v, x),
    "masked_select": lambda x, m: np.broadcast_arrays(x, m)[0][np.broadcast_arrays(x, m)[1]],
    "meshgrid": lambda *a: np.meshgrid(*a, indexing="ij"), "movedim": np.moveaxis,
    "narrow": lambda x, a, at, n: np.take(x, range(at, at + n), a), "outer": np.outer,
    "permute": lambda x, *a: np.transpose(x, a), "repeat_interleave": np.repeat, "reshape": lambda x, *s: x.reshape(s),
    "roll": np.roll, "split": lambda x, n, a: np.split(x, range(n, len(x), n), a), "take": np.take,
    "tile": lambda x, *n: np.tile(x, n), "topk": lambda x, k, a: (
        np.flip(np.sort(x, a), a)[:, :k], np.argsort(-x, a, kind="stable")[:, :k]
    ),
    "transpose": np.swapaxes, "where": np.where, "rand_like": None, "is_tensor": lambda x: False,
}  # fmt: skip
NUMPY["sort"] = lambda x, a: (np.sort(x, a), np.argsort(x, a, kind="stable"))

TIMED = "synapse_filter|dual_timescale|stp|stp_run|stdp_traces|snn_node_forward|NonSpikingL?IFNode|rate_regularization"
TIMED += "|RateRegularization|count|first_spike|membrane|rate|spike_count|firing_rate|delta"
SPATIAL = r"\w*(conv|Conv|pool|Pool|interpolate|Upsample|ZeroPad2d|[Nn]orm|Dropout|dropout|Attention)\w*(\(\))?"
LISTED = {
    "an array is anything": r"g\.is_tensor .*|nn\.Identity\(\) .*",
    "shapes and dtypes of new tensors are those of the argument, values are drawn or left open":
        r"g\.(empty|rand|randn)_like .*|g\.(poisson|bernoulli) .*|g\.LongTensor .* a scalar"
        r"|init\.\w+_ .* (one|axes|no batch).*",
    "entries of an array are tensors, as numpy has it": r"g\.([hv]stack|stack|cat|concat) \[tensors\] an array",
    "None is the 2-norm, as in numpy": r"g\.norm \[p\] None",
    "an array broadcasts": r"g\.masked_fill \[value\] .*|g\.normal \[(mean|std)\] .*|traced\.\w+ \[thresh\] a list"
        r"|F\.plif_step \[w\] a list|SNN\.\w+ \[membrane\] no batch|F\.scaled_dot_product_attention .* no batch",
    "a module stands for its parameters": r"parallel\.\w+ \[(parameters|values)\] a module",
    "modules are functions": r"g\.(checkpoint|gradcheck) \[fn\] a module|g\.compile \[function\] a module"
        r"|nn\.CustomSurrogate \[derivative\] .*|nn\.\w+ \[element_wise_function\] a .*",
    "a file may have that name, a state be a dict, a core be called so":
        r"g\.(save|load) \[path\] a word|g\.save \[state\] .*|nn\.\w*Core \[name\] a word",
    "any module has this": r"g\.interop\.to_torch_state \[module\] a .*|F\.\w+ \[model\] a .*|nn\.summary \[model\] .*",
    "containers take any module; what it is given is looked at when they are called":
        r"nn\.(Synapse|MultiStepContainer|Sequential) \[\w+\] a (core|flat neuron)",
    "rates of one neuron": r"plot\.rate_\w+ \[rates\] a dict",
    "one row of rates is one layer": r"plot\.rate_boxes \[rates\] an array",
    "any module can be a part":
        r"nn\.(Module\.add_module|Sequential\.append) .* a (core|flat neuron)|.*add_module \[name\] a word",
    "what can be called is a hook": r"(Tensor|nn\.Module|optim\.SGD)\.register_\w*hook \[hook\] a (class|module)"
        r"|models\.DiehlCook\.present \[progress\] a class",
    "nothing is asked for": r"(Tensor|nn\.Module)\.to \[args\] None",
    "values broadcast": r"Tensor\.masked_fill_ \[value\] .*|Tensor\.(add_|copy_|masked_fill_) \[\w+\] no batch"
        r"|Tensor\.(divide|subtract|true_divide) \[other\] no batch",
    "another width, another batch": r"g\.SNNCompute\.process .*|models\.DiehlCook\.present .* no batch",
    "its dtype alone matters": r"Tensor\.type_as .* one too few",
    "rows of any kind are handed out": r"data\.DataLoader \[arrays\] .*",
    "which axis is time, and which are neurons, can't be seen": r"plot\.(potentials|raster) \[\w+\] (one|no|axes).*"
        r"|encode\.PeriodicEncoder \[spikes\] (one|no|axes).*",
    "so many rates": r"plot\.rate_histogram \[rates\] (a scalar|one too few)",
    "nothing is given back": r"g\.set_rng_state \[state\] a foreign array",
    "a sequence is one batch or many": r"monitor\.firing_rate_report \[data\] no batch",
    "one state of all": r"SNN\.\w+ \[membrane\] a scalar",
    "a number for each neuron":
        r"(g\.)?nn\.[\w.]+ \[(v_threshold|v_reset|threshold|alpha|beta|V|\w+_factor)\] (an array|a list)",
    "a model may have no parameters": r"nn\.NeuronModel \[parameters\] a dict",
    "states may begin with other numbers": r"sim\.Model \[states\] a dict|sim\.equations \[initial\] a dict",
    "its connector says which arrays fit": r"sim\.Projection \[(weight|delay)\] (an array|a list)",
    "labels are words": r"sim\.(Population|\w+Source) \[label\] a word",
    "names are words": r"(nn|sim)\.\w+ \[(name|title|about)\] a word|plot\.\w+ \[(unit|x_label)\] a word",
    "a function": r"data\.events\.Frames \[augment\] a (class|module)|nn\.[\w.]+LIAFNode \[act\] a (class|module)",
    "classes are functions, or choose modules": r"monitor\.\w+ \[(transform|modules)\] a class"
        r"|nn\.CustomSurrogate \[primitive\] a class",
    "of one activation alone, as in PyTorch": r"init\.calculate_gain \[param\] .*",
    "each operation makes one, and checks nothing": r"g\.Tensor \[requires_grad\] .*",
    "the neuron that is made of them checks them":
        r"(g\.)?nn\.dialects\.norse\.(\w+(Parameters|State|Behavior)|create_\w+) .*",
    "rows are values": r"nn\.ParameterList \[values\] an array",
    "of any shape":
        r"(encode|SNN)\.(direct|latency|phase|poisson|rate|population|receptive_fields|encode_\w+|time_expand)"
        r" .*|encode\.PoissonEncoder\(\) .*|(nn|F)\.[Dd]ropout(OverTime)?(\(\))? .*|SNN\.encode_\w+ .*",
    "space, tokens and what is averaged may have any length": rf"(nn|F)\.{SPATIAL} \[\w+\] (one too few|axes turned)"
        r"|(nn|F)\.\w*(cross_entropy|nll_loss|CrossEntropyLoss|NLLLoss|normalize|pad|[Ss]oftmax|one_hot|embedding"
        r"|Embedding)(\(\))? \[\w+\] (one too few|axes turned)|nn\.(PopulationCode|VotingLayer)\(\) .* axes turned"
        r"|SNN\.snn_softmax .* (one too few|axes turned)",
    "classes, steps and samples by their numbers alone":
        r"(nn|F)\.\w*(ce|mse|CE|MSE)_?\w*(_loss|Loss)(\(\))? \[spikes\] .*"
        r"|F\.cumsum .* axes turned",
    "the first axis is time, whatever the others are": rf"(nn|F|SNN|decode|encode)\.({TIMED})(\(\))? \[\w+\] .*"
        r"|(F\.unroll|nn\.RecurrentSNN\(\)) \[xs\] no batch|decode\.population_vote .* no batch"
        r"|SNN\.snn_readout \[spikes\] no batch",
    "one sample without a batch, as PyTorch has it": r"nn\.(RNN|LSTM|GRU)\(\) \[x\] no batch"
        r"|(F\.interpolate|nn\.Upsample\(\)) \[x\] no batch",
    "windows are of the last axes, as Haiku has it": r"(F\.sum_pool|nn\.SumPool\(\)) \[value\] no batch",
    "one step is shown T times": r"F\.multi_step_forward \[x_temporal\] no batch",
    "(N, C) beside (B, N, C)": r"nn\.TokenBatchNorm1d\(\) \[x\] no batch",
}  # fmt: skip

# Where other arrays than numpy's, or lists, are refused though numpy's are taken: "name [argument] kind".
REFUSED = {
    "what the name says": r"g\.from_(numpy|dlpack) .*",
    "words of 32 bits, which lists have not": r"(g\.set_rng_state|g\.VulkanCompute\.random_words) .* lists",
    "a list is one of batches": r".* \[(calibration_)?data\] lists",
}


def refused(what: str) -> bool:
    """Whether another kind of array may be refused."""
    return any(re.fullmatch(pattern, what) for pattern in REFUSED.values())


def listed(what: str) -> bool:
    """Whether a call may come back with a result that was not compared."""
    return any(re.fullmatch(pattern, what) for pattern in LISTED.values())


def numpys(name: str, args: list) -> list[np.ndarray] | None:
    """numpy's result of an array function, array by array; None where there is none."""
    function = NUMPY.get(name.removeprefix("g."))
    if function is None or not name.startswith("g."):
        return None
    try:
        result = function(*(np.asarray(a) if isinstance(a, (np.ndarray, list)) else a for a in args))
    except Exception:
        return None
    return [np.asarray(r) for r in result] if isinstance(result, (tuple, list)) else [np.asarray(result)]
