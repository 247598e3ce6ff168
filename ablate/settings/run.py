"""Everything that decides how one run is trained: data, model, training and one level of each remedy."""

import codecs
import unicodedata
from collections.abc import Sequence
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    SerializerFunctionWrapHandler,
    Tag,
    create_model,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from ablate.settings.arguments import Arguments
from ablate.settings.levels import STRICT, Positive, label
from ablate.settings.metrics import Measured, MetricEntry
from ablate.settings.network_levels import dropout_rates
from ablate.settings.references import Reference
from ablate.settings.remedies import LATER, REMEDIES
from ablate.tables.targets import Task

LONGEST_NAME = 200  # bytes of a folder's name; file systems take 255


def _as_folder(name: str) -> str:
    """A name in the one spelling (NFC) that folders are compared in."""
    name = unicodedata.normalize("NFC", name)
    if len(name.encode()) > LONGEST_NAME:
        raise PydanticCustomError(
            "study_name", "is too long for a folder: at most {most} bytes", {"most": LONGEST_NAME}
        )
    return name


# Letters and digits of any script, and " ._-" between them: nothing that means something in a path
_NAME = r"^[\p{L}\p{N}]([\p{L}\p{M}\p{N} ._-]*[\p{L}\p{M}\p{N}._-])?$"
StudyName = Annotated[str, Field(pattern=_NAME, max_length=100), AfterValidator(_as_folder)]
Share = Annotated[float, Field(gt=0, lt=1)]
Piece = Literal["dense", "batch_norm", "activation", "dropout"]
InputPiece = Literal["batch_norm", "dropout"]
TABLE_KEYS = (
    "drop", "features", "groups", "time", "separator", "decimal", "encoding", "header", "missing", "max_categories",
    "dates",
)  # fmt: skip
NETWORKS = ("hidden", "builder", "file")
OF_HIDDEN_LAYERS = ("activation", "block", "input_block")
OF_OWN_NETWORKS = ("remedy_layers", "existing", "spatial_dropout", "recurrent_kernels")
ActivationName = Literal[
    "relu", "sigmoid", "tanh", "elu", "selu", "gelu", "silu", "softplus", "softsign", "leaky_relu", "linear"
]
LossName = Literal["mse", "mae", "huber"]
Activation = Annotated[
    Annotated[ActivationName, Tag("name")] | Annotated[Reference, Tag("code")],
    Discriminator(lambda value: "code" if isinstance(value, str) and ":" in value else "name"),
]


def _kind_of_weight(value: Any) -> str:
    return {bool: "switch", str: "name"}.get(type(value), "table")


ClassWeight = Annotated[
    Annotated[Literal[False], Tag("switch")]
    | Annotated[Literal["balanced"], Tag("name")]
    | Annotated[dict[Annotated[str, Field(min_length=1)], Positive], Field(min_length=1), Tag("table")],
    Discriminator(_kind_of_weight),
]
ClassName = bool | int | float | Annotated[str, Field(min_length=1)]
Columns = Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]


def class_index(classes: Sequence[str], name: object) -> int | None:
    """The place of a class, by its name or value, among the names of all; `None` where there is no such class.

    A number is the class that it is the value of, however that is spelt: 1 is `1` or `1.0`.
    """
    numbers = [f"{name:g}", str(float(name))] if isinstance(name, int | float) and not isinstance(name, bool) else []
    return next((classes.index(spelt) for spelt in (str(name), *numbers) if spelt in classes), None)


def _known_encoding(name: str) -> str:
    try:
        codecs.lookup(name).incrementaldecoder  # noqa: B018 - some codecs are not for text
    except LookupError:
        raise PydanticCustomError("encoding", "no such encoding; some are utf-8, utf-16, cp949, cp1252") from None
    return name


class Data(BaseModel):
    """Where the examples come from and how they are divided.

    Attributes:
        source: a bundled data set, one of Keras', a path to a `.npz`, `.csv` or `.parquet` file, or a function of the
            user's (`"module:function"`) that returns `(x, y)` or `((x_train, y_train), (x_test, y_test))`.
        validation: share of the training part held out, stratified and drawn anew for every seed; or `"test"`,
            which validates on the test set and is flagged wherever its numbers appear.
        test: share held out as the test set where the source has none; one fixed stratified split.
        label: label column of a table.
        train_size: examples in a stratified subset of the training part, drawn anew for every seed.
        scale: `"auto"` divides images by 255 and digits by 16, standardizes tables by the training part's mean
            and deviation and leaves the floats of a `.npz` alone; `"standard"` and `"none"` say so for any source.
        drop: columns of a table that are left out; of a column of dates also single parts, as in `"when.year"`.
        features: the columns of a table to learn from; all but those with another part to play by default.
        groups: column of a table whose equal values are never in two parts of a split, such as a patient.
        time: column of a table by which later rows are the test part, and the later of the others validation.
        separator: between the cells of a `.csv` file; a space stands for any number of them. Detected by default.
        decimal: sign before the fraction of a number; detected by default.
        encoding: of a `.csv` file, by Python's names; UTF-8 and UTF-16 are recognized.
        header: whether the first row of a `.csv` file holds the names of the columns; without one they are "1", "2" ...
        missing: what a missing value is: an error; filled with the median of the training rows, with a column that says
            so (a category of its own in a column of text); or a reason to leave out the row.
        max_categories: columns that the categories of one column of text become at most; rare ones share the last.
        task: `"regression"` predicts a number, `"classification"` tells classes apart. Detected by default: it is a
            regression if the target is of a floating-point type, has more than 20 different values, and some value has
            a fraction or is in fewer than 3 rows.
        positive: the class that scores of two classes are about (F1, precision, recall, ROC AUC, average precision);
            the second in the order of the classes by default.
        dates: columns of dates, which become numbers: year, month, day, weekday, and hour and minute if there are any.
    """

    model_config = STRICT

    source: Annotated[str, Field(min_length=1)]
    validation: Annotated[
        Annotated[Share, Tag("share")] | Annotated[Literal["test"], Tag("text")],
        Discriminator(lambda value: "text" if isinstance(value, str) else "share"),
    ] = 0.2
    test: Share | None = None
    label: str | None = None
    train_size: Annotated[int, Field(ge=2)] | None = None
    scale: Literal["auto", "standard", "none"] = "auto"
    drop: Columns | None = None
    features: Columns | None = None
    groups: str | None = None
    time: str | None = None
    separator: Annotated[str, Field(pattern=r"^[^\"\r\n0-9A-Za-z]$")] | None = None
    decimal: Literal[".", ","] | None = None
    encoding: Annotated[str, AfterValidator(_known_encoding)] | None = None
    header: bool | None = None
    missing: Literal["error", "median", "drop"] = "error"
    max_categories: Annotated[int, Field(ge=2, le=10_000)] = 50
    dates: Columns | None = None
    task: Task | None = None
    positive: ClassName | None = None

    @model_serializer(mode="wrap")
    def _without_unused_keys(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without newer keys that say nothing, so that runs have the keys they had before there were any."""
        found: dict[str, Any] = handler(self)
        fields = type(self).model_fields
        newer = (*TABLE_KEYS, "task")
        return {k: v for k, v in found.items() if k not in newer or getattr(self, k) != fields[k].default}


class Model(BaseModel):
    """The network: a stack of dense layers, or a model of the user's. Takes one of `hidden`, `builder` and `file`.

    Attributes:
        hidden: units of each hidden layer, from the input on.
        builder: a function of the user's (`"module:function"`) that returns a Keras model.
        file: a Keras model (`.keras`), whose weights every run starts from.
        arguments: of the builder, by keyword.
        activation: what follows the (last) dense of every hidden layer; a name, or a function of the user's
            (`"module:function"`) from a tensor to one of the same shape.
        block: order of the pieces of a hidden layer.
        input_block: pieces between the input and the first hidden layer.
        remedy_layers: in a model of the user's, the names of the layers that remedies are put into, with `*` and `?`
            for any signs (`["conv_*", "dense_1"]`); all its hidden layers by default.
        existing: what becomes of normalizations, dropouts, regularizers and constraints that such a model has itself
            where a remedy would put one: `"keep"` leaves them and puts none beside them, `"replace"` takes them out.
        spatial_dropout: whether the dropout remedy silences whole maps behind convolutions of such a model.
        recurrent_kernels: whether remedies go to the recurrent kernels of such a model as well.
        logits: whether a model of the user's ends in logits, and not in probabilities by a softmax or sigmoid.
    """

    model_config = ConfigDict(**STRICT, json_schema_extra={"oneOf": [{"required": [name]} for name in NETWORKS]})

    hidden: Annotated[list[Annotated[int, Field(ge=1, le=65536)]], Field(min_length=1, max_length=100)] = []
    builder: Reference | None = None
    file: Annotated[str, Field(pattern=r"\.keras$")] | None = None
    arguments: Arguments = {}
    activation: Activation = "relu"
    block: Annotated[list[Piece], Field(min_length=1)] = ["dense", "batch_norm", "activation", "dropout"]
    input_block: list[InputPiece] = []
    remedy_layers: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)] | None = None
    existing: Literal["keep", "replace"] = "keep"
    spatial_dropout: bool = False
    recurrent_kernels: bool = False
    logits: bool = False

    @model_validator(mode="after")
    def _is_one_network(self) -> "Model":
        given = [name for name in NETWORKS if getattr(self, name)]
        if len(given) != 1:
            raise PydanticCustomError(
                "network",
                "takes one of hidden = [64, 32], builder = 'module:function' and file = 'model.keras', not {given}",
                {"given": " and ".join(given) or "none"},
            )
        if self.arguments and not self.builder:
            raise PydanticCustomError("network", "takes arguments with a builder alone")
        of_own = [name for name in OF_OWN_NETWORKS if getattr(self, name) != Model.model_fields[name].default]
        if of_own and self.hidden:
            message = "takes {names} with a builder or a file alone; hidden layers have none of their own"
            raise PydanticCustomError("network", message, {"names": " and ".join(of_own)})
        if self.logits and self.hidden:
            raise PydanticCustomError("network", "takes logits with a builder or file; hidden layers end in a softmax")
        of_layers = [name for name in OF_HIDDEN_LAYERS if getattr(self, name) != Model.model_fields[name].default]
        if of_layers and not self.hidden:
            raise PydanticCustomError(
                "network",
                "takes {names} with hidden layers alone; a model from {given} has its own",
                {"names": " and ".join(of_layers), "given": f"a {given[0]}"},
            )
        return self

    @model_serializer(mode="wrap")
    def _without_what_it_does_not_use(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        found: dict[str, Any] = handler(self)
        unused = OF_HIDDEN_LAYERS if not self.hidden else ()
        return {
            name: value
            for name, value in found.items()
            if name not in unused
            and (value or name not in (*NETWORKS, "arguments", "logits"))
            and (name not in OF_OWN_NETWORKS or value != Model.model_fields[name].default)
        }

    @property
    def title(self) -> str:
        """The network in a few words: `dense 64 → 32, relu`, `my_models:make_cnn(filters=16)` or `model.keras`."""
        if self.hidden:
            return f"dense {' → '.join(map(str, self.hidden))}, {self.activation}"
        return label({"name": self.builder or self.file, **self.arguments})

    @model_validator(mode="after")
    def _pieces_make_a_layer(self) -> "Model":
        dense = self.block.count("dense")
        if not 1 <= dense <= 2 or self.block[0] != "dense":
            raise PydanticCustomError("block", "block should begin with 'dense' and hold one or two of it")
        for piece in get_args(Piece):
            if piece != "dense" and max(self.block.count(piece), self.input_block.count(piece)) > 1:
                raise PydanticCustomError("block", "block and input_block hold at most one '{piece}'", {"piece": piece})
        return self


class Training(BaseModel):
    """How long and in what steps.

    Attributes:
        epochs: passes over the training part.
        batch_size: examples per step; the last batch of an epoch may be smaller.
        loss: what a regression makes small: `mse` (the mean of the squared errors, the default), `mae` (of the absolute
            errors) or `huber` (squared up to one standard deviation of the target, absolute beyond).
        learning_rate: step size of every optimizer level that names none; the optimizer's own by default.
        class_weight: how much examples count in the loss that is trained on: `false` for all alike, `"balanced"` for
            every class as much as any other (scikit-learn's formula on the training part), or a table with the weight
            of classes by name, 1 for those that it leaves out.
        callbacks: functions (`"module:function"`) that return a Keras callback, or several, for one run.
        continue_from: name of a study beside this one; every run starts from the weights that the run of that study
            with the same data, model, remedies and seed ended with.
    """

    model_config = STRICT

    epochs: Annotated[int, Field(ge=1, le=1_000_000)]
    batch_size: Annotated[int, Field(ge=1)] = 32
    loss: LossName | None = None
    learning_rate: Positive | None = None
    class_weight: ClassWeight = False
    callbacks: list[Reference] = []
    continue_from: StudyName | None = None

    @model_serializer(mode="wrap")
    def _without_weights_that_are_equal(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without weights where there are none, so that runs have the keys they had before there were any."""
        found: dict[str, Any] = handler(self)
        return {name: value for name, value in found.items() if name != "class_weight" or value is not False}


class _Levels(BaseModel):
    model_config = STRICT

    @model_serializer(mode="wrap")
    def _without_unused_later_ones(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without remedies that older versions did not know and that are not used, so that keys and records stay."""
        found: dict[str, Any] = handler(self)
        return {k: v for k, v in found.items() if k not in LATER or v != REMEDIES[k].default}


_LEVELS: dict[str, Any] = {name: (remedy.level, remedy.default) for name, remedy in REMEDIES.items()}
Remedies: Any = create_model("Remedies", __base__=_Levels, **_LEVELS)


class Scores(BaseModel):
    """What is measured beside accuracy and loss.

    Attributes:
        metrics: see `StudySection.metrics`.
        gap: the score that the generalization gap is of.
    """

    model_config = STRICT

    metrics: list[MetricEntry] = []
    gap: str = "accuracy"


class RunSettings(BaseModel):
    """The settings of one treatment. Equal settings and equal seeds train equal networks."""

    model_config = STRICT

    data: Data
    model: Model
    training: Training
    remedies: Remedies
    scores: Scores = Scores()

    @model_serializer(mode="wrap")
    def _without_scores_that_are_usual(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without what is measured of every run, so that runs have the keys they had before anything else was."""
        found: dict[str, Any] = handler(self)
        return {name: value for name, value in found.items() if name != "scores" or self.scores.metrics}

    @property
    def measured(self) -> Measured:
        """What is measured of the run."""
        return Measured(tuple(self.scores.metrics), self.scores.gap, self.data.task or "classification")

    @model_validator(mode="after")
    def _lists_fit_the_layers(self) -> "RunSettings":
        layers = len(self.model.hidden)
        for name in ("batch_norm", "dropout") if layers else ():
            level = getattr(self.remedies, name)
            if not isinstance(level, list) or len(level) == layers:
                continue
            if len(level) == layers + 1 and name in self.model.input_block:
                continue
            raise PydanticCustomError(
                "layers",
                "{name} = {level} has {count} entries; {layers} hidden layers take {layers}, "
                "or one more (the input's first) where input_block holds '{name}'",
                {"name": name, "level": str(level).lower(), "count": len(level), "layers": layers},
            )
        return self

    @model_validator(mode="after")
    def _has_one_normalization(self) -> "RunSettings":
        normed = self.remedies.batch_norm
        if (any(normed) if isinstance(normed, list) else normed) and self.remedies.normalization != "none":
            message = "batch_norm and normalization both say what comes before an activation; one has to be off"
            raise PydanticCustomError("normalization", message)
        return self

    @property
    def is_regression(self) -> bool:
        """Whether a number is learned, and not classes; a plan says so once the data was read."""
        return self.data.task == "regression"

    @property
    def loss(self) -> LossName | None:
        """What a regression makes small; `None` for classes, which have cross-entropy."""
        return (self.training.loss or "mse") if self.is_regression else None

    @property
    def code(self) -> dict[str, str]:
        """The functions of the user's that these settings name, each with the key that names it."""
        named = {"model.activation": self.model.activation, "model.builder": self.model.builder or ""}
        found = {reference: key for key, reference in named.items() if ":" in reference}
        measured = [entry for entry in self.scores.metrics if ":" in entry]
        return {
            **found,
            **dict.fromkeys(self.training.callbacks, "training.callbacks"),
            **dict.fromkeys(measured, "study.metrics"),
        }

    @property
    def normalizations(self) -> tuple[Any, list[Any]]:
        """The normalization at the input and of every hidden layer, as a level of that remedy; `"none"` without one."""
        at_input, hidden = (["batch" if on else "none" for on in each] for each in self._batch_norms())
        level = self.remedies.normalization
        if level != "none":
            at_input = [level if "batch_norm" in self.model.input_block else "none"]
            hidden = [level if "batch_norm" in self.model.block else "none"] * len(hidden)
        return at_input[0], hidden

    def _batch_norms(self) -> tuple[list[bool], list[bool]]:
        at_input, hidden = self.by_layer("batch_norm")
        return [at_input], hidden

    def by_layer(self, remedy: Literal["batch_norm", "dropout"]) -> tuple[Any, list[Any]]:
        """The level of a remedy at the input and at every hidden layer, neutral where it does not apply.

        Returns:
            The input's value and one value per hidden layer: booleans for `batch_norm`, rates for `dropout`. There
            are none in a model of the user's, which takes the level as it is.
        """
        level = dropout_rates(getattr(self.remedies, remedy))
        neutral = REMEDIES[remedy].default
        layers = len(self.model.hidden)
        if not isinstance(level, list):
            at_input, hidden = level, [level] * layers
        elif len(level) == layers:
            at_input, hidden = neutral, level
        else:
            at_input, hidden = level[0], level[1:]
        return (
            at_input if remedy in self.model.input_block else neutral,
            hidden if remedy in self.model.block else [neutral] * layers,
        )
