"""The equations of the neuron models, from the records that their kernels are made of."""

from grilly_vk.equations.neurons import NODES

MARK = "<!-- equations -->"


def equations():
    """Each model's equations, in the order in which a step computes them, in Markdown."""
    return "\n\n".join(f"**{model.title}**\n\n```text\n{_lines(model)}\n```" for model in NODES)


def _lines(model):
    derived = [f"{name} = {formula}" for name, formula in model.derived.items()]
    trains = [f"{name} = {formula} where it trains" for name, formula in model.learn.items()]
    return "\n".join([*derived, *trains, model.formula()])
