"""The levels of remedies that change a network, its input or its gradients, where a number does not tell all."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Discriminator, Field, Tag, model_validator
from pydantic.functional_validators import BeforeValidator
from pydantic_core import PydanticCustomError

from ablate.settings.levels import STRICT, NonNegative, Positive, Rate, off_or, per_layer

Turn = Annotated[float, Field(gt=0, le=1)]
CLIPS = ("clipnorm", "global_clipnorm", "clipvalue")


class GradientClip(BaseModel):
    """A bound on gradients before every step, by the arguments of Keras' optimizers.

    Attributes:
        clipnorm: largest length of the gradient of each weight array.
        global_clipnorm: largest length of all gradients together.
        clipvalue: largest size of each number of a gradient.
    """

    model_config = STRICT

    clipnorm: Positive | None = None
    global_clipnorm: Positive | None = None
    clipvalue: Positive | None = None

    @model_validator(mode="after")
    def _is_one(self) -> "GradientClip":
        if len(self.model_fields_set) != 1:
            raise PydanticCustomError("clipping", "takes one of clipnorm, global_clipnorm and clipvalue")
        return self


class Augmentation(BaseModel):
    """Random changes of images in training, by Keras' own layers, in the order of the attributes.

    Attributes:
        flip: which way images are mirrored, half of them: `RandomFlip`.
        shift: largest shift, as a share of height and width: `RandomTranslation`.
        rotation: largest turn to either side, as a share of a full turn: `RandomRotation`.
        zoom: largest change of size, as a share: `RandomZoom`.
        noise: standard deviation of noise, in units of the scaled pixels: `GaussianNoise`.
        fill: what comes in from beyond the edges, as these layers name it.
    """

    model_config = STRICT

    flip: Literal["horizontal", "vertical", "horizontal_and_vertical"] | None = None
    shift: Turn | None = None
    rotation: Turn | None = None
    zoom: Annotated[float, Field(gt=0, lt=1)] | None = None
    noise: Positive | None = None
    fill: Literal["reflect", "wrap", "constant", "nearest"] = "reflect"

    @model_validator(mode="after")
    def _changes_something(self) -> "Augmentation":
        if not self.model_fields_set - {"fill"}:
            raise PydanticCustomError("augmentation", "changes nothing: set flip, shift, rotation, zoom or noise")
        return self


class GroupNorm(BaseModel):
    """Group normalization with a number of groups.

    Attributes:
        groups: that the channels are divided into; the number of channels has to be a multiple of it.
    """

    model_config = STRICT

    name: Literal["group"]
    groups: Annotated[int, Field(ge=1)]


class BatchNorm(BaseModel):
    """Batch normalization with a momentum.

    Attributes:
        momentum: of its moving averages, which remember some 1 / (1 - momentum) batches; Keras' own is 0.99.
    """

    model_config = STRICT

    name: Literal["batch"]
    momentum: Annotated[float, Field(ge=0, lt=1)]


class DropoutSchedule(BaseModel):
    """Dropout in a part of the training (Liu et al. 2023, "Dropout Reduces Underfitting").

    Attributes:
        rate: share of the units that fall silent while it acts.
        schedule: `early`: in the first epochs alone, against underfitting; `late`: in all but these, against
            overfitting.
        epochs: how many the first epochs are.
    """

    model_config = STRICT

    rate: Annotated[float, Field(gt=0, lt=1)]
    schedule: Literal["early", "late"]
    epochs: Annotated[int, Field(ge=1)]


def _number_or_table(value: Any) -> str:
    return "table" if isinstance(value, dict | BaseModel) else "number"


def _global(value: Any) -> Any:
    """A bare number as a bound on all gradients together; false, and tables, as they are."""
    return {"global_clipnorm": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


GradientClipLevel: Any = Annotated[off_or(GradientClip), BeforeValidator(_global, json_schema_input_type=Any)]
AugmentationLevel = off_or(Augmentation)
NormalizationLevel = Annotated[
    Annotated[Literal["none", "batch", "layer", "group"], Tag("number")]
    | Annotated[
        Annotated[GroupNorm | BatchNorm, Field(discriminator="name")],
        Tag("table"),
    ],
    Discriminator(_number_or_table),
]
DropoutLevel: Any = Annotated[
    Annotated[per_layer(Rate), Tag("number")] | Annotated[DropoutSchedule, Tag("table")],
    Discriminator(_number_or_table),
]
NoiseLevel = NonNegative


def dropout_rates(level: Any) -> Any:
    """The rate of a level of dropout, or the list of its rates, while it acts."""
    return level.rate if isinstance(level, DropoutSchedule) else level
