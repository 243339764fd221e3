"""Which tests run a row of docs/coming_from.md, as file::test: they fail when it stops being true."""

NODES = "test_dialect_spikingjelly::test_explicit_constructors_of_the_page"
DIALECT = "test_dialect_spikingjelly::test_equals_spikingjelly"
NORSE = "test_dialect_norse::test_equals_norse"
TORCH = "test_dialect_snntorch::test_equals_snntorch"
TORCH_NODES = "test_dialect_snntorch::test_explicit_constructors_of_the_page"
CORES = "test_golden_cores::test_equals_spyx"
NORMS = "test_golden_norm::test_spikingjellys_results"
LAYERS = "test_golden_layers::test_the_peers_results"
ATTENTION = "test_golden_attention::test_equals_spikingjelly"
ABSENT = "test_coming_from::test_what_is_nothing_here_is_not_here"
NAMES = "test_coming_from::test_names_and_defaults"

# By section and the first cell of a row.
EVIDENCE = {
    "pysnn": {
        "`neuron.BaseInput`, `neuron.Input`": ["test_traced::test_input", "test_traced::test_one_dispatch"],
        "`neuron.BaseNeuron`": ["test_traced::test_your_own_neuron", "test_traced::test_thresholds_of_their_own"],
        "`neuron.IFNeuron`, `neuron.LIFNeuron`": [
            "test_traced::test_two_hundred_steps", "test_traced::test_refractory_time_is_whole_steps",
        ],
        "`neuron.AdaptiveLIFNeuron`": [
            "test_traced::test_two_hundred_steps", "test_document_003::test_the_threshold_adapts_to_recent_activity",
            "test_traced::test_reset_and_no_grad",
        ],
        "`neuron.FedeNeuron`": ["test_traced::test_two_hundred_steps"],
        "`unfold`": ["test_traced::test_fold_unfold_convert"],
        "`complete_trace`": ["test_traced::test_store_trace_keeps_everything"],
        "`thresh`, a parameter": ["test_coming_from::test_state_of_trace_neurons_is_copied"],
        "trace returned by a call": ["test_traced::test_results_stay_as_they_were"],
        "`connection.Linear(...)`": ["test_trace_connections::test_connection"],
        "`connection.Conv2d`, pooling": [ABSENT],
        "`network.SNNNetwork`": ["test_trace_connections::test_network_steps_are_the_run"],
        "`learning.OnlineSTDP`, `MSTDPET`, `FedeSTDP`": [
            "test_trace_learning::test_pair_rules", "test_trace_learning::test_mstdpet",
            "test_trace_learning::test_fede", "test_trace_learning::test_a_run_is_its_steps",
        ],
        "a reward, one number": ["test_trace_learning::test_mstdpet"],
        "`e_trace` of a connection": ["test_trace_learning::test_mstdpet"],
        "X of `FedeSTDP` where no trace is above 0": ["test_trace_learning::test_fede"],
    },
    "spyx": {
        "`nn.IF`, `nn.LIF`, `nn.LI`": [CORES],
        "`nn.ALIF`, `nn.CuBaLIF`": [CORES],
        "`nn.RIF`, `nn.RLIF`, `nn.RCuBaLIF`": [CORES],
        "`beta=None`": [CORES, "test_cores::test_given_constants_are_learnable_scalars"],
        "`hk.dynamic_unroll(core, xs, state)`": [CORES, "test_cores::test_single_steps_are_the_run"],
        "`nn.ActivityRegularization`": ["test_population::test_activity_is_counted_in_every_mode"],
        "`nn.PopulationCode(num_classes)`": [
            "test_population::test_population_code", "test_population::test_population_code_refuses",
        ],
        "`nn.sum_pool`, `nn.SumPool`": ["test_population::test_sum_pool_and_its_gradient"],
        "`axn.superspike()`": [CORES, "test_document_004::test_default_activation_is_superspike"],
        "`fn.integral_crossentropy()`": ["test_golden_rows::test_integral_crossentropy_of_spyx"],
        "JAX's `jit`": ["test_compile::test_training_is_bit_identical_to_eager"],
    },
    "Edifice": {
        "`SNN.build(input_size: 256, ...)`": ["test_models_snn::test_values_and_gradients"],
        "`SNN.lif_neuron(membrane, input_current, beta, threshold)`": ["test_models_snn::test_lif_neuron"],
        "`SNN.rate_decode(spike_train)`": ["test_models_snn::test_rate_decode_and_surrogate_gradient"],
        "`SNN.surrogate_gradient(x, slope)`": ["test_models_snn::test_rate_decode_and_surrogate_gradient"],
        "`Axon.Loop.trainer`": ["test_models_snn::test_it_trains_compiled_as_eager"],
    },
    "SpikingJelly": {
        "`neuron.IFNode()`, `LIFNode()`, `ParametricLIFNode()`": [DIALECT],
        **{f"`neuron.{name}Node()`": [DIALECT, NODES] for name in (
            "IF", "LIF", "ParametricLIF", "QIF", "EIF", "Izhikevich", "CUBALIF",
        )},
        "`neuron.KLIFNode()`": [
            DIALECT, NODES, "test_dialect_spikingjelly::test_what_can_not_be_reached_is_refused",
        ],
        "`neuron.LIAFNode(act, threshold_related)`": [DIALECT, "test_dialect_spikingjelly::test_liaf"],
        "`neuron.HalfThresholdIFNode()`": [DIALECT],
        "`neuron.GatedLIFNode(T)`": [DIALECT, LAYERS],
        "`neuron.NonSpikingLIFNode`, `NonSpikingIFNode`": [DIALECT, LAYERS],
        "`neuron.PSN`, `MaskedPSN`, `SlidingPSN`": [ABSENT],
        "`neuron.ComplementaryLIFNode`, `RAFNode`, `MPBNLIFNode`": [ABSENT],
        "`neuron.TernaryIFNode`, `ILIFNode`, `STBIFNode`, `DSRIFNode`": [ABSENT],
        "`neuron.OTTTLIFNode`, `SLTTLIFNode`": [ABSENT, "test_nodes::test_truncated_backpropagation"],
        "`surrogate.ATan()`, `Sigmoid()`, `PiecewiseQuadratic()`, `Erf()`, `Rect()`": [
            "test_golden_nodes::test_surrogate_derivatives_equal_spikingjellys", NAMES,
        ],
        "`surrogate.SoftSign()`": ["test_dialect_spikingjelly::test_surrogates_equal_spikingjellys"],
        "`surrogate.SuperSpike(alpha)`": ["test_dialect_spikingjelly::test_surrogates_equal_spikingjellys"],
        "`layer.MultiStepContainer`, `layer.SeqToANNContainer`": [
            "test_golden_rows::test_containers_equal_spikingjelly",
        ],
        "`layer.LinearRecurrentContainer`": ["test_golden_rows::test_containers_equal_spikingjelly"],
        "`layer.ElementWiseRecurrentContainer(node, f)`": ["test_golden_rows::test_containers_equal_spikingjelly"],
        "`functional.reset_net`, `detach_net`, `set_step_mode`": [
            DIALECT, "test_nodes::test_truncated_backpropagation", NAMES,
        ],
        "`functional.multi_step_forward(x, node)`": [
            "test_golden_rows::test_multi_step_forward_equals_spikingjelly", "test_temporal::test_repeated_input",
        ],
        '`backend="cupy"`': ["test_nodes::test_one_dispatch_each_way"],
        "`learning.STDPLearner(..., f_pre, f_post)`": [
            "test_golden_rows::test_stdp_learner", "test_stdp::test_coincident_spikes_change_nothing",
            "test_trace_learning::test_pair_rules",
        ],
        "`learning.MSTDPETLearner`": ["test_golden_rows::test_mstdpet_learner", "test_trace_learning::test_mstdpet"],
        "`encoding.PoissonEncoder()`, `LatencyEncoder(T)`, `WeightedPhaseEncoder(K)`": [
            "test_golden_rows::test_encoders_equal_spikingjelly", "test_encode::test_poisson_statistics", NAMES,
        ],
        "`layer.SynapseFilter(tau)`": [
            "test_golden_synapses::test_single_spikes_equal_spikingjelly",
            "test_golden_synapses::test_any_input_equals_spikingjelly",
        ],
        "`layer.Delay(delay_steps)`": ["test_delays::test_delay_of_all_inputs"],
        "`layer.ThresholdDependentBatchNorm2d(alpha, v_th, num_features)`": [NORMS],
        "`layer.TemporalEffectiveBatchNorm2d(T, num_features)`": [NORMS],
        "`layer.BatchNormThroughTime2d(T, num_features)`": [
            NORMS, "test_time_norm::test_the_number_of_steps_comes_with_the_first_input",
        ],
        "`layer.Dropout`, `layer.Dropout2d`": ["test_dropout::test_one_mask_for_all_steps"],
        "`layer.VotingLayer`": [LAYERS],
        "`rnn.SpikingLSTM`, `SpikingGRU`, `SpikingVanillaRNN` and their cells": [LAYERS],
        "`layer.NeuNorm`": [NORMS],
        "`layer.TemporalWiseAttention(T)`": [ATTENTION],
        "`layer.MultiDimensionalAttention(T, C)`": [ATTENTION],
        "`layer.SpikingSelfAttention(dim)`, `layer.QKAttention(dim)`, `TokenQKAttention`, `ChannelQKAttention`": [
            ATTENTION,
        ],
        '`ann2snn.Converter(dataloader, mode="99.9%")(ann)`': ["test_golden_conversion::test_equals_spikingjelly"],
        "`ann2snn.VoltageScaler`, a layer": ["test_golden_conversion::test_equals_spikingjelly"],
    },
    "Norse": {
        "`LIFCell(p)`, `LIF(p)`": [NORSE],
        "`LIF()`": ["test_dialect_norse::test_explicit_constructors_of_the_page"],
        "`LIFBoxCell(p)`": [NORSE],
        "`LIFBoxCell()`": ["test_dialect_norse::test_explicit_constructors_of_the_page"],
        "`IAFCell(p)`, `IAF(p)`": [NORSE],
        "`LIFExCell(p)`, `LIFEx(p)`": [NORSE],
        "`LSNNCell(p)`, `LSNN(p)`": [NORSE],
        "`LICell(p)`, `LI(p)`, `LIBoxCell(p)`": [NORSE, "test_dialect_norse::test_bad_arguments"],
        "`LILinearCell(input_size, hidden_size, p)`": [NORSE, "test_dialect_norse::test_bad_arguments"],
        "`LIFRecurrentCell(input_size, hidden_size, p)`, `LIFRecurrent(...)`": [
            NORSE, "test_dialect_norse::test_autapses",
        ],
        '`LIFParameters(method="super")`': ["test_dialect_norse::test_methods_have_norses_derivatives"],
        '`LIFParameters(method="adjoint")`, `"logistic"`, `"heaviside"`': ["test_dialect_norse::test_bad_arguments"],
        "`LIFRefracCell()`": ["test_dialect_norse::test_refractory_spikes"],
        "`IzhikevichCell(behavior)`, `Izhikevich(behavior)`": ["test_dialect_norse::test_behaviours_equal_norse"],
        "`IzhikevichRecurrent`": [ABSENT],
        "`LSNNRecurrent`, `LIFExRecurrent`": [ABSENT],
        "`LIFAdExCell`, `CobaLIFCell`, `LIFMCRecurrentCell`, `LIFCorrelation`": [ABSENT],
        "`SequentialState(...)`, `Lift(module)`": ["test_temporal::test_the_same_as_one_call_per_step"],
    },
    "snnTorch": {
        **{f"`snn.{call}`": [TORCH, TORCH_NODES] for call in (
            "Leaky(beta=0.9)", 'Leaky(beta=0.8, reset_mechanism="zero")',
            'Leaky(beta=0.7, reset_mechanism="none", threshold=1.5)',
            "Leaky(beta=0.9, learn_beta=True, learn_threshold=True)", "Synaptic(alpha=0.8, beta=0.7)",
            'Synaptic(alpha=0.8, beta=0.7, reset_mechanism="zero")', "Alpha(alpha=0.9, beta=0.7)",
            "RLeaky(beta=0.9, all_to_all=True, linear_features=5)",
            "RSynaptic(alpha=0.8, beta=0.7, all_to_all=True, linear_features=5)",
        )},
        "`snn.Leaky(beta=0.9, reset_delay=False)`": [
            TORCH, TORCH_NODES, "test_dialect_snntorch::test_without_delay_a_soft_reset_is_a_lif_nodes",
        ],
        "`snn.Lapicque(beta)`, `snn.Lapicque(R, C, time_step)`": [TORCH],
        "`snn.StateLeaky(beta, channels)`": [TORCH],
        "`snn.LinearLeaky(beta, in_features, out_features)`": [TORCH],
        "`all_to_all=False`, `V`": [TORCH],
        "`init_hidden`, `output`": ["test_dialect_snntorch::test_bad_arguments"],
        "`surrogate_disable=True`": ["test_dialect_snntorch::test_names_and_defaults_are_snntorchs"],
        "`inhibition=True`, `state_quant`": ["test_dialect_snntorch::test_names_and_defaults_are_snntorchs"],
        "`snn.DeltaLeaky`, `snn.LeakyParallel`, `snn.AssociativeLeaky`": [ABSENT],
        "`snn.SLSTM`, `snn.SConv2dLSTM`": [ABSENT],
        "`spk, mem = lif(x, mem)`": [
            "test_dialect_snntorch::test_your_own_state", "test_temporal::test_functions_are_the_nodes",
        ],
        **{f"`surrogate.{call}`": ["test_dialect_snntorch::test_surrogate_derivatives_equal_snntorchs"] for call in (
            "fast_sigmoid(slope=25)", "atan(alpha=2.0)", "sigmoid(slope=25)",
        )},
        "`utils.reset(net)`": ["test_nodes::test_state_goes_on_until_reset"],
        "`functional.ce_rate_loss`, `ce_count_loss`, `mse_count_loss`, ...": [
            "test_golden_rows::test_losses_equal_snntorch", "test_spike_loss::test_wanted_counts_are_the_nearest",
            "test_golden_rows::test_wanted_times_that_count_from_the_end",
        ],
        "`spikegen.rate`, `spikegen.latency`, `spikegen.delta`": [
            "test_golden_rows::test_spikegen_equals_snntorch", "test_spike_codes::test_latency_example_of_snntorch",
            "test_encode::test_poisson_statistics",
        ],
    },
}  # fmt: skip
