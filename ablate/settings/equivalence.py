"""Which settings can only train identically: what a run is trained with, without what has no effect on it."""

from typing import Any, Literal

from ablate.settings.levels import EarlyStopping, plain
from ablate.settings.network_levels import CLIPS, DropoutSchedule
from ablate.settings.run import RunSettings

_ADAM = {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}
KERAS_MOMENTUM = 0.99  # of its batch normalization
KERAS_DEFAULTS: dict[str, dict[str, Any]] = {
    "sgd": {"learning_rate": 0.01, "momentum": 0.0, "nesterov": False},
    "adagrad": {"learning_rate": 0.001, "initial_accumulator_value": 0.1, "epsilon": 1e-7},
    "rmsprop": {"learning_rate": 0.001, "rho": 0.9, "momentum": 0.0, "epsilon": 1e-7, "centered": False},
    "adam": {**_ADAM, "amsgrad": False},
    "adamw": {**_ADAM, "amsgrad": False, "weight_decay": 0.004},
    "adamax": _ADAM,
    "nadam": _ADAM,
    "adadelta": {"learning_rate": 0.001, "rho": 0.95, "epsilon": 1e-7},
    "lion": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.99},
    "ftrl": {
        "learning_rate": 0.001,
        "learning_rate_power": -0.5,
        "initial_accumulator_value": 0.1,
        "l1_regularization_strength": 0.0,
        "l2_regularization_strength": 0.0,
        "l2_shrinkage_regularization_strength": 0.0,
        "beta": 0.0,
    },
    "lamb": _ADAM,
    "muon": {
        "learning_rate": 0.001,
        "adam_beta_1": 0.9,
        "adam_beta_2": 0.999,
        "adam_weight_decay": 0.004,
        "adam_lr_ratio": 1.0,
        "epsilon": 1e-7,
        "weight_decay": 0.004,
        "momentum": 0.95,
        "nesterov": True,
        "ns_steps": 5,
        "rms_rate": 0.2,
    },
    "random_normal": {"mean": 0.0, "stddev": 0.05},
    "random_uniform": {"minval": -0.05, "maxval": 0.05},
    "truncated_normal": {"mean": 0.0, "stddev": 0.05},
    "variance_scaling": {"scale": 1.0, "mode": "fan_in", "distribution": "truncated_normal"},
    "orthogonal": {"gain": 1.0},
    "identity": {"gain": 1.0},
    "constant": {"value": 0.0},
}


def essence(settings: RunSettings) -> dict[str, Any]:
    """What decides how a run is trained; treatments with equal essences train identically with equal seeds.

    Left out is what is written but changes nothing: arguments at Keras' defaults, a learning rate or weight decay that
    a level of the optimizer overrules, pieces of a layer that no layer has, a patience or a step of the schedule that
    no training is long enough for.
    """
    found = settings.model_dump(exclude_none=True)
    level = plain(settings.remedies.optimizer)
    decay = settings.remedies.weight_decay
    clip = settings.remedies.gradient_clip
    if clip is not False and not any(name in level for name in CLIPS):
        level = {**level, **plain(clip)}
    optimizer = _without_defaults({"weight_decay": decay, **level} if decay else level)
    if optimizer["name"] == "sgd" and "momentum" not in optimizer:
        optimizer.pop("nesterov", None)
    own_rate = optimizer.pop("learning_rate", None) or level.get("learning_rate")
    rate = own_rate or settings.training.learning_rate or KERAS_DEFAULTS.get(optimizer["name"], {}).get("learning_rate")
    found["training"] |= {"learning_rate": rate, "loss": settings.loss}
    found["remedies"] |= {
        "optimizer": optimizer,
        "weight_decay": None,  # an argument of the optimizer
        "gradient_clip": None,  # likewise
        "learning_rate_schedule": _schedule(settings),
        "init": _without_defaults(plain(settings.remedies.init)),
        "early_stopping": _stopping(settings),
    }
    if settings.model.hidden:
        found["remedies"].pop("normalization", None)  # told with batch normalization
    for piece in ("batch_norm", "dropout") if settings.model.hidden else ():
        at_input, hidden = _at_layers(settings, piece)
        found["remedies"][piece] = [at_input, *hidden]
        if piece == "dropout" and (schedule := _dropout_schedule(settings)) and any([at_input, *hidden]):
            found["remedies"]["dropout_schedule"] = schedule
        if not any(hidden):
            found["model"]["block"] = [each for each in found["model"]["block"] if each != piece]
        if not at_input:
            found["model"]["input_block"] = [each for each in found["model"]["input_block"] if each != piece]
    return found


def _without_defaults(level: dict[str, Any]) -> dict[str, Any]:
    defaults = KERAS_DEFAULTS.get(level["name"], {})
    return {key: value for key, value in level.items() if key == "name" or defaults.get(key) != value}


def _at_layers(settings: RunSettings, piece: Literal["batch_norm", "dropout"]) -> tuple[Any, list[Any]]:
    """What stands at the input and in every hidden layer; a falsy value where nothing does."""
    at_input, hidden = settings.normalizations if piece == "batch_norm" else settings.by_layer(piece)
    if piece == "batch_norm":
        at_input, *hidden = (_as_batch_norm(plain(level)) for level in (at_input, *hidden))
    schedule = _dropout_schedule(settings)
    if piece == "dropout" and schedule and schedule[0] == "late" and schedule[1] >= settings.training.epochs:
        return 0.0, [0.0] * len(hidden)
    return at_input, hidden


def _as_batch_norm(level: Any) -> Any:
    """A level of normalization as one of `batch_norm`, where it is one."""
    if level == {"name": "batch", "momentum": KERAS_MOMENTUM}:
        return True
    return {"none": False, "batch": True}.get(level, level) if isinstance(level, str) else level


def _dropout_schedule(settings: RunSettings) -> Any:
    """When dropout acts, where that is not always."""
    level = settings.remedies.dropout
    if not isinstance(level, DropoutSchedule) or (
        level.schedule == "early" and level.epochs >= settings.training.epochs
    ):
        return None
    return [level.schedule, level.epochs]


def _schedule(settings: RunSettings) -> Any:
    """The schedule, or `False` where the training is over before it first changes the rate."""
    level, epochs = settings.remedies.learning_rate_schedule, settings.training.epochs
    if level is False:
        return False
    first_change = {"cosine": 0, "step": getattr(level, "every", 0), "plateau": getattr(level, "patience", 0)}
    return level.model_dump() if first_change[level.name] < epochs else False


def _stopping(settings: RunSettings) -> Any:
    """The rules without a patience that can never run out, and `False` where nothing remains of them."""
    level = settings.remedies.early_stopping
    if not isinstance(level, EarlyStopping):
        return level
    if level.patience is not None and level.patience >= settings.training.epochs:
        level = level.model_copy(update={"patience": None, "baseline": None})
    if level.start_from_epoch == 0:
        level = level.model_copy(update={"start_from_epoch": None})
    idle = level.patience is None and level.stop_at_gap is None and not level.stop_when_equal
    counts_as_none = level.monitor == "val_loss" and not level.min_delta and level.start_from_epoch is None
    keeps_the_last = not level.restore_best_weights and counts_as_none
    return False if idle and keeps_the_last else level.model_dump(exclude_none=True)
