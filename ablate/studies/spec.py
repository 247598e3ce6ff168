"""The study: a parsed TOML document in, a `Study` out, or every problem of the file at once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ablate.errors import MOST_PROBLEMS, Problem, StudyError, suggest
from ablate.settings import document, metrics, problems
from ablate.settings.arguments import ARGUMENTS
from ablate.settings.levels import label, plain
from ablate.settings.metrics import Measured
from ablate.settings.remedies import FAMILIES, REMEDIES
from ablate.settings.run import RunSettings, Scores
from ablate.settings.thresholds import Thresholds
from ablate.studies import checks, lines, selection
from ablate.studies.factors import Factor, link, without_repetitions
from ablate.studies.file import (
    SECTIONS,
    Claim,
    Design,
    FactorsSection,
    SaveModels,
    StudyFile,
    StudySection,
    known_keys,
)
from ablate.studies.selection import Choice, Selection, SelectionError
from ablate.tables.targets import Task

Table = Mapping[str, Any]


@dataclass(frozen=True)
class Study:
    """A study as read: validated, with defaults filled in and overrides applied.

    Attributes:
        name: folder of its results.
        design: how treatments are made of levels.
        seeds: one per replicate.
        primary: the metric that effects and verdicts are about.
        secondary: further metrics whose effects are shown, without the primary one.
        thresholds: where diagnoses begin.
        save_models: `best`, `all` or `none`.
        base: settings shared by all treatments, with the first level of each factor.
        factors: what is varied: remedies in the catalogue's order, then those of `[factors]`; linked ones as one.
        excludes: tables of levels; treatments that have all of one are left out.
        includes: tables of levels; treatments to add.
        full: levels that `leave-one-out` starts from, where they are not the second ones.
        claims: what the study expects of its runs.
        source: the file it was read from; relative paths in it start at its folder.
        lines: where each key stands in that file.
        notes: what a reader of the file should know that is no mistake.
        raw: the document that it was built from.
    """

    name: str
    design: Design
    seeds: tuple[int, ...]
    primary: str
    secondary: tuple[str, ...]
    thresholds: Thresholds
    save_models: SaveModels
    base: RunSettings
    factors: tuple[Factor, ...]
    excludes: tuple[Table, ...]
    includes: tuple[Table, ...]
    full: Table
    claims: tuple[Claim, ...]
    source: Path
    lines: Mapping[str, int] = field(default_factory=dict, compare=False, repr=False)
    notes: tuple[str, ...] = field(default=(), compare=False)
    raw: Table = field(default_factory=dict, compare=False, repr=False)

    @property
    def fixed(self) -> dict[str, Any]:
        """The value of everything that could be a factor, by the name that it would have as one."""
        values = {name: plain(getattr(self.base.remedies, name)) for name in REMEDIES}
        for section in SECTIONS:
            fields = getattr(self.base, section)
            values |= {f"{section}.{name}": getattr(fields, name) for name in type(fields).model_fields}
        return values | {f"{ARGUMENTS}.{name}": value for name, value in self.base.model.arguments.items()}

    @property
    def measured(self) -> Measured:
        """What is measured of its runs."""
        return self.base.measured

    @property
    def columns(self) -> list[str]:
        """The factors as columns of tables; a linked group follows its members."""
        return [name for factor in self.factors for name in factor.columns]

    def error(self, found: Iterable[Problem]) -> StudyError:
        """What is wrong with this study, with the lines of its file."""
        return StudyError(self.source, lines.with_lines(found, self.lines))

    def select(self, table: Table, key: str) -> Selection:
        """The treatments that a table of levels matches.

        Raises:
            StudyError: it names a factor or level that is not there.
        """
        try:
            return selection.select(self.factors, self.fixed, table, key)
        except SelectionError as error:
            raise self.error(error.problems) from None

    def choose(self, table: Table, key: str) -> Choice:
        """The one treatment that a table of levels names.

        Raises:
            StudyError: it names a factor or level that is not there, or fits several.
        """
        try:
            return selection.choose(self.factors, self.fixed, table, key)
        except SelectionError as error:
            raise self.error(error.problems) from None

    def settings(self, levels: Mapping[str, Any]) -> RunSettings:
        """The settings of a treatment.

        Args:
            levels: a level for some or all factors, by name, linked ones by that of their group; the others stay at
                their baseline.

        Raises:
            StudyError: these levels do not go together.
        """
        return _settings(self.base, self.factors, levels, self.source)

    def document(self) -> dict[str, Any]:
        """The resolved study as a TOML document; reading it gives an equal study."""
        base = self.base.model_dump(exclude_none=True)
        parts = [part for factor in self.factors for part in factor.parts]
        remedies = {name: [plain(getattr(self.base.remedies, name))] for name in REMEDIES}
        remedies |= {part.name: list(part.levels) for part in parts if part.family}
        others = {part.name: list(part.levels) for part in parts if not part.family}
        families: dict[str, dict[str, Any]] = {family: {} for family in FAMILIES}
        for name, remedy in REMEDIES.items():
            families[remedy.family][name] = remedies[name]
        counted = self.seeds == tuple(range(1, len(self.seeds) + 1))
        replicates = {"replicates": len(self.seeds)} if counted else {"seeds": list(self.seeds)}
        head = {"name": self.name, "design": self.design, **replicates}
        head |= {"metrics": self.base.scores.metrics} if self.base.scores.metrics else {}
        head |= {"primary": self.primary, "secondary": list(self.secondary), "save_models": self.save_models}
        linked = [[part.name for part in factor.members] for factor in self.factors if factor.members]
        head |= {name: value for name, value in (("linked", linked), ("full", dict(self.full))) if value}
        claims = [claim.model_dump(exclude_unset=True) for claim in self.claims]
        tables = {"exclude": list(self.excludes), "include": list(self.includes), "claim": claims}
        return {
            "study": head,
            **{section: base[section] for section in SECTIONS},
            **families,
            **({"factors": others} if others else {}),
            "diagnosis": self.thresholds.model_dump(),
            **{name: entries for name, entries in tables.items() if entries},
        }


def load(path: Path, overrides: Iterable[str] = ()) -> Study:
    """Read a study file that the user named.

    Args:
        path: the TOML file.
        overrides: `dotted.key=value`, as `--set` takes them.

    Raises:
        StudyError: the file or an override cannot be used; holds every problem found.
    """
    return read(document.text_of(path), path, overrides)


def read(text: str, source: Path, overrides: Iterable[str] = ()) -> Study:
    """The study that a TOML text describes.

    Args:
        text: of a study file.
        source: the file that it stands for.
        overrides: `dotted.key=value`, as `--set` takes them.

    Raises:
        StudyError: the text or an override cannot be used; holds every problem found.
    """
    overrides = list(overrides)
    raw = document.parse(text, source)
    replaced = [document.parse_override(text)[0] for text in overrides]
    for new, old in (("replicates", "seeds"), ("seeds", "replicates")):
        if ("study", new) in replaced and ("study", old) not in replaced and isinstance(raw.get("study"), dict):
            raw = {**raw, "study": {key: value for key, value in raw["study"].items() if key != old}}
    known = lines.locate(text)
    for keys in replaced:
        known = {key: line for key, line in known.items() if not key.startswith(problems.key_path(keys))}
    return build(document.override(raw, overrides), source, known)


def build(raw: dict[str, Any], source: Path, known_lines: Mapping[str, int] | None = None) -> Study:
    """A study from a parsed document.

    Args:
        raw: the document.
        source: the file that it stands for.
        known_lines: where its keys stand there.

    Raises:
        StudyError: the document is not a valid study; holds every problem found.
    """
    known_lines = known_lines or {}
    try:
        return _build(raw, source, known_lines)
    except StudyError as error:
        raise StudyError(source, lines.with_lines(error.problems, known_lines)) from None


def for_task(study: Study, task: Task) -> Study:
    """A study whose data turned out to be of a task: with that task's defaults where the file leaves something open.

    Args:
        study: its file says nothing of the task.
        task: that its data was found to be of.

    Raises:
        StudyError: the file asks for what networks of this task do not have.
    """
    raw = {**study.raw, "data": {**study.raw["data"], "task": task}}
    found = build(raw, study.source, study.lines)
    if task == "classification":
        return study  # whose settings, and so keys of runs, are as they were before there were other tasks
    return replace(study, base=found.base, primary=found.primary, secondary=found.secondary, raw=raw)


def _entry(raw: dict[str, Any], section: str, key: str) -> Any:
    """What stands at a key of a section, whatever it is."""
    table = raw.get(section)
    return table.get(key) if isinstance(table, dict) else None


def _build(raw: dict[str, Any], source: Path, known_lines: Mapping[str, int]) -> Study:
    try:
        known = metrics.context(_entry(raw, "study", "metrics"), _entry(raw, "data", "task"))
        file = StudyFile.model_validate(raw, context=known)
    except ValidationError as error:
        raise StudyError(source, problems.from_error(error, raw, known_keys())) from None
    written = _factors(file)
    if wrong := checks.too_many(written):
        raise StudyError(source, wrong)
    found = [*checks.without_a_place(file, written), *checks.alike(written), *checks.of_another_task(file, written)]
    linked, unlinked = _linked(written, file.study.linked)
    if found := found + unlinked:
        raise StudyError(source, found)
    factors = [without_repetitions(factor) for factor in linked]
    notes = [
        f"{each.name}: a level that is there twice counts once"
        for each, kept in zip(linked, factors, strict=True)
        if len(kept.levels) < len(each.levels)
    ]
    head, task = file.study, file.data.task or "classification"
    primary, secondary = _metrics(head, task)
    scores = list(dict.fromkeys([*metrics.ALWAYS[task], *head.metrics]))
    base = RunSettings.model_construct(
        scores=Scores(metrics=scores, gap=metrics.gap_of(primary, task)) if scores else Scores(),
        **{section: getattr(file, section) for section in SECTIONS},
        remedies={name: getattr(getattr(file, remedy.family), name)[0] for name, remedy in REMEDIES.items()},
    )
    settled = _settings(base, factors, {factor.name: factor.levels[0] for factor in factors}, source)
    study = Study(
        name=head.name,
        design=head.design,
        seeds=tuple(head.seeds or range(1, head.replicates + 1)),
        primary=primary,
        secondary=tuple(name for name in dict.fromkeys(secondary) if name != primary),
        thresholds=file.diagnosis,
        save_models=head.save_models,
        base=settled,
        factors=tuple(factor for factor in factors if len(factor.levels) > 1),
        excludes=tuple(file.exclude),
        includes=tuple(file.include),
        full=head.full,
        claims=tuple(file.claim),
        source=source,
        lines=known_lines,
        notes=tuple(notes),
        raw=raw,
    )
    if wrong := [*_levels_that_do_not_fit(study), *_wrong_tables(study)]:
        raise StudyError(source, wrong)
    return study


def _metrics(head: StudySection, task: Task) -> tuple[str, Sequence[str]]:
    """The primary and the secondary metrics: those of the file, or the usual ones of the task."""
    asked = head.model_fields_set
    primary = head.primary if "primary" in asked else metrics.PRIMARY[task]
    named = [f"test_{metrics.score_name(entry)}" for entry in head.metrics]
    usual = [name for name in dict.fromkeys([*named, *metrics.SECONDARY[task]]) if name != primary]
    return primary, head.secondary if "secondary" in asked else usual


def _factors(file: StudyFile) -> list[Factor]:
    """Everything that the file could vary, settings as factors with a single level."""
    found = []
    for name, remedy in REMEDIES.items():
        levels = getattr(getattr(file, remedy.family), name)
        found.append(Factor(name, ("remedies", name), remedy.family, tuple(plain(level) for level in levels)))
    for entry, info in FactorsSection.model_fields.items():
        values = getattr(file.factors, entry)
        if info.alias == ARGUMENTS:
            varied = (values or {}).items()
            found += [
                Factor(f"{ARGUMENTS}.{name}", ("model", "arguments", name), None, tuple(each)) for name, each in varied
            ]
        elif values is not None:
            found.append(Factor(str(info.alias), tuple(str(info.alias).split(".")), None, tuple(values)))
    return found


def _linked(factors: Sequence[Factor], groups: Sequence[Sequence[str]]) -> tuple[list[Factor], list[Problem]]:
    """The factors with linked ones made one, each where its first member stands, and what is wrong with the links."""
    by_name = {factor.name: factor for factor in factors}
    in_group = {name: tuple(group) for group in groups for name in group}
    found = []
    for number, group in enumerate(groups):
        key, text = f"study.linked[{number}]", document.value_text(list(group))
        unknown = [name for name in group if name not in by_name]
        sizes = {name: len(by_name[name].levels) for name in group if name in by_name}
        if unknown:
            hint = suggest(unknown[0], by_name)
            found.append(Problem(key, f"'{unknown[0]}' is not varied in this file{hint}", text))
        elif len(set(sizes.values())) > 1:
            counts = ", ".join(f"{name} has {size}" for name, size in sizes.items())
            found.append(Problem(key, f"linked factors need as many levels each: {counts}", text))
        if len(set(group)) < len(group) or any(in_group[name] != tuple(group) for name in group):
            found.append(Problem(key, "a factor can be linked once", text))
    if found:
        return list(factors), found
    united: list[Factor] = []
    for factor in factors:
        names = in_group.get(factor.name)
        if names is None:
            united.append(factor)
        elif factor.name == next(each.name for each in factors if each.name in names):
            united.append(link([by_name[name] for name in names]))
    return united, []


def _levels_that_do_not_fit(study: Study) -> list[Problem]:
    found: list[Problem] = []
    for factor, level in ((each, level) for each in study.factors for level in each.levels[1:]):
        try:
            study.settings({factor.name: level})
        except StudyError as error:
            found += error.problems
        if len(found) > MOST_PROBLEMS:
            break
    return found


def _wrong_tables(study: Study) -> list[Problem]:
    """What is wrong with the levels that excludes, includes, `full` and claims name."""
    several = [(table, f"exclude[{number}]") for number, table in enumerate(study.excludes)]
    for number, claim in enumerate(study.claims):
        several += [(claim.treatment, f"claim[{number}].treatment"), (claim.against or {}, f"claim[{number}].against")]
    single = [(table, f"include[{number}]") for number, table in enumerate(study.includes)]
    single.append((study.full, "study.full"))
    found: list[Problem] = []
    for look, tables in ((study.select, several), (study.choose, single)):
        for table, key in tables:
            try:
                look(table, key)
            except StudyError as error:
                found += error.problems
    return found


def _label(level: Any) -> str:
    """A level of a factor, or of a linked group, as tables show it."""
    return "+".join(map(label, level)) if isinstance(level, tuple) else label(level)


def _settings(base: RunSettings, factors: Iterable[Factor], levels: Table, source: Path) -> RunSettings:
    raw: dict[str, Any] = {section: getattr(base, section).model_dump(exclude_none=True) for section in SECTIONS}
    remedies = base.remedies if isinstance(base.remedies, dict) else dict(base.remedies)
    raw["remedies"] = {name: plain(level) for name, level in remedies.items()}
    raw["scores"] = base.scores.model_dump()
    for factor in factors:
        if factor.name in levels:
            values = levels[factor.name] if factor.members else (levels[factor.name],)
            for part, value in zip(factor.parts, values, strict=True):
                table = raw
                for step in part.path[:-1]:
                    table = table.setdefault(step, {})
                table[part.path[-1]] = value
    try:
        known = metrics.context(base.scores.metrics, base.data.task)
        return RunSettings.model_validate(raw, context=known)
    except ValidationError as error:
        where = ", ".join(f"{name} = {_label(level)}" for name, level in levels.items())
        found = [
            Problem(problem.key, f"{problem.message} (with {where})", problem.value)
            for problem in problems.from_error(error, raw, known_keys())
        ]
        raise StudyError(source, found) from None
