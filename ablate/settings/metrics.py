"""What is measured of a run: one table of metrics, and the columns that they have in histories and runs."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from ablate.settings.references import is_reference
from ablate.tables.targets import Task

Unit = Literal["share", "number", "target", "epochs", "seconds", "count"]
Source = Literal["probabilities", "labels", "predictions", "run"]

SIDES = {"train": "training", "val": "validation", "test": "test"}
TOP_K = 2  # as scikit-learn's top_k_accuracy_score has it
ECE_BINS = 15


@dataclass(frozen=True)
class Metric:
    """A figure by which networks are compared.

    Attributes:
        name: as the study file has it; columns put `train_`, `val_` or `test_` before it.
        title: what people call it.
        unit: `share` (shown in percent, differences in points), a plain `number`, the unit of the `target`, `epochs`,
            `seconds` or a `count`.
        lower_is_better: whether a smaller value is the better one.
        low, high: what it cannot be below and above; `None` without a bound.
        source: what it is computed from: `probabilities` of classes, predicted `labels`, `predictions` of numbers, or
            the `run` itself.
        task: which networks it is for; `None` for all.
        needs: what a part of the data must have for it to be defined: examples of all `classes`, of the `positive` one
            where there are two, or nothing.
    """

    name: str
    title: str
    unit: Unit = "share"
    lower_is_better: bool = False
    low: float | None = 0.0
    high: float | None = 1.0
    source: Source = "labels"
    task: Task | None = "classification"
    needs: Literal["classes", "positive", ""] = ""


def _errors(name: str, title: str, unit: Unit, source: Source, high: float | None = None, **other: Any) -> Metric:
    """A metric that is 0 for perfect predictions."""
    return Metric(name, title, unit, lower_is_better=True, low=0.0, high=high, source=source, **other)


def _of_run(name: str, title: str, unit: Unit, *, lower: bool = True, low: float | None = 0.0) -> Metric:
    return Metric(name, title, unit, lower_is_better=lower, low=low, high=None, source="run", task=None)


SCORES: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("accuracy", "accuracy"),
        Metric("balanced_accuracy", "balanced accuracy"),
        Metric("f1_macro", "macro F1"),
        Metric("f1", "F1", needs="positive"),
        Metric("precision", "precision", needs="positive"),
        Metric("recall", "recall", needs="positive"),
        Metric("roc_auc", "ROC AUC", source="probabilities", needs="classes"),
        Metric("average_precision", "average precision", source="probabilities", needs="classes"),
        Metric("top_k_accuracy", f"top-{TOP_K} accuracy", source="probabilities"),
        _errors("log_loss", "log loss", "number", "probabilities"),
        _errors("brier", "Brier score", "number", "probabilities", high=2.0),
        _errors("ece", "calibration error", "share", "probabilities", high=1.0),
        _errors("mae", "mean absolute error", "target", "predictions", task="regression"),
        _errors("rmse", "root mean squared error", "target", "predictions", task="regression"),
        Metric("r2", "R²", "number", low=None, source="predictions", task="regression"),
    )
}
LOSS = _errors("loss", "loss", "number", "predictions", task=None)
OF_RUNS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        _of_run("gap", "generalization gap", "share", low=None),
        _of_run("best_epoch", "best epoch", "epochs"),
        _of_run("stopped_epoch", "stopped epoch", "epochs"),
        _of_run("parameters", "parameters", "count"),
        _of_run("predicted_classes", "predicted classes", "count", lower=False),
        _of_run("seconds", "time in all", "seconds"),
        _of_run("seconds_train", "training time", "seconds"),
        _of_run("seconds_compile", "compile time", "seconds"),
        _of_run("running_gap", "gap by the history", "share", low=None),
    )
}
SECONDS_COLUMNS = ("seconds", "seconds_compile", "seconds_train")
WHOLE_COLUMNS = ("best_epoch", "stopped_epoch", "parameters")  # of every run, those that hold whole numbers
ALWAYS: dict[Task, tuple[str, ...]] = {"classification": (), "regression": ("mae", "rmse", "r2")}
PRIMARY: dict[Task, str] = {"classification": "test_accuracy", "regression": "test_rmse"}
SECONDARY: dict[Task, tuple[str, ...]] = {
    "classification": ("test_loss", "gap", "epochs_to_val_accuracy_0.9", "seconds_train"),
    "regression": ("test_mae", "test_r2", "gap", "seconds_train"),
}
_RUNNING = {"classification": ("loss", "accuracy"), "regression": ("loss",)}
_OF_GAP = "_gap"
_COLUMN = r"(?:train|val)_[A-Za-z]\w*?"
_EPOCHS_TO = re.compile(rf"epochs_to_(loss|accuracy|gap|{_COLUMN})_(\d+(?:\.\d+)?)")
_SIDED = re.compile(rf"({'|'.join(SIDES)})_([A-Za-z]\w*)")


def score_name(entry: str) -> str:
    """What an entry of `[study] metrics` is called in columns: of `"module:function"` the function's name."""
    return entry.rpartition(":")[2]


@dataclass(frozen=True)
class Measured:
    """What is measured of the runs of a study.

    Attributes:
        metrics: the entries of `[study] metrics`: names of the table, or `"module:function"`.
        score: what treatments are chosen by, in validation, and whose difference to training is the generalization gap.
        task: of the networks.
    """

    metrics: tuple[str, ...] = ()
    score: str = "accuracy"
    task: Task = "classification"

    @classmethod
    def of_columns(cls, columns: Iterable[str]) -> "Measured":
        """What was measured where a runs table has these columns; whose gap it is cannot be told."""
        columns = list(columns)
        tested = [name.removeprefix("test_") for name in columns if name.startswith("test_")]
        if set(ALWAYS["regression"]) <= set(tested) and USUAL.score not in tested:
            return cls(tuple(name for name in tested if name != "loss"), "rmse", "regression")
        extra = tuple(name for name in tested if name not in USUAL.running)
        return cls(extra or (USUAL.score,)) if extra or "predicted_classes" in columns else USUAL

    @property
    def running(self) -> tuple[str, ...]:
        """What Keras averages over the batches of an epoch; the loss and accuracy of every study."""
        return _RUNNING[self.task]

    @property
    def extra(self) -> tuple[str, ...]:
        """The names of the scores beside loss and accuracy."""
        return tuple(dict.fromkeys(name for name in map(score_name, self.metrics) if name not in self.running))

    @property
    def held_out(self) -> bool:
        """Whether the records of the runs say which classes were taken for which, and how sure networks were."""
        return bool(self.metrics) and self.task == "classification"

    @property
    def history(self) -> tuple[str, ...]:
        """The columns of every epoch."""
        sides = [f"{side}_{name}" for side in ("train", "val") for name in self.running]
        extra = [f"{side}_{name}" for name in self.extra for side in ("train", "val")]
        return (*self.running, *sides, "gap", "seconds", *extra)

    @property
    def result(self) -> tuple[str, ...]:
        """The columns of the kept weights."""
        base = self.running[::-1]
        sides = [f"{side}_{name}" for side in ("train", "val") for name in base]
        extra = [f"{side}_{name}" for name in self.extra for side in ("test", "train", "val")]
        classes = ("predicted_classes",) if self.held_out else ()
        tested = [f"test_{name}" for name in base]
        return (*tested, "gap", "best_epoch", "stopped_epoch", *base, *sides, "parameters", *extra, *classes)

    @property
    def whole(self) -> tuple[str, ...]:
        """Those of them that hold whole numbers."""
        return (*WHOLE_COLUMNS, "predicted_classes") if self.held_out else WHOLE_COLUMNS

    @property
    def monitors(self) -> tuple[str, ...]:
        """The columns of every epoch that a callback may watch."""
        return tuple(name for name in self.history if name != "seconds")


USUAL = Measured()
HISTORY_COLUMNS = USUAL.history
RESULT_COLUMNS = USUAL.result


def gap_of(primary: str, task: Task = "classification") -> str:
    """The score that the generalization gap is of: the primary metric's, if it is a share that should be high.

    In a regression it is that of any of its errors, or of R².

    Args:
        primary: the study's primary metric.
        task: of its networks.
    """
    found = describe(_column(primary))
    sided = _SIDED.fullmatch(_column(primary))
    is_score = found.name in SCORES and found.task == task
    if task == "regression":
        return found.name if sided and is_score else "rmse"
    is_share = found.unit == "share" and not found.lower_is_better
    return found.name if sided and is_score and is_share else "accuracy"


def gap(columns: Any, score: str) -> float:
    """How much better a score is in training than in validation.

    Args:
        columns: `train_<score>` and `val_<score>` by name.
        score: whose gap it is.
    """
    distance = float(columns[f"train_{score}"]) - float(columns[f"val_{score}"])
    return -distance if lower_is_better(f"val_{score}") else distance


def describe(name: str) -> Metric:
    """The row of the table that a column, or `epochs_to_<column>_<threshold>`, belongs to.

    A score that is not in the table is a function of the user's: a number, of which less is better where its name ends
    in `loss` or `error`.
    """
    if epochs_to(name) is not None:
        return OF_RUNS["stopped_epoch"]
    sided = _SIDED.fullmatch(name)
    score = sided[2] if sided else name
    if score in SCORES:
        return SCORES[score]
    if score == "loss":
        return LOSS
    if name in OF_RUNS:
        return OF_RUNS[name]
    if name.endswith(_OF_GAP):
        return _gap(describe(name.removesuffix(_OF_GAP)))
    lower = score.endswith(("loss", "error"))
    title = score.replace("_", " ")
    return Metric(score, title, "number", lower_is_better=lower, low=None, high=None, source="probabilities", task=None)


def with_unit(metric: str, score: str) -> str:
    """A metric by a name that tells its unit: the gap of what is no share is called `rmse_gap` and alike.

    Args:
        metric: any column.
        score: whose gap the study has.
    """
    return f"{score}{_OF_GAP}" if metric == "gap" and describe(score).unit != "share" else metric


def _gap(score: Metric) -> Metric:
    title = f"generalization gap in {score.title}"
    return Metric(f"{score.name}{_OF_GAP}", title, score.unit, lower_is_better=True, low=None, high=None, source="run")


def title(name: str) -> str:
    """What a column is called in a sentence: `test accuracy`, `validation macro F1`, `generalization gap`."""
    found, sided = describe(name), _SIDED.fullmatch(name)
    if sided and name not in OF_RUNS:
        return f"{SIDES[sided[1]]} {found.title}"
    return f"running training {found.title}" if name in ("loss", "accuracy") else found.title


def is_metric(name: str, measured: Measured = USUAL) -> bool:
    """Whether runs have it: a column of the runs table, or `epochs_to_<history column>_<threshold>`."""
    target = epochs_to(name)
    return target[0] in measured.monitors if target else name in (*measured.result, *SECONDS_COLUMNS)


def epochs_to(metric: str) -> tuple[str, float] | None:
    """The history column and the threshold of `epochs_to_<history column>_<threshold>`; `None` for other metrics."""
    found = _EPOCHS_TO.fullmatch(metric)
    return (found[1], float(found[2])) if found else None


def lower_is_better(metric: str) -> bool:
    """Whether a smaller value is the better one: losses, gaps, times and sizes, and epochs until something good."""
    target = epochs_to(metric)
    return target[0] != "gap" if target is not None else describe(metric).lower_is_better


def is_share(metric: str) -> bool:
    """Whether it is a share, shown in percent, its differences in points: accuracies and the gap."""
    return describe(metric).unit == "share"


def is_counted(metric: str) -> bool:
    """Whether it is a whole number of epochs."""
    return describe(metric).unit == "epochs"


def falls(column: str) -> bool:
    """Whether a column of the history reaches a threshold from above: losses and errors do."""
    return column != "gap" and lower_is_better(column)


def is_time(metric: str) -> bool:
    """Whether it depends on the machine and its load."""
    return metric in SECONDS_COLUMNS


def _column(metric: str) -> str:
    target = epochs_to(metric)
    return target[0] if target else metric


def context(entries: Any, task: Any) -> dict[str, Any]:
    """What the validation of names has to know of a study.

    Args:
        entries: of `[study] metrics`, not validated yet.
        task: of its networks, likewise; where it is not known before the data is read, names of any are taken.
    """
    named = tuple(entry for entry in entries if isinstance(entry, str)) if isinstance(entries, list) else ()
    tasks: list[Task] = [task] if task in ALWAYS else list(ALWAYS)
    every = [Measured((*ALWAYS[each], *named), gap_of("", each), each) for each in tasks]
    return {"measured": every[0], "also": every[1:]}


def _is_of(info: ValidationInfo, test: Callable[[Measured], bool]) -> bool:
    """Whether a name is one of what the study measures, or may measure."""
    return any(test(each) for each in (info.context or {}).get("also", []))


def is_like_a_column(name: str) -> bool:
    """Whether a name is built as those of scores are: `train_`, `val_` or `test_`, or epochs to one of them."""
    return _SIDED.fullmatch(_column(name)) is not None


def measured_by(info: ValidationInfo) -> Measured | None:
    """What the study measures whose file is validated; `None` where settings are read back by themselves."""
    return (info.context or {}).get("measured")


def check_metric(name: str, info: ValidationInfo) -> str:
    """A name that runs of the study have a column of.

    Raises:
        PydanticCustomError: they have not; says what is meant, or what `[study] metrics` lacks.
    """
    measured = measured_by(info)
    if not is_metric(name, measured or USUAL) and not _is_of(info, lambda each: is_metric(name, each)):
        columns = (*(measured or USUAL).result, *SECONDS_COLUMNS)
        _check(name, [*columns, "epochs_to_<history column>_<threshold>"], measured)
    return name


def _check_monitor(name: str, info: ValidationInfo) -> str:
    measured = measured_by(info)
    if _is_of(info, lambda each: name in each.monitors):
        return name
    if name not in (measured or USUAL).monitors and not (measured is None and re.fullmatch(_COLUMN, name)):
        _check(name, (measured or USUAL).monitors, measured or USUAL)
    return name


def _check(name: str, known: Iterable[str], measured: Measured | None) -> None:
    """Take a name that is not known only where it can be one and nobody says what the study measures."""
    sided = _SIDED.fullmatch(_column(name))
    if sided and measured is None:
        return
    asked = measured.extra if measured else ()
    if sided and measured and sided[2] in SCORES and SCORES[sided[2]].task != measured.task:
        message = "is for a {other}, and this study is a {task}; it has {known}"
        names = {"other": SCORES[sided[2]].task, "task": measured.task, "known": ", ".join(known)}
        raise PydanticCustomError("metric", message, names)
    if sided and sided[2] in SCORES and sided[2] not in asked and sided[2] != "accuracy":
        message = 'is not measured: add "{score}" to metrics under [study]'
        raise PydanticCustomError("metric", message, {"score": sided[2]})
    raise PydanticCustomError("unknown_name", "unknown metric", {"given": name, "known": list(known)})


def _entry(entry: str) -> str:
    name = score_name(entry)
    if ":" in entry and (name in SCORES or name in OF_RUNS or name == "loss"):
        raise PydanticCustomError(
            "metric", "'{name}' is a metric already; give the function another name", {"name": name}
        )
    if entry not in SCORES and not is_reference(entry):
        raise PydanticCustomError(
            "unknown_name", "unknown metric", {"given": entry, "known": [*SCORES, "module:function"]}
        )
    return entry


_ENTRY = r"^[A-Za-z_][\w.]*:[A-Za-z]\w*$"
_COLUMNS = [f"{side}_{name}" for name in SCORES for side in SIDES]
METRIC_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"enum": list(dict.fromkeys([*RESULT_COLUMNS, *SECONDS_COLUMNS, *_COLUMNS]))},
        {"type": "string", "pattern": f"^(?:{_EPOCHS_TO.pattern}|{_SIDED.pattern})$"},
    ]
}
_MONITORS = {"anyOf": [{"enum": [*USUAL.monitors]}, {"type": "string", "pattern": f"^{_COLUMN}$"}]}
MetricName = Annotated[str, AfterValidator(check_metric), WithJsonSchema(METRIC_SCHEMA)]
Monitor = Annotated[str, AfterValidator(_check_monitor), WithJsonSchema(_MONITORS)]
MetricEntry = Annotated[
    str,
    AfterValidator(_entry),
    WithJsonSchema({"anyOf": [{"enum": [*SCORES]}, {"type": "string", "pattern": _ENTRY}]}),
]
