"""The catalogue of remedies: one row each, with its family, its type of level and its neutral baseline."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

from ablate.settings.levels import (
    BatchNormLevel,
    DropoutLevel,
    EarlyStoppingLevel,
    InitLevel,
    MaxNormLevel,
    NonNegative,
    OptimizerLevel,
    Rate,
    ScheduleLevel,
)

Family = Literal["underfitting", "overfitting"]
FAMILIES: tuple[Family, ...] = get_args(Family)


@dataclass(frozen=True)
class Remedy:
    """A way to mend a network that fits too little or too much.

    Attributes:
        name: key in the study file, and the factor's name in every table.
        family: the table of the study file that it belongs to.
        level: pydantic type of one level.
        default: level when the study does not mention the remedy.
        title: what people call it.
        explanation: one sentence for a reader who meets it for the first time.
    """

    name: str
    family: Family
    level: Any
    default: Any
    title: str
    explanation: str


REMEDIES: dict[str, Remedy] = {
    remedy.name: remedy
    for remedy in (
        Remedy(
            "init",
            "underfitting",
            InitLevel,
            {"name": "glorot_uniform"},
            "weight initialization",
            "The scale of the first random weights: too large saturates the units, too small starves the gradients.",
        ),
        Remedy(
            "batch_norm",
            "underfitting",
            BatchNormLevel,
            False,
            "batch normalization",
            "Standardizes what each layer receives over the batch, so that deeper layers learn at a steady pace.",
        ),
        Remedy(
            "optimizer",
            "underfitting",
            OptimizerLevel,
            {"name": "sgd"},
            "optimizer",
            "The rule that turns gradients into weight updates.",
        ),
        Remedy(
            "learning_rate_schedule",
            "underfitting",
            ScheduleLevel,
            False,
            "learning-rate schedule",
            "Takes large steps first and small ones later: along a cosine, in stairs, or when progress stalls.",
        ),
        Remedy(
            "dropout",
            "overfitting",
            DropoutLevel,
            0.0,
            "dropout",
            "Sets a random fraction of the units to zero at every training step, so that none can rely on another.",
        ),
        Remedy(
            "l2",
            "overfitting",
            NonNegative,
            0.0,
            "L2 penalty",
            "Adds the sum of squared weights, times this factor, to the loss and so keeps weights small.",
        ),
        Remedy(
            "l1",
            "overfitting",
            NonNegative,
            0.0,
            "L1 penalty",
            "Adds the sum of absolute weights, times this factor, to the loss and so makes many weights vanish.",
        ),
        Remedy(
            "weight_decay",
            "overfitting",
            NonNegative,
            0.0,
            "decoupled weight decay",
            "Shrinks every weight by this share of the learning rate at each step, apart from the gradients.",
        ),
        Remedy(
            "max_norm",
            "overfitting",
            MaxNormLevel,
            False,
            "max-norm constraint",
            "Scales a unit's incoming weights back whenever their length exceeds this value.",
        ),
        Remedy(
            "label_smoothing",
            "overfitting",
            Rate,
            0.0,
            "label smoothing",
            "Spreads this share of every target over all classes, so that the network need not become ever surer.",
        ),
        Remedy(
            "early_stopping",
            "overfitting",
            EarlyStoppingLevel,
            False,
            "early stopping",
            "Ends training when the held-out score stops improving, and keeps the best weights.",
        ),
    )
}

ACT_ON_ANY_MODEL = {"optimizer", "learning_rate_schedule", "weight_decay", "label_smoothing", "early_stopping"}
PIECES = tuple(name for name in REMEDIES if name not in ACT_ON_ANY_MODEL)  # of a layer: where they go, a model decides
