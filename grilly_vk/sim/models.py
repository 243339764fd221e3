"""The neuron models that come with the simulator, by NEST's names, parameters and units; `about` says what each is."""

from __future__ import annotations

from ..equations.point_neurons import NEURONS
from .model import BUILT_IN, Model


def _made(name: str) -> Model:
    model = Model(**NEURONS[name])
    BUILT_IN[name] = model.source
    return model


iaf_psc_delta = _made("iaf_psc_delta")
iaf_psc_exp = _made("iaf_psc_exp")
iaf_psc_alpha = _made("iaf_psc_alpha")
iaf_cond_exp = _made("iaf_cond_exp")
iaf_cond_alpha = _made("iaf_cond_alpha")
iaf_cond_exp_sfa_rr = _made("iaf_cond_exp_sfa_rr")
aeif_cond_exp = _made("aeif_cond_exp")
aeif_cond_alpha = _made("aeif_cond_alpha")
izhikevich = _made("izhikevich")
hh_cond_exp_traub = _made("hh_cond_exp_traub")
mihalas_niebur = _made("mihalas_niebur")

__all__ = [
    "aeif_cond_alpha",
    "aeif_cond_exp",
    "hh_cond_exp_traub",
    "iaf_cond_alpha",
    "iaf_cond_exp",
    "iaf_cond_exp_sfa_rr",
    "iaf_psc_alpha",
    "iaf_psc_delta",
    "iaf_psc_exp",
    "izhikevich",
    "mihalas_niebur",
]
