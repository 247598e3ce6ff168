"""The study file: a parsed TOML document in, a `Study` out, or every problem of the file at once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError, create_model, model_validator
from pydantic.functional_validators import BeforeValidator
from pydantic_core import PydanticCustomError

from ablate.errors import Problem, StudyError
from ablate.study import document, problems
from ablate.study.levels import STRICT, label, plain
from ablate.study.remedies import FAMILIES, REMEDIES, Family
from ablate.study.settings import Data, Model, RunSettings, Training

Design = Literal["one-at-a-time", "grid"]
SaveModels = Literal["best", "all", "none"]
SECTIONS: dict[str, type[BaseModel]] = {"data": Data, "model": Model, "training": Training}


class StudySection(BaseModel):
    """What the study is called and how many runs answer its question.

    Attributes:
        name: folder of the results under `reports/`.
        design: which treatments are trained.
        replicates: independent repeats of every treatment, with seeds 1 to N.
        seeds: the seeds themselves, instead of `replicates`.
        primary: column of the runs table that effects are computed for.
        save_models: which networks are kept as `.keras` files: those of the baseline and of the best treatment, all
            of them, or none.
    """

    model_config = STRICT

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]
    design: Design = "one-at-a-time"
    replicates: Annotated[int, Field(ge=1, le=100_000)] = 10
    seeds: Annotated[list[Annotated[int, Field(ge=0, lt=2**32)]], Field(min_length=1)] | None = None
    primary: Literal["test_accuracy", "test_loss", "val_accuracy", "val_loss", "gap"] = "test_accuracy"
    save_models: SaveModels = "best"

    @model_validator(mode="after")
    def _is_clear(self) -> "StudySection":
        if self.name == "samples":
            raise PydanticCustomError("name", "the name 'samples' is taken: reports/samples holds finished pages")
        if self.seeds is not None and len(set(self.seeds)) < len(self.seeds):
            raise PydanticCustomError("seeds", "seeds should all differ")
        if self.seeds is not None and "replicates" in self.model_fields_set:
            raise PydanticCustomError("seeds", "takes replicates or seeds, not both")
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


def _family_section(family: Family) -> Any:
    fields: dict[str, Any] = {
        remedy.name: (Annotated[_one_or_more(remedy.level), Field(description=remedy.explanation)], [remedy.default])
        for remedy in REMEDIES.values()
        if remedy.family == family
    }
    doc = f"Remedies for {family}: one level each, or a list of levels of which the first is the baseline."
    return create_model(f"{family.title()}Section", __base__=_Section, __doc__=doc, **fields)


class _Section(BaseModel):
    model_config = STRICT


class _FactorsBase(_Section):
    """Lists of levels for any other field of the file, by its dotted path; the first level is the baseline."""

    @model_validator(mode="before")
    @classmethod
    def _flatten(cls, value: Any) -> Any:
        """`model.activation` without quotes is a nested table in TOML and means the same."""
        if not isinstance(value, dict):
            return value
        flat: dict[str, Any] = {}
        for key, entry in value.items():
            nested = isinstance(entry, dict) and key in SECTIONS
            flat.update({f"{key}.{name}": levels for name, levels in entry.items()} if nested else {key: entry})
        return flat


def _factors_section() -> Any:
    fields: dict[str, Any] = {}
    for section, model in SECTIONS.items():
        for name, info in model.model_fields.items():
            kind: Any = info.annotation
            for constraint in info.metadata:
                kind = Annotated[kind, constraint]
            levels: Any = Annotated[list[kind], Field(min_length=1)]
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


@dataclass(frozen=True)
class Factor:
    """Something that a study varies.

    Attributes:
        name: what tables and `--only` call it: a remedy's name, else the dotted path.
        path: section and key of its level in the settings of a run.
        family: the remedy family; `None` for factors of `[factors]`.
        levels: plain values, the first being the baseline.
    """

    name: str
    path: tuple[str, str]
    family: Family | None
    levels: tuple[Any, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The levels as tables show them."""
        return tuple(label(level) for level in self.levels)


@dataclass(frozen=True)
class Study:
    """A study as read: validated, with defaults filled in and overrides applied.

    Attributes:
        name: folder of its results.
        design: how treatments are made of levels.
        seeds: one per replicate.
        primary: column of the runs table that effects are computed for.
        save_models: `best`, `all` or `none`.
        base: settings shared by all treatments, with the first level of each factor.
        factors: what is varied: remedies in the catalogue's order, then those of `[factors]`.
        source: the file it was read from; relative paths in it start at its folder.
    """

    name: str
    design: Design
    seeds: tuple[int, ...]
    primary: str
    save_models: SaveModels
    base: RunSettings
    factors: tuple[Factor, ...]
    source: Path

    def settings(self, levels: Mapping[str, Any]) -> RunSettings:
        """The settings of a treatment.

        Args:
            levels: a level for some or all factors, by name; the others stay at their baseline.

        Raises:
            StudyError: these levels do not go together.
        """
        return _settings(self.base, self.factors, levels, self.source)

    def document(self) -> dict[str, Any]:
        """The resolved study as a TOML document; reading it gives an equal study."""
        base = self.base.model_dump(exclude_none=True)
        remedies = {name: [plain(getattr(self.base.remedies, name))] for name in REMEDIES}
        remedies |= {factor.name: list(factor.levels) for factor in self.factors if factor.family}
        others = {factor.name: list(factor.levels) for factor in self.factors if not factor.family}
        families: dict[str, dict[str, Any]] = {family: {} for family in FAMILIES}
        for name, remedy in REMEDIES.items():
            families[remedy.family][name] = remedies[name]
        counted = self.seeds == tuple(range(1, len(self.seeds) + 1))
        replicates = {"replicates": len(self.seeds)} if counted else {"seeds": list(self.seeds)}
        head = {"name": self.name, "design": self.design, **replicates}
        head |= {"primary": self.primary, "save_models": self.save_models}
        sections = {section: base[section] for section in SECTIONS}
        return {"study": head, **sections, **families, **({"factors": others} if others else {})}


def load(path: Path, overrides: Iterable[str] = ()) -> Study:
    """Read a study file.

    Args:
        path: the TOML file.
        overrides: `dotted.key=value`, as `--set` takes them.

    Raises:
        StudyError: the file or an override cannot be used; holds every problem found.
    """
    overrides = list(overrides)
    raw = document.read(path)
    if any(document.parse_override(text)[0] == ("study", "replicates") for text in overrides):
        raw = {**raw, "study": {key: value for key, value in raw.get("study", {}).items() if key != "seeds"}}
    return build(document.override(raw, overrides), path)


def build(raw: dict[str, Any], source: Path) -> Study:
    """A study from a parsed document.

    Raises:
        StudyError: the document is not a valid study; holds every problem found.
    """
    try:
        file = StudyFile.model_validate(raw)
    except ValidationError as error:
        raise StudyError(source, problems.from_error(error, raw, _known_keys())) from None
    levels = {name: getattr(getattr(file, remedy.family), name) for name, remedy in REMEDIES.items()}
    factors = [
        Factor(name, ("remedies", name), REMEDIES[name].family, tuple(plain(level) for level in values))
        for name, values in levels.items()
    ]
    for field, info in FactorsSection.model_fields.items():
        values = getattr(file.factors, field)
        section, key = str(info.alias).split(".")
        if values is not None:
            factors.append(Factor(str(info.alias), (section, key), None, tuple(values)))
    factors = [replace(factor, levels=_distinct(factor.levels)) for factor in factors]
    if misplaced := _without_a_place(file, factors):
        raise StudyError(source, misplaced)
    base = RunSettings.model_construct(
        **{section: getattr(file, section) for section in SECTIONS},
        remedies={name: values[0] for name, values in levels.items()},
    )
    settled = _settings(base, factors, {factor.name: factor.levels[0] for factor in factors}, source)
    varied = tuple(factor for factor in factors if len(factor.levels) > 1)
    found: list[Problem] = []
    for factor in varied:
        for level in factor.levels[1:]:
            try:
                _settings(settled, varied, {factor.name: level}, source)
            except StudyError as error:
                found += error.problems
    if found:
        raise StudyError(source, found)
    head = file.study
    seeds = tuple(head.seeds or range(1, head.replicates + 1))
    return Study(head.name, head.design, seeds, head.primary, head.save_models, settled, varied, source)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a study file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **StudyFile.model_json_schema(by_alias=True),
        "title": "ablate study",
    }


def _distinct(levels: tuple[Any, ...]) -> tuple[Any, ...]:
    """The levels that are not repetitions of an earlier one."""
    return tuple(level for number, level in enumerate(levels) if level not in levels[:number])


def _without_a_place(file: StudyFile, factors: Iterable[Factor]) -> list[Problem]:
    """Remedies that are pieces of a layer, wanted by some level, while no block of the study holds the piece."""
    given = {factor.name: factor.levels for factor in factors}
    blocks = [*given.get("model.block", [file.model.block]), *given.get("model.input_block", [file.model.input_block])]
    found = []
    for piece in ("batch_norm", "dropout"):
        wanted = [level for level in given[piece] if level != REMEDIES[piece].default]
        if wanted and not any(piece in block for block in blocks):
            message = f"has no place: neither model.block nor model.input_block holds '{piece}'"
            found.append(Problem(f"{REMEDIES[piece].family}.{piece}", message, label(wanted[0])))
    return found


def _settings(base: RunSettings, factors: Iterable[Factor], levels: Mapping[str, Any], source: Path) -> RunSettings:
    raw: dict[str, Any] = {section: getattr(base, section).model_dump(exclude_none=True) for section in SECTIONS}
    remedies = base.remedies if isinstance(base.remedies, dict) else dict(base.remedies)
    raw["remedies"] = {name: plain(level) for name, level in remedies.items()}
    for factor in factors:
        if factor.name in levels:
            section, key = factor.path
            raw[section][key] = levels[factor.name]
    try:
        return RunSettings.model_validate(raw)
    except ValidationError as error:
        where = ", ".join(f"{name} = {label(level)}" for name, level in levels.items())
        found = [
            Problem(problem.key, f"{problem.message} (with {where})", problem.value)
            for problem in problems.from_error(error, raw, _known_keys())
        ]
        raise StudyError(source, found) from None


def _known_keys() -> dict[tuple[str, ...], list[str]]:
    """The keys of every table of the file, for "did you mean"."""
    known: dict[tuple[str, ...], list[str]] = {(): list(StudyFile.model_fields)}
    for section, info in StudyFile.model_fields.items():
        model: Any = info.annotation
        known[(section,)] = [field.alias or name for name, field in model.model_fields.items()]
    return known
