"""The form of a study file: its tables and keys as pydantic models, from which the JSON Schema is made as well."""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, create_model, model_validator
from pydantic.functional_validators import BeforeValidator
from pydantic_core import PydanticCustomError

from ablate.settings.arguments import ARGUMENTS, Argument, ArgumentName
from ablate.settings.levels import STRICT, NonNegative, Positive
from ablate.settings.metrics import PRIMARY, SECONDARY, MetricEntry, MetricName, score_name
from ablate.settings.remedies import REMEDIES, Family
from ablate.settings.run import Data, Model, StudyName, Training
from ablate.settings.thresholds import DEFAULTS, Thresholds
from ablate.studies.layer_metrics import ClaimMetric

Design = Literal["one-at-a-time", "grid", "leave-one-out", "pairwise", "listed"]
SaveModels = Literal["best", "all", "none"]
SECTIONS: dict[str, type[BaseModel]] = {"data": Data, "model": Model, "training": Training}
MOST_TABLES = 1_000  # excludes, or claims: every treatment is compared with each
NOT_VARIED = ("training.continue_from", "data.positive", "data.task")  # of the study as a whole, and no treatments


def flatten(table: Any) -> Any:
    """A table with factors as keys; `model.activation` without quotes is a nested table in TOML and means the same."""
    if not isinstance(table, dict):
        return table
    return _opened(_opened(table, (*SECTIONS,)), (ARGUMENTS,))


def _opened(table: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, entry in table.items():
        nested = isinstance(entry, dict) and key in keys
        flat.update({f"{key}.{name}": value for name, value in entry.items()} if nested else {key: entry})
    return flat


def _with_arguments_together(table: Any) -> Any:
    """Factors as `FactorsSection` takes them: those of a builder's arguments in a table of their own."""
    flat = flatten(table)
    if not isinstance(flat, dict) or ARGUMENTS in flat:
        return flat  # as it is, it will be refused
    own = {key: entry for key, entry in flat.items() if key.startswith(f"{ARGUMENTS}.")}
    arguments = {ARGUMENTS: {key.removeprefix(f"{ARGUMENTS}."): entry for key, entry in own.items()}} if own else {}
    return {**{key: entry for key, entry in flat.items() if key not in own}, **arguments}


Levels = Annotated[dict[str, Any], BeforeValidator(flatten, json_schema_input_type=dict[str, Any]), Field(min_length=1)]
AnyLevels = Annotated[dict[str, Any], BeforeValidator(flatten, json_schema_input_type=dict[str, Any])]
Names = Annotated[list[str], Field(min_length=2)]


class StudySection(BaseModel):
    """What the study is called and how many runs answer its question.

    Attributes:
        name: folder of the results under `reports/`.
        design: which treatments are trained.
        replicates: independent repeats of every treatment, with seeds 1 to N.
        seeds: the seeds themselves, instead of `replicates`.
        metrics: what is measured of every epoch and of the test set beside accuracy and loss: names of metrics, or
            functions (`"module:function"`) that return a Keras metric.
        primary: the metric that the effects and their verdicts are about; `test_rmse` by default in a regression.
        secondary: further metrics whose effects are shown; `test_mae`, `test_r2`, `gap` and `seconds_train` by default
            in a regression.
        save_models: which networks are kept as `.keras` files: those of the baseline and of the best treatment, all
            of them, or none.
        linked: groups of factors that move together, level by level; such a group is one factor of the design.
        full: for `leave-one-out`, the level of each factor when everything is on; its second level by default.
    """

    model_config = STRICT

    name: StudyName
    design: Design = "one-at-a-time"
    replicates: Annotated[int, Field(ge=1, le=100_000)] = 10
    seeds: Annotated[list[Annotated[int, Field(ge=0, lt=2**32)]], Field(min_length=1)] | None = None
    metrics: list[MetricEntry] = []
    primary: MetricName = PRIMARY["classification"]
    secondary: list[MetricName] = [*SECONDARY["classification"]]
    save_models: SaveModels = "best"
    linked: list[Names] = []
    full: AnyLevels = {}

    @model_validator(mode="after")
    def _is_clear(self) -> "StudySection":
        if self.name == "samples":
            raise PydanticCustomError("name", "the name 'samples' is taken: reports/samples holds finished pages")
        if self.seeds is not None and len(set(self.seeds)) < len(self.seeds):
            raise PydanticCustomError("seeds", "seeds should all differ")
        if self.seeds is not None and "replicates" in self.model_fields_set:
            raise PydanticCustomError("seeds", "takes replicates or seeds, not both")
        names = [score_name(entry) for entry in self.metrics]
        if len(set(names)) < len(names):
            raise PydanticCustomError("metrics", "metrics should all have names of their own")
        if self.full and self.design != "leave-one-out":
            raise PydanticCustomError("full", "full is for design = 'leave-one-out' alone; remove the key")
        return self


class Claim(BaseModel):
    """An expectation that the runs will support or refute.

    `treatment` and `against` name levels and select treatments as an exclude does. With `against`, runs of one seed
    that are equal in every factor that neither names are compared; without it, the treatment's own figure is.

    Attributes:
        says: the claim in words.
        metric: a column of the runs table, `epochs_to_<history column>_<threshold>`, `running_gap`, or a figure of a
            layer such as `initial_activations_sd_hidden_1`.
        treatment: levels of the treatments that the claim is about.
        against: levels of those they are compared with.
        expect: how the first compare with the second.
        by: for `lower` and `higher`, the smallest difference that counts.
        margin: for `equivalent`, the largest difference that still counts as none.
        at_least: lower bound of the treatment's own mean.
        at_most: upper bound of it.
        between: both bounds, `[smallest, largest]`.
        reproduces: a figure found elsewhere by a single run, which one more replicate could show as well.
    """

    model_config = STRICT

    says: Annotated[str, Field(min_length=1, max_length=300)]
    metric: ClaimMetric
    treatment: AnyLevels
    against: AnyLevels | None = None
    expect: Literal["lower", "higher", "equivalent"] | None = None
    by: NonNegative | None = None
    margin: Positive | None = None
    at_least: float | None = None
    at_most: float | None = None
    between: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None
    reproduces: float | None = None

    @model_validator(mode="after")
    def _is_complete(self) -> "Claim":
        own = ("at_least", "at_most", "between", "reproduces")
        bounds = [name for name in own if getattr(self, name) is not None]
        if self.against is not None and (bounds or self.expect is None):
            raise PydanticCustomError("claim", "a comparison takes expect = 'lower', 'higher' or 'equivalent'")
        if self.against is None and (len(bounds) != 1 or self.expect is not None):
            raise PydanticCustomError(
                "claim", "takes against and expect, or one of at_least, at_most, between and reproduces without them"
            )
        if (self.expect == "equivalent") != (self.margin is not None):
            raise PydanticCustomError("claim", "expect = 'equivalent' needs a margin, and nothing else takes one")
        if self.by is not None and self.expect not in ("lower", "higher"):
            raise PydanticCustomError("claim", "by goes with expect = 'lower' or 'higher'")
        if self.between and self.between[0] > self.between[1]:
            raise PydanticCustomError("claim", "between should be [smallest, largest]")
        return self


def _one_or_more(level: Any) -> Any:
    """One level (a setting) or a list of them (a factor)."""
    levels: Any = Annotated[list[level], Field(min_length=1)]
    return Annotated[
        levels,
        BeforeValidator(
            lambda value: value if isinstance(value, list) else [value], json_schema_input_type=levels | level
        ),
    ]


class _Section(BaseModel):
    model_config = STRICT


def _family_section(family: Family) -> Any:
    fields: dict[str, Any] = {
        remedy.name: (Annotated[_one_or_more(remedy.level), Field(description=remedy.explanation)], [remedy.default])
        for remedy in REMEDIES.values()
        if remedy.family == family
    }
    doc = f"Remedies for {family}: one level each, or a list of levels of which the first is the baseline."
    return create_model(f"{family.title()}Section", __base__=_Section, __doc__=doc, **fields)


class _FactorsBase(_Section):
    """Lists of levels for any other field of the file, by its dotted path; the first level is the baseline."""

    @model_validator(mode="before")
    @classmethod
    def _flatten(cls, value: Any) -> Any:
        return _with_arguments_together(value)


def _one_by_one(value: Any) -> Any:
    if not isinstance(value, dict):
        raise PydanticCustomError(
            "argument", "arguments are varied one by one: name one, as in model.arguments.filters"
        )
    return value


_ONE_BY_ONE = BeforeValidator(_one_by_one)


def _factors_section() -> Any:
    fields: dict[str, Any] = {}
    for section, model in SECTIONS.items():
        for name, info in model.model_fields.items():
            kind: Any = info.annotation
            for constraint in info.metadata:
                kind = Annotated[kind, constraint]
            levels: Any = Annotated[list[kind], Field(min_length=1)]
            if f"{section}.{name}" == ARGUMENTS:
                levels = Annotated[dict[ArgumentName, Annotated[list[Argument], Field(min_length=1)]], _ONE_BY_ONE]
            if f"{section}.{name}" not in NOT_VARIED:
                fields[f"{section}_{name}"] = (levels | None, Field(None, alias=f"{section}.{name}"))
    return create_model("FactorsSection", __base__=_FactorsBase, **fields)


UnderfittingSection: Any = _family_section("underfitting")
OverfittingSection: Any = _family_section("overfitting")
FactorsSection: Any = _factors_section()


class StudyFile(BaseModel):
    """A study of how remedies for underfitting and overfitting change a Keras network."""

    model_config = STRICT

    study: StudySection
    data: Data
    model: Model
    training: Training
    underfitting: UnderfittingSection = Field(default_factory=UnderfittingSection, validate_default=True)
    overfitting: OverfittingSection = Field(default_factory=OverfittingSection, validate_default=True)
    factors: FactorsSection = Field(default_factory=FactorsSection)
    diagnosis: Thresholds = DEFAULTS
    exclude: Annotated[list[Levels], Field(max_length=MOST_TABLES)] = []
    include: list[Levels] = []
    claim: Annotated[list[Claim], Field(max_length=MOST_TABLES)] = []


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a study file."""
    schema = StudyFile.model_json_schema(by_alias=True)
    factors = schema["$defs"]["FactorsSection"]["properties"]
    arguments = factors.pop(ARGUMENTS)["anyOf"][0]
    schema["$defs"]["FactorsSection"]["patternProperties"] = {
        rf"^{re.escape(ARGUMENTS)}\.": arguments["additionalProperties"]
    }
    for dotted, levels in [*factors.items(), (ARGUMENTS, arguments)]:
        section, _, name = dotted.partition(".")
        nested = {"type": "object", "additionalProperties": False, "properties": {}}
        factors.setdefault(section, nested)["properties"][name] = levels  # the same path without quotes
    return {"$schema": "http://json-schema.org/draft-07/schema#", **schema, "title": "ablate study"}


def known_keys() -> dict[tuple[str, ...], list[str]]:
    """The keys of every table of the file, for "did you mean"."""
    known: dict[tuple[str, ...], list[str]] = {(): list(StudyFile.model_fields), ("claim",): list(Claim.model_fields)}
    for section, info in StudyFile.model_fields.items():
        model: Any = info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            known[(section,)] = [field.alias or name for name, field in model.model_fields.items()]
    return known
