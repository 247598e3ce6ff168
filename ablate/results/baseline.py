"""The stored baseline: what of a study is kept, in a small JSON file, for later results to be compared with.

It holds what decides whether two results may be compared (settings, data), what a difference may come from (code,
versions), and the metrics of every run. Equal results make equal bytes, so that a repository sees no change.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ablate import reading
from ablate.errors import AblateError, NotComparableError, StoreError
from ablate.results.identity import Identity, canonical_json, data_name, decisive
from ablate.results.snapshot import Snapshot
from ablate.results.table import countable
from ablate.settings.metrics import USUAL, Measured, gap_of, is_metric, is_time, lower_is_better
from ablate.settings.run import RunSettings
from ablate.studies.design import Treatment
from ablate.studies.spec import Study

FORMAT = 1
LARGEST = 16_000_000  # bytes; ten thousand runs make two million
MOST_COLUMNS = 200
METRICS = ("test_accuracy", "val_accuracy", "train_accuracy", "gap", "test_loss", "val_loss", "train_loss")
_VERSIONS = ("tensorflow", "keras", "numpy", "python", "machine")  # of what a record tells of its environment
_KEYS = ("treatment", "seed", "status")
_STATUSES = ("ok", "diverged", "failed")
_REMEDIES = "remedies."
_LISTED = ("treatments", "runs")
_BEGINNING = re.compile(rb'(\xef\xbb\xbf)?\s*\{\s*"ablate_baseline"\s*:')


@dataclass(frozen=True)
class Kept:
    """What decides how the runs of a treatment are trained, but for code and versions.

    Attributes:
        settings: by the name that each would have as a factor, as plain values.
        data: the digest of its data.
    """

    settings: Mapping[str, Any]
    data: str


@dataclass(frozen=True)
class Baseline:
    """Results of a study as they are compared with others.

    Attributes:
        study: its name.
        primary: its primary metric.
        treatments: by their names, in the order of the plan.
        code: the digest of every function of the user's that the study names, and of what its runs go on from.
        versions: of the libraries that trained the runs, and of ablate.
        runs: `treatment`, `seed`, `status` and metrics, one row per finished or failed run.
    """

    study: str
    primary: str
    treatments: Mapping[str, Kept]
    code: Mapping[str, str]
    versions: Mapping[str, str]
    runs: pd.DataFrame

    def to_json(self) -> bytes:
        """The document, with one line per treatment and per run."""
        body = self._body()
        return _layout({**_head(body), **body}).encode()

    def _body(self) -> dict[str, Any]:
        names = list(self.treatments)
        common = self.treatments[names[0]].settings if names else {}
        return {
            "study": self.study,
            "primary": self.primary,
            "versions": dict(self.versions),
            "code": dict(self.code),
            "settings": dict(common),
            "treatments": [
                {"name": name, "data": kept.data, "differs": _differences(common, kept.settings)}
                for name, kept in self.treatments.items()
            ],
            "columns": list(self.runs.columns),
            "runs": [[_plain(cell) for cell in row] for row in self.runs.to_numpy(object)],
        }


def of(snapshot: Snapshot, runs: pd.DataFrame, version: str) -> Baseline:
    """What is kept of a study.

    Args:
        snapshot: what is there of it.
        runs: its runs table, with a column for the primary metric.
        version: of ablate.
    """
    treatments = {run.treatment.name: run.treatment for run in snapshot.planned}
    seen: dict[str, set[str]] = {}
    for record in snapshot.records.values():
        for name in _VERSIONS:
            if name in record.environment:
                seen.setdefault(name, set()).add(str(record.environment[name]))
    versions = {"ablate": version, **{name: ", ".join(sorted(found)) for name, found in seen.items()}}
    return make(snapshot.study, treatments.values(), snapshot.identity, versions, runs)


def make(
    study: Study,
    treatments: Iterable[Treatment],
    identity: Identity,
    versions: Mapping[str, str],
    runs: pd.DataFrame,
) -> Baseline:
    """The same from its parts."""
    kept = {each.name: _keep(each, identity) for each in treatments}
    code = dict(sorted({**identity.code, **identity.files}.items()))
    if identity.origins:
        name = f"the weights of {study.base.training.continue_from}"
        code[name] = hashlib.sha256(canonical_json(sorted(identity.origins.values()))).hexdigest()
    wanted = [] if is_time(study.primary) else [study.primary, f"{study.primary}_censored"]
    wanted += METRICS
    wanted += [f"{side}_{name}" for name in study.measured.extra for side in ("test", "val", "train")]
    wanted += [name for name in study.secondary if name in study.measured.result]
    columns = [name for name in dict.fromkeys(wanted) if name in runs]
    made = Baseline(study.name, study.primary, kept, code, dict(sorted(versions.items())), runs[[*_KEYS, *columns]])
    return with_own_gap(made)


def with_own_gap(found: Baseline) -> Baseline:
    """A baseline whose gaps are those of the kept weights; older versions stored means over the last epochs."""
    columns = found.runs.columns
    score = gap_of(found.primary, Measured.of_columns(columns).task)
    if not {"gap", f"train_{score}", f"val_{score}"} <= set(columns):
        return found
    distance = found.runs[f"train_{score}"] - found.runs[f"val_{score}"]
    return replace(found, runs=found.runs.assign(gap=-distance if lower_is_better(f"val_{score}") else distance))


def read(path: Path) -> Baseline:
    """A baseline out of its file.

    Raises:
        FileNotFoundError: there is none.
        StoreError: the file cannot be read.
        NotComparableError: a newer version wrote it.
        AblateError: it is no stored baseline, or a damaged one.
    """
    try:
        text = reading.named(path, LARGEST)
    except FileNotFoundError:
        raise
    except reading.DamagedError as error:
        raise StoreError(f"{path} cannot be read: {error}") from None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from None
    try:
        return from_json(text)
    except NotComparableError as error:
        raise NotComparableError(f"{path}: {error}") from None
    except AblateError as error:
        raise AblateError(f"{path}: {error}") from None


def check_replaceable(path: Path) -> None:
    """See that nothing but a stored baseline, in order or not, would be replaced.

    Raises:
        AblateError: another file is there.
        StoreError: what is there cannot be read.
    """
    try:
        content = reading.named(path, LARGEST)
    except FileNotFoundError:
        return
    except reading.DamagedError as error:
        raise AblateError(f"{path} is not replaced: {error}; name another file") from None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from None
    if content and not _is_baseline(content):
        raise AblateError(f"{path} is there and is no stored baseline; it is not replaced: name another file")


def _is_baseline(content: bytes) -> bool:
    """Whether a file is a stored baseline, however it is laid out, or begins as one and is damaged."""
    if _BEGINNING.match(content):
        return True
    try:
        document = reading.parse_json(content)
    except ValueError:
        return False
    return isinstance(document, dict) and "ablate_baseline" in document


def from_json(text: bytes) -> Baseline:
    """A baseline from the bytes that `to_json` made.

    Raises:
        NotComparableError: a newer version wrote it.
        AblateError: it is no stored baseline, or a damaged one; says which key is wrong.
    """
    try:
        document = reading.parse_json(text)
    except ValueError:
        raise AblateError(f"not JSON, and so no stored baseline; {_MEND}") from None
    number = document.get("ablate_baseline") if isinstance(document, dict) else None
    if not isinstance(number, int):
        raise AblateError(f"no stored baseline: the key ablate_baseline is missing; {_MEND}")
    if number > FORMAT:
        raise NotComparableError(
            f"ablate_baseline = {number}: written by a newer version of ablate (this one reads {FORMAT}); upgrade "
            "ablate, or store a baseline with this version"
        )
    body = {key: value for key, value in document.items() if key not in ("ablate_baseline", "sha256")}
    try:
        found = _Document.model_validate(document)
        if found.sha256 != _head(body)["sha256"]:
            raise AblateError(f"sha256: the digest does not match the content: it was edited or merged; {_MEND}")
        return with_own_gap(found.baseline())
    except ValidationError as error:
        raise AblateError(f"a damaged baseline: {reading.wrong(error)}; {_MEND}") from None
    except ValueError:  # numbers that are none
        raise AblateError(f"a damaged baseline: it holds what no baseline does; {_MEND}") from None


_MEND = "'ablate check --save-baseline FILE' stores one anew"
_STRICT = ConfigDict(extra="forbid", strict=True, frozen=True)
Cell = str | int | float | bool | None


class _Treatment(BaseModel):
    model_config = _STRICT

    name: str
    data: str
    differs: dict[str, Any]


class _Document(BaseModel):
    """The document as it is written; what validates it."""

    model_config = _STRICT

    ablate_baseline: Literal[1]
    sha256: str
    study: str
    primary: str
    versions: dict[str, str]
    code: dict[str, str]
    settings: dict[str, Any]
    treatments: Annotated[list[_Treatment], Field(min_length=1)]
    columns: Annotated[list[str], Field(max_length=MOST_COLUMNS)]
    runs: list[list[Cell]]

    def baseline(self) -> Baseline:
        """What it says."""
        if not is_metric(self.primary, Measured.of_columns(self.columns)):
            raise AblateError(f"a damaged baseline: primary: no run has such a metric; {_MEND}")
        if len(set(self.columns)) < len(self.columns):
            raise AblateError(f"a damaged baseline: columns: one is there twice; {_MEND}")
        if tuple(self.columns[: len(_KEYS)]) != _KEYS or any(len(row) != len(self.columns) for row in self.runs):
            raise AblateError(f"a damaged baseline: columns: they do not fit the runs; {_MEND}")
        if not all(map(_is_run, self.runs)):
            raise AblateError(f"a damaged baseline: runs: one has no {', '.join(_KEYS)}; {_MEND}")
        kept = {}
        for entry in self.treatments:
            settings = {**self.settings, **entry.differs}
            kept[entry.name] = Kept({key: each for key, each in settings.items() if each is not None}, entry.data)
        return Baseline(
            self.study, self.primary, kept, self.code, self.versions, table(self.runs, columns=self.columns)
        )


def _is_run(row: Sequence[Cell]) -> bool:
    treatment, seed, status = row[: len(_KEYS)]
    return isinstance(treatment, str) and type(seed) is int and 0 <= seed < 2**32 and status in _STATUSES


def table(rows: Sequence[Sequence[Any]], columns: Sequence[str]) -> pd.DataFrame:
    """Rows as `Baseline.runs` has them: metrics are numbers, `..._censored` are booleans."""
    found = pd.DataFrame(list(rows), columns=list(columns))
    flags = {name for name in columns if name.endswith("_censored")}
    try:
        kinds = {name: "bool" if name in flags else "float64" for name in columns[len(_KEYS) :]}
        typed = found.astype({"seed": "int64", **kinds})
    except (TypeError, ValueError, OverflowError) as error:
        raise AblateError(f"a damaged baseline: runs: {error}; {_MEND}") from None
    return typed.assign(**{name: countable(typed[name].to_numpy()) for name in kinds if name not in flags})


def _head(body: Mapping[str, Any]) -> dict[str, Any]:
    return {"ablate_baseline": FORMAT, "sha256": hashlib.sha256(canonical_json(body)).hexdigest()}


def _layout(document: Mapping[str, Any]) -> str:
    """JSON with one line per treatment, run and setting, so that changes show where they are."""
    parts = []
    for key, value in document.items():
        text = json.dumps(value, allow_nan=False)
        if isinstance(value, dict):
            entries = (f"  {json.dumps(name)}: {json.dumps(each, allow_nan=False)}" for name, each in value.items())
            text = "{\n" + ",\n".join(entries) + "\n }" if value else "{}"
        elif key in _LISTED:
            text = "[\n" + ",\n".join(f"  {json.dumps(row, allow_nan=False)}" for row in value) + "\n ]"
        parts.append(f" {json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _keep(treatment: Treatment, identity: Identity) -> Kept:
    settings = {
        f"{section}.{name}".removeprefix(_REMEDIES): value
        for section, values in _comparable(treatment.settings).items()
        for name, value in values.items()
    }
    return Kept(dict(sorted(settings.items())), identity.data[data_name(treatment.settings.data)].digest)


def _comparable(settings: RunSettings) -> dict[str, Any]:
    """What decides how runs are trained: not what is measured of them, but whose gap it is that they have."""
    found = decisive(settings)
    score = found.pop("scores", {}).get("gap", USUAL.score)
    return found if score == USUAL.score else {**found, "scores": {"gap": score}}


def _differences(common: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """What a treatment has otherwise; `None` for what it has not."""
    missing = dict.fromkeys(common.keys() - own.keys())
    return dict(sorted({**missing, **{key: each for key, each in own.items() if common.get(key) != each}}.items()))


def _plain(cell: Any) -> Cell:
    """A cell as JSON can hold it; what is not finite is missing."""
    if cell is None or cell is pd.NA or isinstance(cell, str):
        return cell if isinstance(cell, str) else None
    if isinstance(cell, bool | np.bool_):
        return bool(cell)
    if isinstance(cell, int | np.integer):
        return int(cell)
    return float(cell) if np.isfinite(cell) else None
