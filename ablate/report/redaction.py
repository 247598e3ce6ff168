"""A snapshot without the home folders of whoever ran the study, in which its levels stay apart."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from ablate.report import wording
from ablate.results.identity import Identity, PlannedRun, canonical_json
from ablate.results.snapshot import Snapshot
from ablate.studies.factors import Factor
from ablate.studies.spec import Study

if TYPE_CHECKING:
    from ablate.studies.design import Treatment


def without_homes(snapshot: Snapshot) -> Snapshot:
    """A snapshot whose study, treatments and identity name no home folder; the same object where none does.

    Values are replaced before anything is made of them: labels, figures, the study file and the command of a run then
    agree, however each of them is escaped. Texts that would become equal are numbered: `~/x.npz`, `~/x.npz (2)`.
    Failures and environments are left as they are; the templates redact what they print.
    """
    names = _names(snapshot.study)
    if not names:
        return snapshot
    study = _study(snapshot.study, names)
    return replace(
        snapshot,
        study=study,
        planned=tuple(_planned(snapshot, study, names)),
        identity=_identity(snapshot.identity, names),
        confirmation=snapshot.confirmation and without_homes(snapshot.confirmation),
    )


def _names(study: Study) -> dict[str, str]:
    """What every text of a study that names a home folder becomes, by the text."""
    texts = list(dict.fromkeys(_texts(study.document())))
    names: dict[str, str] = {}
    taken = set(texts)
    for text in texts:
        clean = wording.redact(text)
        if clean != text:
            candidates = (clean if number == 1 else f"{clean} ({number})" for number in range(1, len(texts) + 2))
            names[text] = next(name for name in candidates if name not in taken)
            taken.add(names[text])
    return names


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for entry in value.values():
                yield from _texts(entry)
        case list():
            for entry in value:
                yield from _texts(entry)


def _replaced(value: Any, names: Mapping[str, str]) -> Any:
    """A value of a study with every text in it replaced."""
    match value:
        case str():
            return names.get(value, value)
        case dict():
            return {key: _replaced(entry, names) for key, entry in value.items()}
        case list() | tuple():
            return type(value)(_replaced(entry, names) for entry in value)
        case BaseModel():
            return value.model_copy(
                update={key: _replaced(getattr(value, key), names) for key in value.model_fields_set}
            )
        case Factor():
            return replace(value, levels=_replaced(value.levels, names), members=_replaced(value.members, names))
        case _:
            return value


def _study(study: Study, names: Mapping[str, str]) -> Study:
    fields = ("base", "factors", "excludes", "includes", "full", "claims")
    return replace(study, **{field: _replaced(getattr(study, field), names) for field in fields})


def _planned(snapshot: Snapshot, study: Study, names: Mapping[str, str]) -> Iterator[PlannedRun]:
    labels = {
        column: dict(zip(before, after, strict=True))
        for old, new in zip(snapshot.study.factors, study.factors, strict=True)
        for (column, before), after in zip(old.columns.items(), new.columns.values(), strict=True)
    }
    treatments: dict[str, Treatment] = {}
    for run in snapshot.planned:
        name, own = run.treatment.name, run.treatment
        if name not in treatments:
            levels = {column: labels[column][level] for column, level in own.levels.items()}
            treatments[name] = replace(own, levels=levels, settings=_replaced(own.settings, names))
        yield replace(run, treatment=treatments[name])


def _identity(identity: Identity, names: Mapping[str, str]) -> Identity:
    """The identity; its data goes by names that are JSON texts themselves."""
    data = {canonical_json(_replaced(json.loads(name), names)).decode(): facts for name, facts in identity.data.items()}
    code, files = (
        {_replaced(name, names): digest for name, digest in digests.items()}
        for digests in (identity.code, identity.files)
    )
    tokens = tuple(_replaced(name, names) for name in identity.tokens)
    return replace(identity, data=data, code=code, files=files, tokens=tokens)
