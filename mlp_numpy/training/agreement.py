"""Validates the parts of a trainer, and that they fit together, before training begins."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlp_numpy.checks import instance, shown, whole_number
from mlp_numpy.data.batches import Batches
from mlp_numpy.data.dataset import Split
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.errors import OptionError
from mlp_numpy.modules import LossModule, Module, check_loss_matches, default_shards
from mlp_numpy.optim import Optimizer
from mlp_numpy.parallel import Communicator
from mlp_numpy.training.update import Update


def shards_of(model: Module, batches: Any, shards: int | None, ranks: Communicator) -> int:
    """The number of shards of each batch, ``default_shards`` if it is None, and a multiple of the ``ranks``.

    Raises OptionError for a batch or shards that cannot be divided by them.
    """
    instance("Trainer", "ranks", ranks, Communicator)
    if batches.size % ranks.size:
        raise OptionError(
            f"Trainer: the batch must be a multiple of the {ranks.size} ranks that share it, got {batches.size} "
            f"examples. Hint: a batch of {ranks.size * max(1, batches.size // ranks.size)}."
        )
    shards = default_shards(model, batches.size, ranks.size) if shards is None else shards
    shards = whole_number("Trainer", "shards", shards)
    if shards % ranks.size:
        raise OptionError(
            f"Trainer: shards must be a multiple of the {ranks.size} ranks that share the batch, got {shards}. "
            f"Hint: shards {ranks.size * max(1, shards // ranks.size)}, or 0 for one per rank."
        )
    return shards


def agreed(model: Module, loss: LossModule, update: Any, batches: Any, held_out: Split | None) -> Update:
    """Check the parts of a trainer and return the update; a bare optimizer is wrapped in an ``Update``.

    Raises OptionError for a part of the wrong type, a loss that is not a scalar or does not accept the model's output,
    and an update that holds none of the model's parameters.
    """
    check_loss_matches(model, loss)
    if loss.reduction == "none":
        raise OptionError("Trainer: the loss must be one number, but its reduction is 'none'. Hint: 'mean'.")
    if not isinstance(update, Optimizer | Update):
        raise OptionError(f"Trainer: update must be an Optimizer or an Update, got {shown(update)}.")
    has_batches = callable(getattr(batches, "at", None))
    if not has_batches or not isinstance(getattr(batches, "preprocessing", None), Preprocessing):
        raise OptionError(f"Trainer: batches must be Batches, got {shown(batches)}.")
    if held_out is not None:
        instance("Trainer", "held_out", held_out, Split)
        if isinstance(batches, Batches) and batches.split.task != held_out.task:
            raise OptionError(
                f"Trainer: held_out must be of the batches' task, {batches.split.task}, got {held_out.task}."
            )
    whole = update if isinstance(update, Update) else Update(update)
    learned = [array for _, array in model.named_parameters()]
    if not learned:
        raise OptionError(f"Trainer: the model must have parameters, got {model!r}.")
    values = whole.optimizer.parameters.values
    if not any(np.may_share_memory(array.value, values) for array in learned):
        raise OptionError(
            "Trainer: the update must hold the FlatParameters of the model, got those of another one. "
            "Hint: a model's last FlatParameters are the ones that move it."
        )
    return whole
