"""Large sparse networks of spiking neurons with delays: populations, projections, noise and recordings."""

from . import analysis, models
from .connectors import (
    AllToAll,
    Connector,
    FixedInDegree,
    FixedOutDegree,
    FixedProbability,
    FixedTotalNumber,
    FromList,
    FromSparse,
    OneToOne,
)
from .currents import ACCurrent, Current, DCCurrent, NoisyCurrent, StepCurrent
from .distributions import Distribution, Lognormal, Normal, Uniform
from .model import Model
from .network import Network
from .own import equations
from .plasticity import STDP, DopamineSTDP, Plasticity, TripletSTDP, TsodyksMarkram
from .poisson import PoissonInput
from .population import Population, PopulationView
from .projection import Projection
from .sources import GammaSource, PoissonSource, RegularSource, Source, SpikeSource, SteppedPoissonSource

__all__ = [
    "STDP", "ACCurrent", "AllToAll", "Connector", "Current", "DCCurrent", "Distribution", "DopamineSTDP",
    "FixedInDegree", "FixedOutDegree", "FixedProbability", "FixedTotalNumber", "FromList", "FromSparse", "GammaSource",
    "Lognormal", "Model", "Network", "NoisyCurrent", "Normal", "OneToOne", "Plasticity", "PoissonInput",
    "PoissonSource", "Population", "PopulationView", "Projection", "RegularSource", "Source", "SpikeSource",
    "StepCurrent", "SteppedPoissonSource", "TripletSTDP", "TsodyksMarkram", "Uniform", "analysis", "equations",
    "models",
]  # fmt: skip
