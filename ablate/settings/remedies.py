"""The catalogue of remedies: one row each, with its family, its type of level and its neutral baseline."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

from ablate.settings import network_levels
from ablate.settings.levels import (
    BatchNormLevel,
    EarlyStoppingLevel,
    InitLevel,
    MaxNormLevel,
    NonNegative,
    OptimizerLevel,
    Rate,
    ScheduleLevel,
    plain,
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
        suggested: levels to begin with, as a study file lists them.
    """

    name: str
    family: Family
    level: Any
    default: Any
    title: str
    explanation: str
    suggested: str = ""


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
            '["glorot_uniform", "he_normal", { name = "random_normal", stddev = 0.05 }]',
        ),
        Remedy(
            "batch_norm",
            "underfitting",
            BatchNormLevel,
            False,
            "batch normalization",
            "Standardizes what each layer receives over the batch, so that deeper layers learn at a steady pace.",
            "[false, true]",
        ),
        Remedy(
            "optimizer",
            "underfitting",
            OptimizerLevel,
            {"name": "sgd"},
            "optimizer",
            "The rule that turns gradients into weight updates.",
            '["sgd", { name = "sgd", momentum = 0.9 }, { name = "adam", learning_rate = 0.001 }]',
        ),
        Remedy(
            "learning_rate_schedule",
            "underfitting",
            ScheduleLevel,
            False,
            "learning-rate schedule",
            "Takes large steps first and small ones later: along a cosine, in stairs, or when progress stalls.",
            '[false, "cosine", { name = "step", every = 20 }]',
        ),
        Remedy(
            "normalization",
            "underfitting",
            network_levels.NormalizationLevel,
            "none",
            "normalization",
            "Standardizes what each layer receives: over the batch, over an example's units, or over groups of them.",
            '["none", "batch", "layer", "group"]',
        ),
        Remedy(
            "gradient_clip",
            "underfitting",
            network_levels.GradientClipLevel,
            False,
            "gradient clipping",
            "Shortens gradients that are longer than this, so that a single batch cannot throw the network off.",
            "[false, 1.0, { clipvalue = 0.5 }]",
        ),
        Remedy(
            "dropout",
            "overfitting",
            network_levels.DropoutLevel,
            0.0,
            "dropout",
            "Sets a random fraction of the units to zero at every training step, so that none can rely on another.",
            '[0.0, 0.2, 0.5, { rate = 0.2, schedule = "early", epochs = 10 }]',
        ),
        Remedy(
            "l2",
            "overfitting",
            NonNegative,
            0.0,
            "L2 penalty",
            "Adds the sum of squared weights, times this factor, to the loss and so keeps weights small.",
            "[0.0, 0.0001, 0.001, 0.01]",
        ),
        Remedy(
            "l1",
            "overfitting",
            NonNegative,
            0.0,
            "L1 penalty",
            "Adds the sum of absolute weights, times this factor, to the loss and so makes many weights vanish.",
            "[0.0, 0.0001, 0.001]",
        ),
        Remedy(
            "weight_decay",
            "overfitting",
            NonNegative,
            0.0,
            "decoupled weight decay",
            "Shrinks every weight by this share of the learning rate at each step, apart from the gradients.",
            "[0.0, 0.001, 0.01]",
        ),
        Remedy(
            "max_norm",
            "overfitting",
            MaxNormLevel,
            False,
            "max-norm constraint",
            "Scales a unit's incoming weights back whenever their length exceeds this value.",
            "[false, 3.0]",
        ),
        Remedy(
            "label_smoothing",
            "overfitting",
            Rate,
            0.0,
            "label smoothing",
            "Spreads this share of every target over all classes, so that the network need not become ever surer.",
            "[0.0, 0.1]",
        ),
        Remedy(
            "input_noise",
            "overfitting",
            network_levels.NoiseLevel,
            0.0,
            "input noise",
            "Adds random numbers of this deviation to the scaled features in training: none is learned by heart.",
            "[0.0, 0.05, 0.2]",
        ),
        Remedy(
            "augmentation",
            "overfitting",
            network_levels.AugmentationLevel,
            False,
            "data augmentation",
            "Shows every image a little changed each time: mirrored, shifted, turned, enlarged or with noise.",
            '[false, { shift = 0.1, rotation = 0.05 }, { flip = "horizontal", zoom = 0.1 }]',
        ),
        Remedy(
            "stochastic_depth",
            "overfitting",
            Rate,
            0.0,
            "stochastic depth",
            "Leaves out whole residual branches at random in training, the later ones more often, up to this rate.",
            "[0.0, 0.1, 0.3]",
        ),
        Remedy(
            "early_stopping",
            "overfitting",
            EarlyStoppingLevel,
            False,
            "early stopping",
            "Ends training when the held-out score stops improving, and keeps the best weights.",
            '[false, { monitor = "val_loss", patience = 10 }]',
        ),
    )
}


def is_neutral(name: str, level: Any) -> bool:
    """Whether a level of a remedy does nothing, also where it is a list that says so for every layer."""
    level, default = plain(level), REMEDIES[name].default
    return level == default or (isinstance(level, list) and all(each == default for each in level))


ACT_ON_ANY_MODEL = {
    "optimizer", "learning_rate_schedule", "gradient_clip", "weight_decay", "label_smoothing", "early_stopping",
}  # fmt: skip
LATER = (  # what older versions did not know: absent where it is not used, and free to be a builder's own argument
    "normalization", "gradient_clip", "input_noise", "augmentation", "stochastic_depth",
)  # fmt: skip
PIECES = tuple(name for name in REMEDIES if name not in ACT_ON_ANY_MODEL)  # of a layer: where they go, a model decides
