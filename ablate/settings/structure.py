"""What of a treatment is compiled into a program; treatments that differ in nothing else share one."""

import json
from typing import Any

from ablate.settings.levels import plain
from ablate.settings.run import RunSettings

_ANY_RATE = 0.5  # any but 0: it gives every dropout piece of a block a layer


def structure(settings: RunSettings) -> RunSettings:
    """The settings of a treatment with everything blanked that a compiled program reads from variables.

    Initial weights, rates, strengths and the learning rate are put in place for every run; a schedule of the rate
    and early stopping act between epochs. Every other remedy is compiled in, and each of its levels has a program; so
    is every remedy that a builder of the user's is handed, since it may do anything with it.
    """
    return RunSettings.model_validate(_blanked(settings))


def structure_name(settings: RunSettings) -> bytes:
    """What runs must have in common to share a compiled program, as far as can be told without their data."""
    return json.dumps(_blanked(settings), sort_keys=True).encode()


def _blanked(settings: RunSettings) -> dict[str, Any]:
    optimizer = {key: value for key, value in plain(settings.remedies.optimizer).items() if key != "learning_rate"}
    blanked = settings.model_dump(exclude_none=True)
    loss = {"loss": settings.loss} if settings.loss else {}
    blanked["training"] = {"epochs": 1, "batch_size": settings.training.batch_size, **loss}
    if settings.training.class_weight is not False:
        blanked["training"]["class_weight"] = "balanced"  # that there are weights; which, is a variable
    blanked["remedies"] |= {"optimizer": optimizer, "learning_rate_schedule": False, "early_stopping": False}
    if "scores" in blanked:
        blanked["scores"] = {"metrics": ["accuracy"]}  # that predictions leave the program, not what is made of them
    if settings.model.hidden:
        blanked["remedies"] |= _blanked_pieces(settings)
    return blanked


def _blanked_pieces(settings: RunSettings) -> dict[str, Any]:
    at_input = "dropout" in settings.model.input_block
    norm_input, norms = settings.by_layer("batch_norm")
    return {
        "init": {"name": "zeros"},
        "batch_norm": [norm_input, *norms] if "batch_norm" in settings.model.input_block else norms,
        "dropout": [_ANY_RATE] * (len(settings.model.hidden) + at_input),
        "l2": 1.0,
        "l1": float(settings.remedies.l1 > 0),  # an idle slot would cost every run a little
    }
