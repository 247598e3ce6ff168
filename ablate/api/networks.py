"""Trained networks of finished runs: found by their key or by treatment and seed, scored again, written to a file."""

import contextlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ablate.api.plans import Plan, check_trust, is_among_results, load
from ablate.api.results import Results
from ablate.data.splits import LARGEST_TRAIN_SAMPLE
from ablate.errors import AblateError, EmptyResultsError, Problem, StoreError, StudyError
from ablate.execution import networks
from ablate.execution.assignment import Network
from ablate.execution.engines.local import Lanes
from ablate.results import models, weights
from ablate.results.identity import Identity, PlannedRun
from ablate.results.record import Record, measured_by
from ablate.results.store import Store
from ablate.settings.document import value_text
from ablate.settings.metrics import SCORES
from ablate.settings.references import is_reference
from ablate.settings.run import NETWORKS, RunSettings
from ablate.studies import design
from ablate.studies.spec import Study
from ablate.usercode.code import ELSEWHERE

MOST_LISTED = 5
SUFFIXES = (".keras", ".h5")
_LOSS_TOLERANCE = 1e-4  # relative; what another order of summation can change
_ROUNDED_NUMBER = 1e-5  # of the spread of a target; what float32 rounds of a prediction, and some room
FEWEST_ROWS = 1_000_000  # where a record does not tell: no score is forgiven
_ROUNDING = 1e-6  # of an accuracy, which float32 holds
_EXAMPLES = 1.5  # of a part that rounding may put on the other side of a tie
_PARTS = {"training": "train", "validation": "val", "test": "test"}  # by name, the beginning of the columns


@dataclass(frozen=True)
class Part:
    """The scores of a kept network on one part of its run's data, beside what its record says.

    Attributes:
        name: `training` (the sample that is scored after every epoch), `validation` or `test`.
        metric: `accuracy`, or `rmse` of predicted numbers.
        score, loss: of the network as it is now; the loss without penalties, as in records.
        recorded_score, recorded_loss: what its record says.
        agrees: whether both are the same, up to rounding.
        scores, recorded_scores: the same of the metrics that the study names, by name.
    """

    name: str
    metric: str
    score: float
    loss: float
    recorded_score: float
    recorded_loss: float
    agrees: bool
    scores: Mapping[str, float] = field(default_factory=dict)
    recorded_scores: Mapping[str, float] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The same for JSON, with scores by the name of their metric."""
        return {
            "name": self.name,
            self.metric: self.score,
            "loss": self.loss,
            f"recorded_{self.metric}": self.recorded_score,
            "recorded_loss": self.recorded_loss,
            "agrees": self.agrees,
            "scores": dict(self.scores),
            "recorded_scores": dict(self.recorded_scores),
        }


@dataclass(frozen=True)
class Scored:
    """A kept network, scored again.

    Attributes:
        run: its key.
        treatment: its name.
        seed: the replicate's.
        metric: `accuracy`, or `rmse` of predicted numbers.
        test_score, test_loss: of the network as it is now, on the test set; the loss without penalties, as in records.
        loss_with_penalties: what Keras' `evaluate` reports as the loss.
        recorded_score, recorded_loss: what its record says of the test set.
        agrees: whether every part's figures are the same, up to rounding.
        parts: the same for every part of the data.
    """

    run: str
    treatment: str
    seed: int
    metric: str
    test_score: float
    test_loss: float
    loss_with_penalties: float
    recorded_score: float
    recorded_loss: float
    agrees: bool
    parts: tuple[Part, ...]

    def document(self) -> dict[str, Any]:
        """The same for JSON, with scores by the name of their metric."""
        return {
            "run": self.run,
            "treatment": self.treatment,
            "seed": self.seed,
            f"test_{self.metric}": self.test_score,
            "test_loss": self.test_loss,
            "loss_with_penalties": self.loss_with_penalties,
            f"recorded_{self.metric}": self.recorded_score,
            "recorded_loss": self.recorded_loss,
            "agrees": self.agrees,
            "parts": [part.document() for part in self.parts],
        }


def find_runs(
    results: Results, keys: Sequence[str] = (), only: Sequence[str] = (), seeds: Iterable[int] = ()
) -> list[PlannedRun]:
    """Finished runs whose networks were kept.

    Args:
        results: of a study.
        keys: keys of runs, or how they begin; every run by default.
        only: `factor=level` texts that narrow the runs down.
        seeds: likewise.

    Returns:
        One planned run per network, in the order of the plan.

    Raises:
        StudyError: a beginning fits no run or several, or `only` or a seed names something unknown.
        EmptyResultsError: one of `keys` is not finished or its network was not kept; or none of them all was.
    """
    runs = results.snapshot.planned
    chosen = {run.key: run for run in runs}
    if keys:
        chosen = {run.key: run for run in (_by_key(chosen.values(), key) for key in keys)}
    if only:
        treatments = {run.treatment.name: run.treatment for run in runs}
        names = {treatment.name for treatment in design.select(list(treatments.values()), results.study, only)}
        chosen = {key: run for key, run in chosen.items() if run.treatment.name in names}
    if wanted := set(seeds):
        _check_seeds(wanted, results.study.seeds)
        chosen = {key: run for key, run in chosen.items() if run.seed in wanted}
    missing = {key: why for key, run in chosen.items() if (why := _why_not(results, run))}
    if not chosen:
        raise EmptyResultsError("no run matches all of these filters")
    if missing and (keys or len(missing) == len(chosen)):
        raise EmptyResultsError(next(iter(missing.values())))
    return [run for key, run in chosen.items() if key not in missing]


def check_models(plan: Plan, jobs: int, *, trust_model: bool = False) -> None:
    """Make every model of the user's that a plan would train, once for each of its programs; train nothing.

    Args:
        plan: the runs.
        jobs: worker processes.
        trust_model: whether models that come in files may be loaded.

    Raises:
        StudyError: some cannot be trained on the data, or a model comes in a file that is not trusted; all of them are
            named.
    """
    runs = [group[0] for group in plan.programs if not group[0].treatment.settings.model.hidden]
    if runs:
        _described(plan, runs, jobs, trust_model=trust_model)


def describe_models(plan: Plan, jobs: int, *, trust_model: bool = False) -> dict[tuple[str, ...], Network]:
    """What the networks of a plan's treatments are made of; trains nothing.

    Arguments and errors as those of `check_models`.

    Returns:
        Every different network, by the names of the treatments that have it, in the order of the plan.
    """
    first = {run.treatment.name: run for run in reversed(plan.selected)}
    runs = [first[name] for name in dict.fromkeys(run.treatment.name for run in plan.selected)]
    found: list[tuple[Network, list[str]]] = []
    for run, network in zip(runs, _described(plan, runs, jobs, trust_model=trust_model), strict=True):
        same = next((names for known, names in found if known == network), None)
        if same is None:
            found.append((network, [run.treatment.name]))
        else:
            same.append(run.treatment.name)
    return {tuple(names): network for network, names in found}


def _described(plan: Plan, runs: Sequence[PlannedRun], jobs: int, *, trust_model: bool) -> list[Network]:
    check_trust(plan.study, runs, trusted=trust_model)
    with Lanes(min(jobs, len(runs)), len(runs)) as lanes:
        folder = plan.study.source.resolve().parent
        found = networks.describe_models(runs, lanes, plan.identity, plan.store, folder)
    unfit: dict[tuple[str, str, str], list[str]] = {}
    for run, each in zip(runs, found, strict=True):
        model = run.treatment.settings.model
        key, value = next((f"model.{name}", value_text(given)) for name in NETWORKS if (given := getattr(model, name)))
        if each.error:
            unfit.setdefault((key, value, each.error), []).append(run.treatment.name)
    if unfit:
        raise plan.study.error(
            Problem(key, f"{named(names)}: {reason}", value) for (key, value, reason), names in unfit.items()
        )
    return found


def named(treatments: Sequence[str]) -> str:
    """Some treatments in a few words: both of two, else the first of them and how many more there are."""
    first, *others = treatments
    return " and ".join(treatments) if len(treatments) < 3 else f"{first} and {len(others)} more treatments"


@dataclass(frozen=True)
class Unusable:
    """A kept network that cannot be scored.

    Attributes:
        run: its key.
        treatment: its name.
        seed: the replicate's.
        reason: in words.
    """

    run: str
    treatment: str
    seed: int
    reason: str


def evaluate_networks(results: Results, runs: Sequence[PlannedRun], *, trust_model: bool = False) -> list[Scored]:
    """Score kept networks on every part of their data, in a process of its own, and compare with their records.

    Args:
        results: of their study.
        runs: whose networks are scored.
        trust_model: whether models that come in files may be loaded.

    Raises:
        StudyError: a model comes in a file that is not trusted.
        StoreError: a network or the data is not what its record was made with.
    """
    scored, unusable = evaluate_all(results, runs, trust_model=trust_model)
    if unusable:
        raise StoreError("; ".join(each.reason for each in unusable))
    return scored


def evaluate_all(
    results: Results, runs: Sequence[PlannedRun], *, trust_model: bool = False
) -> tuple[list[Scored], list[Unusable]]:
    """The same, with those networks beside them that cannot be scored.

    Raises:
        StudyError: a model comes in a file that is not trusted.
    """
    check_trust(results.study, runs, trusted=trust_model)
    with Lanes(1, len(runs)) as lanes:
        found = networks.evaluate_models(runs, lanes, *place(results, runs))
    scored, unusable = [], []
    for run, score in zip(runs, found, strict=True):
        if isinstance(score, AblateError):
            unusable.append(Unusable(run.key, run.treatment.name, run.seed, str(score)))
        else:
            scored.append(_scored(run, results.snapshot.records[run.key], score))
    return scored, unusable


def save_networks(results: Results, targets: Mapping[Path, PlannedRun], *, trust_model: bool = False) -> None:
    """Write kept networks to files, by a process of its own: plain Keras, that loads without this package.

    Args:
        results: of their study.
        targets: the run of every file; its suffix, `.keras` or `.h5`, says in which format it is written.
        trust_model: whether models that come in files may be loaded.

    Raises:
        StudyError: a model comes in a file that is not trusted.
        StoreError: a network or the data is not what its record was made with, or a file cannot be written.
    """
    check_trust(results.study, targets.values(), trusted=trust_model)
    with Lanes(1, len(targets)) as lanes:
        networks.export_models(targets, lanes, *place(results, targets.values()))


def _by_key(runs: Iterable[PlannedRun], beginning: str) -> PlannedRun:
    found = [run for run in runs if run.key.startswith(beginning.lower())]
    if len(found) == 1:
        return found[0]
    if not found:
        message = "is the beginning of no run's key in this study; the column 'run' of 'ablate export' lists them"
    else:
        listed = ", ".join(f"{run.key[:12]} ({_what(run)})" for run in found[:MOST_LISTED])
        more = f" and {len(found) - MOST_LISTED} more" if len(found) > MOST_LISTED else ""
        message = f"is the beginning of {len(found)} keys: {listed}{more}; give more of it"
    raise StudyError("RUN", [Problem("", f"{beginning!r} {message}")])


def _check_seeds(wanted: set[int], known: Sequence[int]) -> None:
    if unknown := sorted(wanted - set(known)):
        message = f"no runs with seed {unknown[0]}; this study's seeds are {', '.join(map(str, known))}"
        raise StudyError("--seed", [Problem("", message)])


def _why_not(results: Results, run: PlannedRun) -> str:
    """Why there is no network of a run; empty if there is one."""
    if run.key not in results.snapshot.records:
        return f"run {run.key[:12]} ({_what(run)}) is not finished; 'ablate run' trains it"
    if any(results.store.has(models.model_path(results.store, run.key, kind)) for kind in ("keras", "npz")):
        return ""
    if weights.are_too_large(results.snapshot.records[run.key]):
        return (
            f"the network of run {run.key[:12]} ({_what(run)}) was not kept: it has more than {weights.LIMIT:,} bytes"
        )
    return (
        f"the network of run {run.key[:12]} ({_what(run)}) was not kept: save_models = '{results.study.save_models}'; "
        "with save_models = 'all' in a new folder of results (-o), 'ablate run' keeps every network"
    )


def _what(run: PlannedRun) -> str:
    return f"{run.treatment.name}, seed {run.seed}"


def place(results: Results, runs: Iterable[PlannedRun]) -> tuple[Identity, Store, Path]:
    """What workers need to find some runs of a study: its identity, its records, and where its relative paths start."""
    return results.snapshot.identity, results.store, _home(results.study, runs)


def _home(study: Study, runs: Iterable[PlannedRun]) -> Path:
    """The folder that data and code of some runs are found from.

    The study that `run` left among its results may be anybody's: what it names is imported or loaded only if a study
    file of the user's own names it, too, and from that file's folder.

    Raises:
        StudyError: it names code or a model file, and the study file at hand does not.
    """
    if not is_among_results(study):
        return study.source.resolve().parent
    foreign = {name for run in runs for name in _loaded(run.treatment.settings)}
    with contextlib.suppress(StudyError):
        own = load()
        if own.name == study.name and not is_among_results(own):
            treatments = design.treatments(own, design.MOST_RUNS_SHOWN) if foreign else []
            foreign -= {name for each in treatments for name in _loaded(each.settings)}
            if not foreign:
                return own.source.resolve().parent
    if foreign:
        message = f"is named by a folder of results alone, and nothing is imported or loaded from there; {ELSEWHERE}"
        raise study.error([Problem("", f"{min(foreign)} {message}")])
    return study.source.resolve().parent.parent.parent  # reports/<study>/study.toml, beside the study file


def _loaded(settings: RunSettings) -> set[str]:
    """What is imported, called or loaded for a run: functions, and a model file."""
    named = {*settings.code, settings.model.file or ""} - {""}
    return named | ({settings.data.source} if is_reference(settings.data.source) else set())


def _scored(run: PlannedRun, record: Record, score: Mapping[str, float]) -> Scored:
    parts = tuple(_part(name, column, record, score) for name, column in _PARTS.items())
    test = parts[-1]
    return Scored(
        run.key,
        run.treatment.name,
        run.seed,
        test.metric,
        test.score,
        test.loss,
        score["loss_with_penalties"],
        test.recorded_score,
        test.recorded_loss,
        agrees=all(part.agrees for part in parts),
        parts=parts,
    )


def _part(name: str, column: str, record: Record, score: Mapping[str, float]) -> Part:
    if measured_by(record.settings).task == "regression":
        return _part_of_numbers(name, column, record, score)
    accuracy, loss = score[f"{column}_accuracy"], score[f"{column}_loss"]
    recorded = record.result[f"{column}_accuracy"], record.result[f"{column}_loss"]
    rows = _rows(record, "train" if name == "training" else name)
    one = _EXAMPLES / min(rows, LARGEST_TRAIN_SAMPLE) if name == "training" else _EXAMPLES / rows
    same_loss = math.isclose(loss, recorded[1], rel_tol=_LOSS_TOLERANCE, abs_tol=_LOSS_TOLERANCE)
    agrees = abs(accuracy - recorded[0]) <= one and (same_loss or not math.isfinite(recorded[1]))
    names = measured_by(record.settings).extra
    now, then = ({each: float(found[f"{column}_{each}"]) for each in names} for found in (score, record.result))
    is_flipped = not math.isclose(accuracy, recorded[0], abs_tol=_ROUNDING)
    others = all(_is_alike(each, now[each], then[each], is_flipped=is_flipped) for each in names)
    agrees = agrees and others
    return Part(name, "accuracy", accuracy, loss, *recorded, agrees=agrees, scores=now, recorded_scores=then)


def _is_alike(name: str, now: float, then: float, *, is_flipped: bool) -> bool:
    """Whether a score is the recorded one, up to rounding.

    Args:
        name: of the score.
        now: its value.
        then: the recorded one; a run that diverged has none.
        is_flipped: whether an answer on the border between two classes is another one: what counts answers moves with
            it, and is not compared.
    """
    if is_flipped and (name not in SCORES or SCORES[name].source == "labels"):
        return True
    return math.isclose(now, then, rel_tol=_LOSS_TOLERANCE, abs_tol=_LOSS_TOLERANCE) or not math.isfinite(then)


def _part_of_numbers(name: str, column: str, record: Record, score: Mapping[str, float]) -> Part:
    """The same of a regression; what float32 rounds is measured by the spread of the target in the part."""
    rmse, loss = score[f"{column}_rmse"], score[f"{column}_loss"]
    recorded, recorded_loss = record.result[f"{column}_rmse"], record.result[f"{column}_loss"]
    spread = recorded / math.sqrt(max(1 - record.result[f"{column}_r2"], _ROUNDED_NUMBER))
    unit = spread if record.settings["training"].get("loss") == "mae" else spread**2
    agrees = math.isclose(rmse, recorded, rel_tol=_LOSS_TOLERANCE, abs_tol=_ROUNDED_NUMBER * spread)
    same_loss = math.isclose(loss, recorded_loss, rel_tol=_LOSS_TOLERANCE, abs_tol=_ROUNDED_NUMBER * unit)
    agrees = (agrees and same_loss) or not math.isfinite(recorded_loss)
    return Part(name, "rmse", rmse, loss, recorded, recorded_loss, agrees=agrees)


def _rows(record: Record, part: str) -> int:
    """Of a part of its data, as far as the record tells."""
    rows = record.environment.get("rows")
    count = rows.get(part) if isinstance(rows, Mapping) else None
    return count if type(count) is int and count > 0 else FEWEST_ROWS
