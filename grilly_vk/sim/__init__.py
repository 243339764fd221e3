"""Large sparse networks of spiking neurons with delays: populations, projections, noise and recordings."""

from . import models
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
from .distributions import Distribution, Lognormal, Normal, Uniform
from .model import Model
from .network import Network
from .own import equations
from .plasticity import STDP, DopamineSTDP, Plasticity, TripletSTDP, TsodyksMarkram
from .poisson import PoissonInput
from .population import Population, PopulationView
from .projection import Projection

__all__ = [
    "STDP",
    "AllToAll",
    "Connector",
    "Distribution",
    "DopamineSTDP",
    "FixedInDegree",
    "FixedOutDegree",
    "FixedProbability",
    "FixedTotalNumber",
    "FromList",
    "FromSparse",
    "Lognormal",
    "Model",
    "Network",
    "Normal",
    "OneToOne",
    "Plasticity",
    "PoissonInput",
    "Population",
    "PopulationView",
    "Projection",
    "TripletSTDP",
    "TsodyksMarkram",
    "Uniform",
    "equations",
    "models",
]  # fmt: skip
