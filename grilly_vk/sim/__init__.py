"""Networks of point neurons with sparse projections and delays, simulated in biological time."""

from . import models
from .model import Model

__all__ = ["Model", "models"]
