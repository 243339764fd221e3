"""The code of the documents that the project follows, as it stands there, and what it means: documents 000 and 001.

Documents 002 to 004 are in test_document_002.py, test_document_003.py and test_document_004.py.

Each block of a document is a test; the lines of the document are between the comments "# ---".  Names that a document
leaves open (`x`, `x_temporal`, `ann_model`, ...) are given before.  References are float64, in helpers/documents.py.
"""

import math

import numpy as np
import pytest
from documents import batch_norm, biophysical, convolution, exponential, node, normal, short_term, spikes

import grilly
import grilly.functional as F
import grilly.nn
from grilly import nn

SURROGATES = {
    "ATan": lambda x, a=2.0: a / 2 / (1 + (np.pi / 2 * a * x) ** 2),
    "Sigmoid": lambda x, a=4.0: a / (4 * np.cosh(a * x / 2) ** 2),
    "FastSigmoid": lambda x, a=2.0: a / (2 * (1 + a * np.abs(x)) ** 2),
}


def tensor(array):
    """A tensor that gets a gradient."""
    return grilly.tensor.from_numpy(np.asarray(array, np.float32)).requires_grad_()


def firing(module):
    """Raises the scales of the norms, which start at 1, so that neurons fire as they do after training."""
    with grilly.no_grad():
        for p in module.parameters():
            if p.ndim == 1 and np.all(p.numpy() == 1.0):
                p.assign(np.full(p.shape, 4.0, np.float32))


def input_gradient(module, x):
    """Gradient of the sum of the outputs to the input."""
    given = tensor(x)
    module(given).sum().backward()
    return given.grad.numpy()


@pytest.fixture(autouse=True)
def seed():
    """Weights start alike, whatever ran before."""
    grilly.manual_seed(0)


class TestDocument000:
    """Spiking Neural Networks: SNN support in Grilly."""

    def test_high_level_usage(self, capsys):
        # ---
        snn = grilly.SNNCompute(n_neurons=512)
        embedding = np.random.randn(512).astype(np.float32)  # noqa: NPY002
        result = snn.process(embedding)

        print(result["spike_activity"], result["firing_rate"])
        # ---
        activity, rate = map(float, capsys.readouterr().out.split())
        train = result["spike_train"]
        # The defaults of the page of names: unit RMS, current x + 1.5, tau_mem 20 ms, threshold 1, 50 steps of 1 ms.
        drive = embedding.astype(np.float64) / np.sqrt(np.mean(embedding.astype(np.float64) ** 2)) + 1.5
        want, _, _ = biophysical(np.tile(drive, (50, 1)), 0.001, 20.0, 1.0)
        np.testing.assert_array_equal(train, want)
        assert activity == result["spike_activity"] == want.sum()
        assert rate == result["firing_rate"] == pytest.approx(want.sum() / (512 * 50))
        assert 0.02 < rate < 0.4

    def test_metrics_are_count_pattern_and_rate(self):
        """ "spike count, spike pattern, firing rate" """
        x = normal(512, seed=1)
        result = grilly.SNNCompute(n_neurons=512).process(x)
        train = result["spike_train"]
        assert train.shape == (50, 512)
        assert set(np.unique(train)) == {0.0, 1.0}
        np.testing.assert_array_equal(result["spikes"], train.any(axis=0))
        np.testing.assert_allclose(result["rates"], train.mean(axis=0), rtol=1e-6)
        assert result["spike_activity"] == train.sum()
        order = np.argsort(x)
        assert np.all(np.diff(train.sum(axis=0)[order]) >= 0)  # the larger a coordinate, the more spikes
        silent = grilly.SNNCompute(n_neurons=512, v_thresh=100.0)
        with pytest.warns(RuntimeWarning, match="no neuron fired"):
            none = silent.process(x)
        assert none["spike_activity"] == none["firing_rate"] == 0.0

    def test_module_usage(self, capsys):
        # ---
        lif = nn.LIFNeuron(n_neurons=256, dt=0.001, tau_mem=20.0, v_thresh=1.0)
        input_current = np.random.randn(256).astype(np.float32)  # noqa: NPY002
        spikes = lif(input_current)
        print(spikes.shape)
        # ---
        assert capsys.readouterr().out == "(256,)\n"
        want, v, _ = biophysical(input_current[None], 0.001, 20.0, 1.0)
        np.testing.assert_array_equal(spikes, want[0])
        np.testing.assert_allclose(lif.membrane, v, rtol=1e-5, atol=1e-7)

    def test_state_over_time(self):
        """ "membrane potential, refractory timer": potentials accumulate, spikes reset them and deafen the neuron."""
        lif = nn.LIFNeuron(n_neurons=256, dt=0.001, tau_mem=20.0, v_thresh=1.0)
        currents = normal(80, 256, scale=4.0, mean=1.0)
        want, v, hold = biophysical(currents, 0.001, 20.0, 1.0)
        got = np.stack([lif(current) for current in currents])
        assert want.mean() > 0.01
        np.testing.assert_array_equal(got, want)
        np.testing.assert_allclose(lif.membrane, v, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(lif.refractory, hold)
        lif.reset()
        assert not lif.membrane.any() and not lif.refractory.any()

    def test_adaptation_state(self):
        """ "optional adaptation state (for GIF variants)": the same current gives ever longer intervals."""
        neuron = nn.GIFNeuron(n_neurons=3, dt=0.001, tau_mem=20.0, v_thresh=1.0, adaptation_strength=0.5)
        times = np.flatnonzero(neuron.run(np.full((400, 3), 3.0, np.float32))[:, 0])
        gaps = np.diff(times)
        assert gaps[0] < gaps[-1]
        assert np.all(neuron.adaptation > 0.5)

    def test_backend_kernels(self):
        """ "LIF update, Hebbian learning, STDP updates" """
        snn = grilly.VulkanCompute().snn
        current = normal(6, scale=30.0)
        got = snn.lif_step(current, np.zeros(6, np.float32))
        np.testing.assert_array_equal(got[0], biophysical(current[None], 0.001, 20.0, 1.0)[0][0])
        pre, post, weights = spikes(5, 2, 4), spikes(5, 2, 3, seed=1), normal(3, 4)
        new = np.asarray(snn.hebbian_learning(pre, post, weights, learning_rate=0.1))
        want = weights + 0.1 * np.einsum("tbo,tbi->oi", post, pre) / 10
        np.testing.assert_allclose(new if new.shape == (3, 4) else new[0], want, rtol=1e-5, atol=1e-6)
        one, two = np.zeros((2, 1, 1), np.float32), np.zeros((2, 1, 1), np.float32)
        one[0], two[1] = 1.0, 1.0  # pre before post by one step
        learned = snn.stdp_learning(one, two, np.full((1, 1), 0.5, np.float32))[0]
        np.testing.assert_allclose(learned, 0.5 + 0.01 * math.exp(-1 / 20), rtol=1e-6)

    def test_module_names(self):
        for name in ("LIFNeuron", "SNNLayer", "HebbianLayer", "STDPLayer", "GIFNeuron"):
            assert isinstance(getattr(grilly.nn, name), type)


class TestDocument001Neurons:
    """Neuron models and surrogate gradients."""

    def test_if_node(self):
        x = normal(16, 5, seed=1, scale=0.8, mean=0.3)
        # ---
        node = nn.IFNode(v_threshold=1.0, surrogate_function=nn.ATan())
        output = node(x)  # x: input current, output: binary spikes
        # ---
        self.steps(node, output, x, None)

    def test_lif_node(self):
        x = normal(16, 5, scale=1.5, mean=1.0)
        # ---
        node = nn.LIFNode(tau=2.0, v_threshold=1.0, surrogate_function=nn.ATan())
        output = node(x)
        # ---
        self.steps(node, output, x, 0.5)

    def test_parametric_lif_node(self):
        x = normal(16, 5, scale=1.5, mean=1.0)
        # ---
        node = nn.ParametricLIFNode(init_tau=2.0, surrogate_function=nn.ATan())
        output = node(x)
        # ---
        self.steps(node, output, x, 0.5)
        # "Like LIFNode but with a learnable time constant"
        assert [p.size for p in node.parameters()] == [1]
        F.reset_net(node)
        run = normal(4, 16, 5, scale=1.5, mean=1.0)
        sum((node(step).sum() for step in run), start=tensor(0.0)).backward()
        assert node.w.grad.numpy() != 0

    def steps(self, made, output, x, k):
        """The first call, eleven more with state, and a reset."""
        more = normal(11, *x.shape, seed=5, scale=1.0, mean=0.7)
        want, potentials = node(np.concatenate([x[None], more]), k)
        assert output.shape == x.shape
        got = [output.numpy(), *(made(step).numpy() for step in more)]
        assert 0.05 < want.mean() < 0.95
        np.testing.assert_array_equal(np.stack(got), want)
        np.testing.assert_allclose(made.v.numpy(), potentials[-1], rtol=1e-4, atol=1e-5)
        F.reset_net(made)
        np.testing.assert_array_equal(made(x).numpy(), want[0])

    def test_surrogates(self):
        # ---
        atan = nn.ATan(alpha=2.0)  # Arctangent surrogate
        sig = nn.Sigmoid(alpha=4.0)  # Sigmoid surrogate
        fast = nn.FastSigmoid(alpha=2.0)  # Piecewise linear approximation
        # ---
        x = np.linspace(-3, 3, 61).astype(np.float32)
        wide = x.astype(np.float64)
        for made, name in ((atan, "ATan"), (sig, "Sigmoid"), (fast, "FastSigmoid")):
            np.testing.assert_array_equal(made(x).numpy(), x >= 0)  # the spike itself is a hard step
            np.testing.assert_allclose(made.derivative(x).numpy(), SURROGATES[name](wide), rtol=2e-5, atol=1e-7)
            step = 1e-2
            rise = made.primitive(x + np.float32(step)).numpy() - made.primitive(x - np.float32(step)).numpy()
            slope = rise[np.abs(x) > 0.05] / (2 * step)  # the primitive of FastSigmoid has a bend at 0
            np.testing.assert_allclose(slope, SURROGATES[name](wide)[np.abs(x) > 0.05], rtol=5e-3, atol=5e-4)

    @pytest.mark.parametrize("surrogate", SURROGATES)
    @pytest.mark.parametrize("neuron", ["IFNode", "LIFNode", "ParametricLIFNode"])
    def test_all_nodes_accept_a_surrogate(self, neuron, surrogate):
        """The gradient of a first step is the surrogate's derivative at H - v_threshold, times dH/dx."""
        x = normal(40, scale=1.5)
        share = 1.0 if neuron == "IFNode" else 0.5
        made = getattr(nn, neuron)(surrogate_function=getattr(nn, surrogate)())
        want = share * SURROGATES[surrogate](share * x.astype(np.float64) - 1.0)
        np.testing.assert_allclose(input_gradient(made, x), want, rtol=5e-5, atol=1e-7)

    def test_every_spiking_node_takes_a_surrogate_function(self):
        kinds = [k for k in vars(nn).values() if isinstance(k, type) and issubclass(k, nn.SpikingNode)]
        assert len(kinds) >= 9
        kinds.remove(nn.CustomNode)  # which takes a model before
        for kind in kinds:
            made = kind(surrogate_function=nn.FastSigmoid(alpha=2.0))
            assert made.surrogate_function.__class__.__name__ == "FastSigmoid"
            assert np.any(input_gradient(made, normal(20, scale=2.0, mean=1.0)))


class TestDocument001Containers:
    """Temporal containers."""

    def test_multi_step_container(self):
        x_temporal = normal(9, 4, 6, scale=1.5, mean=1.0)
        # ---
        container = nn.MultiStepContainer(nn.LIFNode(tau=2.0))
        # input: (T, batch, ...) -> output: (T, batch, ...)
        output = container(x_temporal)
        # ---
        want, _ = node(x_temporal, 0.5)
        np.testing.assert_array_equal(output.numpy(), want)
        single = nn.LIFNode(tau=2.0)  # "Runs a module over multiple time steps": as a loop does
        np.testing.assert_array_equal(output.numpy(), np.stack([single(step).numpy() for step in x_temporal]))

    def test_seq_to_ann_container(self):
        x_temporal = normal(2, 3, 3, 8, 7)
        # ---
        container = nn.SeqToANNContainer(nn.Conv2d(3, 64, 3, padding=1))
        # Reshapes (T, B, C, H, W) -> (T*B, C, H, W), applies conv, reshapes back
        output = container(x_temporal)
        # ---
        weight, bias = (p.numpy() for p in container.parameters())
        want = convolution(x_temporal.reshape(6, 3, 8, 7), weight, bias, 1).reshape(2, 3, 64, 8, 7)
        assert output.shape == (2, 3, 64, 8, 7)
        np.testing.assert_allclose(output.numpy(), want, rtol=1e-5, atol=1e-5)


class TestDocument001Normalization:
    """The table of normalisation layers; formulas from the page of names, section 3."""

    T, B, C, H, W = 5, 4, 3, 6, 7

    def input(self, dimensions):
        return normal(self.T, self.B, self.C, *(self.H, self.W)[: dimensions and 2], scale=2.0, mean=1.5)

    def run(self, layer, dimensions):
        """Input and output of all steps, in training."""
        F.set_step_mode(layer, "m")
        x = self.input(dimensions)
        return x, layer(x).numpy()

    @pytest.mark.parametrize(("suffix", "space"), [("1d", 0), ("2d", 2)])
    def test_batch_norm_through_time(self, suffix, space):
        """ "BN computed across the time dimension": statistics of its own for each step."""
        x, y = self.run(getattr(nn, f"BatchNormThroughTime{suffix}")(self.C, T=self.T), space)
        axes = (0, *range(2, 2 + space))
        want = np.stack([batch_norm(step, axes) for step in x])
        np.testing.assert_allclose(y, want, rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize(("suffix", "space"), [("1d", 0), ("2d", 2)])
    def test_temporal_effective_batch_norm(self, suffix, space):
        """ "Time-weighted batch normalization": over all steps, times p[t], which starts at 1 and learns."""
        layer = getattr(nn, f"TemporalEffectiveBatchNorm{suffix}")(self.T, self.C)
        x, y = self.run(layer, space)
        want = batch_norm(x, (0, 1, *range(3, 3 + space)))
        np.testing.assert_allclose(y, want, rtol=1e-4, atol=1e-5)
        weights = [p for p in layer.parameters() if p.size == self.T]
        assert len(weights) == 1
        with grilly.no_grad():
            weights[0].assign(np.arange(1, self.T + 1, dtype=np.float32).reshape(weights[0].shape))
        F.reset_net(layer)
        scales = np.arange(1, self.T + 1).reshape(-1, *(1,) * (x.ndim - 1))
        np.testing.assert_allclose(layer(x).numpy(), want * scales, rtol=1e-4, atol=1e-4)

    @pytest.mark.parametrize(("suffix", "space"), [("1d", 0), ("2d", 2)])
    def test_threshold_dependent_batch_norm(self, suffix, space):
        """ "BN scaled by firing threshold" """
        kind = getattr(nn, f"ThresholdDependentBatchNorm{suffix}")
        x, y = self.run(kind(self.C), space)
        want = batch_norm(x, (0, 1, *range(3, 3 + space)))
        np.testing.assert_allclose(y, want, rtol=1e-4, atol=1e-5)
        _, scaled = self.run(kind(self.C, v_threshold=0.5, alpha=3.0), space)
        np.testing.assert_allclose(scaled, 1.5 * want, rtol=1e-4, atol=1e-4)

    def test_neu_norm(self):
        """ "Neuron-level normalization": m = k m + (1 - k) / C * (sum over channels), out = s - w * m."""
        layer = nn.NeuNorm(self.C, self.H, self.W)
        (weight,) = layer.parameters()
        assert weight.shape == (self.C, self.H, self.W)
        x = spikes(self.T, self.B, self.C, self.H, self.W)
        F.set_step_mode(layer, "m")
        m, want = np.zeros((self.B, 1, self.H, self.W)), np.zeros(x.shape)
        for t, s in enumerate(x):
            m = 0.9 * m + 0.1 * s.mean(axis=1, keepdims=True)
            want[t] = s - weight.numpy().astype(np.float64) * m
        np.testing.assert_allclose(layer(x).numpy(), want, rtol=1e-5, atol=1e-6)

    def test_eval_uses_running_statistics(self):
        """After many batches of one distribution a single sample is normalised by the running statistics."""
        layer = nn.ThresholdDependentBatchNorm1d(self.C)
        F.set_step_mode(layer, "m")
        for seed in range(60):
            layer(normal(self.T, 64, self.C, seed=seed, scale=2.0, mean=1.5))
        layer.eval()
        x = normal(self.T, 1, self.C, scale=2.0, mean=1.5)
        np.testing.assert_allclose(layer(x).numpy(), (x - 1.5) / 2.0, atol=0.1)


class TestDocument001Synapses:
    """Synapse models."""

    def test_synapses(self):
        # ---
        # Basic synapse with delay
        synapse = nn.SynapseFilter(tau_syn=5.0)
        # Short-term plasticity
        stp = nn.STPSynapse(tau_d=200.0, tau_f=20.0, U=0.2)
        # Dual timescale (fast + slow)
        dual = nn.DualTimescaleSynapse(tau_fast=5.0, tau_slow=50.0)
        # ---
        x = spikes(60, 2, 7, rate=0.2)
        self.compare(synapse, x, exponential(x, 5.0))
        self.compare(stp, x, short_term(x, 200.0, 20.0, 0.2))
        self.compare(dual, x, 0.7 * exponential(x, 5.0) + 0.3 * exponential(x, 50.0))

    def compare(self, layer, x, want):
        """Step by step, and all steps in one call."""
        got = np.stack([layer(step).numpy() for step in x])
        np.testing.assert_allclose(got, want, rtol=2e-5, atol=1e-6)
        F.reset_net(layer)
        F.set_step_mode(layer, "m")
        np.testing.assert_allclose(layer(x).numpy(), want, rtol=2e-5, atol=1e-6)

    def test_depression_and_facilitation(self):
        """A fast train: with a large U each spike passes less than the one before, with a small U more at first."""
        train = np.zeros((40, 1, 1), np.float32)
        train[::4] = 1.0
        passed = {}
        for base, tau_f in ((0.6, 1.0), (0.05, 200.0)):
            layer = nn.STPSynapse(tau_d=100.0, tau_f=tau_f, U=base)
            layer.step_mode = "m"
            passed[base] = layer(train).numpy()[::4, 0, 0]
        assert np.all(np.diff(passed[0.6][:4]) < 0)
        assert np.all(np.diff(passed[0.05][:4]) > 0)


class TestDocument001Attention:
    """SNN attention."""

    def test_attention(self):
        grilly.manual_seed(1)  # with some, both hidden units of `twa` are silent, and all its scores 0.5
        # ---
        # Temporal-wise attention for SNN
        twa = nn.TemporalWiseAttention(T=10, reduction=4)
        # Spiking self-attention
        ssa = nn.SpikingSelfAttention(embed_dim=256, num_heads=4)
        # QK attention variants
        qk = nn.QKAttention(embed_dim=256, num_heads=4)
        # ---
        self.scales_each_step(twa)
        self.spikes_of_tokens(ssa, mixes=True)
        self.spikes_of_tokens(qk, mixes=False)
        assert issubclass(nn.TokenQKAttention, nn.Module) and issubclass(nn.ChannelQKAttention, nn.Module)

    def scales_each_step(self, twa):
        """out[t, b] = x[t, b] * d[t, b], one d in (0, 1) for each step and sample."""
        x = np.abs(normal(10, 3, 4, 5, 6)) + np.float32(0.1)
        ratio = (twa(x).numpy() / x).reshape(10, 3, -1)
        np.testing.assert_allclose(ratio, np.broadcast_to(ratio[:, :, :1], ratio.shape), rtol=1e-5)
        assert ratio.min() > 0.0 and ratio.max() < 1.0
        assert ratio[:, :, 0].std() > 1e-3  # it does tell steps apart
        other = x.copy()
        other[7, 1] *= 4.0  # a score sees the whole sequence of its own sample, and no other sample
        changed = np.abs((twa(other).numpy() / other).reshape(10, 3, -1)[:, :, 0] - ratio[:, :, 0]).max(axis=0)
        assert changed[1] > 1e-4
        np.testing.assert_allclose(changed[[0, 2]], 0.0, atol=1e-6)
        hidden = {tuple(sorted(p.shape)) for p in twa.parameters() if p.ndim == 2}
        assert hidden == {(10 // 4, 10)}

    def spikes_of_tokens(self, attention, mixes):
        """Spikes of the input's shape; tokens have no order; only self-attention lets tokens see each other."""
        grilly.manual_seed(0)
        x = normal(4, 2, 9, 256, scale=3.0)
        F.set_step_mode(attention, "m")
        firing(attention)
        attention.eval()

        def run(given):
            F.reset_net(attention)
            return attention(given).numpy()

        out = run(x)
        assert out.shape == x.shape
        assert set(np.unique(out)) <= {0.0, 1.0}
        assert 0.001 < out.mean() < 0.999
        order = np.random.default_rng(0).permutation(9)
        np.testing.assert_array_equal(run(x[:, :, order]), out[:, :, order])
        np.testing.assert_array_equal(run(x[:, :1]), out[:, :1])  # samples are apart
        other = x.copy()
        other[:, :, 0] = normal(4, 2, 256, seed=5, scale=6.0)
        assert np.any(run(other)[:, :, 1:] != out[:, :, 1:]) == mixes

    def test_one_step_and_all_steps_agree(self):
        for attention in (nn.SpikingSelfAttention(embed_dim=256, num_heads=4), nn.QKAttention(256, 4)):
            firing(attention.eval())
            x = normal(3, 2, 5, 256, scale=3.0)
            one = np.stack([attention(step).numpy() for step in x])
            F.reset_net(attention)
            F.set_step_mode(attention, "m")
            np.testing.assert_array_equal(attention(x).numpy(), one)
            assert one.any()


class TestDocument001Conversion:
    """ANN-to-SNN conversion."""

    def ann(self):
        grilly.manual_seed(3)
        model = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 5))
        return model.eval()

    def test_conversion(self):
        ann_model = self.ann()
        before = [p.numpy().copy() for p in ann_model.parameters()]
        calibration_data = np.random.default_rng(0).random((200, 20)).astype(np.float32)
        x = np.random.default_rng(1).random((50, 20)).astype(np.float32)
        # ---
        from grilly.nn import Converter, VoltageScaler

        # Convert ReLU model to spiking equivalent
        converter = Converter(mode="max_norm")
        snn_model = converter(ann_model)
        # Scale voltage thresholds
        scaler = VoltageScaler(snn_model)
        scaler.scale_thresholds(calibration_data)
        # ---
        want = ann_model(x).numpy()
        spread = want.std()

        def error(steps):
            F.reset_net(snn_model)
            snn_model.T = steps
            return np.abs(snn_model(x).numpy() - want).mean() / spread

        assert error(32) < 0.25
        assert error(256) < 0.04
        assert error(256) < error(32) < error(8)
        assert any(getattr(m, "is_spiking", False) for m in snn_model.modules())
        assert not any(isinstance(m, nn.ReLU) for m in snn_model.modules())
        for p, old in zip(ann_model.parameters(), before):  # the ANN is as it was
            np.testing.assert_array_equal(p.numpy(), old)

    def test_data_helps(self):
        """Thresholds from data are lower than those bounded by the weights, so few steps are enough."""
        from grilly.nn import Converter, VoltageScaler

        ann = self.ann()
        data = np.random.default_rng(0).random((200, 20)).astype(np.float32)
        x = np.random.default_rng(1).random((50, 20)).astype(np.float32)
        snn = Converter(mode="max_norm", T=32)(ann)
        without = np.abs(snn(x).numpy() - ann(x).numpy()).mean()
        VoltageScaler(snn).scale_thresholds(data)
        F.reset_net(snn)
        assert np.abs(snn(x).numpy() - ann(x).numpy()).mean() < without

    @pytest.mark.parametrize("mode", ["max_norm", "robust_norm", "99.9%", 0.9])
    def test_modes(self, mode):
        from grilly.nn import Converter

        ann = self.ann()
        data = np.random.default_rng(0).random((200, 20)).astype(np.float32)
        want = ann(data).numpy()
        got = Converter(mode=mode, T=128)(ann, data)(data).numpy()
        assert np.abs(got - want).mean() / want.std() < 0.15


class TestDocument001Legacy:
    """Legacy SNN layers, and the kernels below them."""

    def test_layers(self):
        # ---
        lif = nn.LIFNeuron(threshold=1.0, decay=0.9)
        snn_layer = nn.SNNLayer(in_features=256, out_features=128)
        hebbian = nn.HebbianLayer(in_features=256, out_features=128)
        stdp = nn.STDPLayer(in_features=256, out_features=128)
        # ---
        x = normal(12, 256, scale=0.4, mean=0.2)
        v = np.zeros(256)
        for step in x:  # H = decay * v + I, s = [H >= threshold], v = 0 on a spike
            h = 0.9 * v + step.astype(np.float64)
            assert np.abs(h - 1.0).min() > 1e-6
            np.testing.assert_array_equal(lif(step), h >= 1.0)
            v = np.where(h >= 1.0, 0.0, h)

        weight = np.asarray(snn_layer.weight, np.float64)
        assert weight.shape == (128, 256)
        currents = normal(30, 256, scale=25.0)
        want, _, _ = biophysical(currents @ weight.T, 0.001, 20.0, 1.0)
        assert want.mean() > 0.01
        np.testing.assert_array_equal(np.stack([snn_layer(c) for c in currents]), want)

        pre, post = spikes(5, 2, 256), spikes(5, 2, 128, seed=1)
        before = np.asarray(hebbian.weight, np.float64)
        np.testing.assert_allclose(hebbian(pre[0]), pre[0] @ before.T, rtol=1e-4, atol=1e-5)
        hebbian.update_weights(pre, post)
        want = before + 0.01 * np.einsum("tbo,tbi->oi", post, pre) / 10
        np.testing.assert_allclose(hebbian.weight, want, rtol=1e-5, atol=1e-6)

        before = np.asarray(stdp.weight, np.float64)
        np.testing.assert_allclose(stdp(pre[0]), pre[0] @ before.T, rtol=1e-4, atol=1e-5)
        stdp.update_weights(pre, post)
        np.testing.assert_allclose(stdp.weight, self.pair_rule(before, pre, post), rtol=1e-5, atol=1e-6)

    def pair_rule(self, weight, pre, post):
        keep, x_pre, x_post = math.exp(-1 / 20), np.zeros(pre.shape[1:]), np.zeros(post.shape[1:])
        for a, b in zip(pre.astype(np.float64), post.astype(np.float64)):
            x_pre, x_post = x_pre * keep, x_post * keep
            up = 0.01 * np.einsum("bo,bi->oi", b, x_pre)
            down = 0.01 * np.einsum("bo,bi->oi", x_post, a)
            weight = np.clip(weight + (up - down) / len(a), 0.0, 1.0)
            x_pre, x_post = x_pre + a, x_post + b
        return weight

    def test_nineteen_compute_shaders(self):
        """ "These use the 19 SNN compute shaders (snn-*.glsl) via the VulkanCompute.snn namespace" """
        from grilly_vk.cli.kernel_uses import installed
        from grilly_vk.runtime.kernels import Kernels

        files = Kernels().names()
        spiking = {f.split(".")[0] for f in files if f.startswith("snn-")}
        assert len(spiking) >= 19
        uses = installed()
        in_namespace = {k for k in spiking if any(n.startswith("snn.") for n in uses.reached_by(k))}
        assert len(in_namespace) >= 19
        for layer, kernel in (
            ("nn.LIFNeuron", "snn-lif"),
            ("nn.SNNLayer", "snn-lif"),
            ("nn.SNNLayer", "snn-matmul"),
            ("nn.HebbianLayer", "snn-hebbian"),
            ("nn.STDPLayer", "snn-stdp"),
        ):
            assert kernel in in_namespace
            assert any(f"{n}.".startswith(f"{layer}.") for n in uses.reached_by(kernel))


class TestDocument001Functional:
    """Functional API."""

    def test_functional(self):
        x, v_prev = normal(6, 5, scale=1.5, mean=1.0), normal(6, 5, seed=1, scale=0.3)
        model = nn.Sequential(nn.Linear(5, 8), nn.LIFNode(tau=2.0), nn.Linear(8, 3), nn.IFNode())
        x_temporal = normal(10, 6, 5, scale=3.0)
        # ---
        # Single LIF step
        spike, v = F.lif_step(x, v_prev, tau=2.0, v_threshold=1.0)
        # Multi-step forward
        output = F.multi_step_forward(model, x_temporal, T=10)
        # Reset all neuron states
        F.reset_net(model)
        # ---
        want, potential = node(x[None], 0.5, v=v_prev)
        np.testing.assert_array_equal(spike.numpy(), want[0])
        np.testing.assert_allclose(v.numpy(), potential[0], rtol=1e-5, atol=1e-6)

        assert [m.v for m in model if hasattr(m, "v")] == [0.0, 0.0]
        assert output.shape == (10, 6, 3)
        loop = np.stack([model(step).numpy() for step in x_temporal])
        np.testing.assert_array_equal(output.numpy(), loop)
        assert 0.0 < loop.mean() < 1.0
        again = model(x_temporal[0]).numpy()  # with state it goes on; after a reset it starts anew
        F.reset_net(model)
        np.testing.assert_array_equal(model(x_temporal[0]).numpy(), loop[0])
        assert np.any(again != loop[0])

    def test_multi_step_forward_presents_one_step_repeatedly(self):
        model, x = nn.LIFNode(tau=2.0), normal(6, 5, scale=1.0, mean=1.2)
        output = F.multi_step_forward(model, x, T=10)
        want, _ = node(np.tile(x, (10, 1, 1)), 0.5)
        np.testing.assert_array_equal(output.numpy(), want)
