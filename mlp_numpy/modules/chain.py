"""Compatibility of model and loss: a loss on scores must not be applied to probabilities, nor the reverse."""

from __future__ import annotations

from mlp_numpy.checks import instance
from mlp_numpy.errors import OptionError
from mlp_numpy.modules.base import Module
from mlp_numpy.modules.losses import LossModule

_HINTS = {
    ("scores", "probabilities"): "SoftMaxModule or SigmoidModule at the model's end, or SoftMaxCrossEntropyModule or "
    "BCEWithLogitsModule for its loss",
    ("scores", "log-probabilities"): "LogSoftMaxModule at the model's end, or SoftMaxCrossEntropyModule for its loss",
    ("probabilities", "scores"): "leave out the model's last layer (an MLP has .logits), or take CrossEntropyModule or "
    "BCEModule for its loss",
    ("probabilities", "log-probabilities"): "LogSoftMaxModule at the model's end, or CrossEntropyModule for its loss",
    ("log-probabilities", "scores"): "leave out the model's last layer, or take NLLModule for its loss",
    ("log-probabilities", "probabilities"): "SoftMaxModule at the model's end, or NLLModule for its loss",
}


def check_loss_matches(model: Module, loss: LossModule) -> None:
    """Raise OptionError if ``model`` outputs probabilities and ``loss`` expects scores, and so on.

    Raises OptionError as well if ``model`` is not a Module or ``loss`` not a LossModule. Called wherever a model and a
    loss are first combined. A model without a declaration is accepted: ``Module.output_kind`` and
    ``LossModule.input_kind`` are "anything" by default.
    """
    instance("check_loss_matches", "model", model, Module)
    instance("check_loss_matches", "loss", loss, LossModule)
    if "anything" in (model.output_kind, loss.input_kind) or model.output_kind in ("its input", loss.input_kind):
        return
    raise OptionError(
        f"check_loss_matches: {loss!r} must be given {loss.input_kind}, but {model!r} gives {model.output_kind}. "
        f"Hint: {_HINTS[model.output_kind, loss.input_kind]}."
    )
