"""What a plan has to know of a study's data, code and model files: read, and digested, before anything is trained."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ablate.data import class_weights, scorable, sources, splits
from ablate.data.dataset import Dataset
from ablate.data.duplicates import Shared, shared_rows
from ablate.errors import Problem, StoreError, StudyError
from ablate.results import identity as identities
from ablate.results import origins
from ablate.results.identity import DataFacts, Identity
from ablate.results.store import Store
from ablate.settings.references import is_reference
from ablate.settings.run import Data, Training
from ablate.studies import design
from ablate.studies.spec import Study
from ablate.usercode import builders, code, model_files, tokens


def identify(study: Study, treatments: Sequence[design.Treatment], reports: Path) -> Identity:
    """Read a study's data sets, try its splits, look at its code, and keep what the plan needs to know of them.

    Raises:
        StudyError: with all that is wrong with data, code and model files together.
    """
    problems: list[Problem] = []
    facts = _read_data(study, treatments, _counted(reports / study.name), problems)
    digests = _collected(_digest_code, study, treatments, problems)
    model_digests = _collected(_digest_files, study, treatments, problems)
    if problems:
        raise study.error(problems)
    identity = Identity(identities.installed_libraries(), facts, digests, files=model_digests)
    identity = replace(identity, tokens=_tokens(study, treatments))
    return replace(identity, origins=origins.find(study, treatments, identity, reports))


def _read_data(
    study: Study, treatments: Sequence[design.Treatment], counted: Mapping[str, Shared], problems: list[Problem]
) -> dict[str, DataFacts]:
    """What the plan keeps of every data set, by its name; what is wrong with one goes to the problems."""
    facts: dict[str, DataFacts] = {}
    loaded: dict[str, Dataset] = {}
    every = {treatment.settings.data.model_dump_json(): treatment.settings.data for treatment in treatments}
    for data in every.values():
        name = identities.data_name(data)
        try:
            if name not in loaded:
                loaded = {name: sources.load(data, study.source.resolve().parent)}  # one at a time in memory
            found = loaded[name]
            _try_splits(study, found, data)
            for each in treatments:
                if each.settings.data == data:
                    _try_loss(each.settings.training, found)
        except StudyError as error:
            problems += [problem for problem in error.problems if problem not in problems]
            continue
        if name not in facts:
            facts[name] = _facts(found, counted)
    return facts


def _try_loss(training: Training, dataset: Dataset) -> None:
    """See that what a treatment makes small fits the data.

    Raises:
        StudyError: it does not.
    """
    class_weights.check(training.class_weight, dataset)
    if wrong := scorable.of_loss(dataset, training.loss):
        raise StudyError("data", wrong)


def with_origins(study: Study, treatments: Sequence[design.Treatment], identity: Identity, reports: Path) -> Identity:
    """An identity that also says which runs of another study these go on from."""
    return replace(identity, origins=origins.find(study, treatments, identity, reports))


def _collected(
    digest: Callable[[Study, Sequence[design.Treatment]], dict[str, str]],
    study: Study,
    treatments: Sequence[design.Treatment],
    problems: list[Problem],
) -> dict[str, str]:
    """Digests of code or of model files; what is wrong with them goes to the problems."""
    try:
        return digest(study, treatments)
    except StudyError as error:
        problems += error.problems
        return {}


def _try_splits(study: Study, dataset: Dataset, data: Data) -> None:
    """Split a data set as runs will, and see that what the study measures is defined for every part.

    Raises:
        StudyError: it cannot be split, or a metric means nothing there.
    """
    measured = study.measured
    if wrong := scorable.problems(dataset, data, measured):
        raise StudyError("data", wrong)
    every = dataset.groups is not None or scorable.needs_all_seeds(measured)  # else sizes are always the same
    for seed in study.seeds if every else study.seeds[:1]:
        rows = splits.split(dataset, data, seed)
        if wrong := scorable.of_split(dataset, data, measured, rows, seed):
            raise StudyError("data", wrong)


def look_at(study: Study, treatments: Sequence[design.Treatment], reports: Path) -> Identity:
    """The same where only results are shown: files are read, and nothing is called.

    Raises:
        StudyError: the data comes from a function; or as `identify`.
    """
    called = sorted({each.settings.data.source for each in treatments if is_reference(each.settings.data.source)})
    if called:
        message = (
            "these runs were not planned yet; 'ablate run' calls the function, and nothing that shows results does"
        )
        raise study.error([Problem("data.source", message, f'"{called[0]}"')])
    return identify(study, treatments, reports)


def _facts(dataset: Dataset, counted: Mapping[str, Shared]) -> DataFacts:
    """What a plan keeps of a data set."""
    import numpy as np

    shared = counted.get(dataset.digest) or shared_rows(dataset)
    dataset = replace(dataset, notes=(*dataset.notes, *dataset.leaks))
    return DataFacts(
        digest=dataset.digest,
        rows=len(dataset.x),
        features=dataset.features,
        classes=len(dataset.classes),
        largest_class=float(np.bincount(dataset.y).max() / len(dataset.y)) if dataset.classes else 0.0,
        shape=dataset.shape,
        test_rows=shared.of,
        shared=shared.rows,
        shared_other_label=shared.other_label,
        scaling=dataset.scaling,
        automatic=dataset.automatic and dataset.scale != "none",
        summary=dataset.summary,
        notes=dataset.notes,
    )


def _counted(folder: Path) -> dict[str, Shared]:
    """What an earlier run counted of the examples that two parts of a data set share, by its digest."""
    with suppress(StoreError):
        if identity := Store(folder).read_identity():
            every = identity.data.values()
            return {
                each.digest: Shared(each.shared, each.shared_other_label or 0, each.test_rows)
                for each in every
                if each.shared is not None and each.test_rows is not None
            }
    return {}


def _digest_code(study: Study, treatments: Sequence[design.Treatment]) -> dict[str, str]:
    folder = study.source.resolve().parent
    named = {reference: key for treatment in treatments for reference, key in treatment.settings.code.items()}
    try:
        digests = {reference: code.digest(reference, folder, key) for reference, key in named.items()}
        builders.check((treatment.settings for treatment in treatments), folder)
    except StudyError as error:
        raise study.error(error.problems) from None
    return digests


def _tokens(study: Study, treatments: Iterable[design.Treatment]) -> tuple[str, ...]:
    folder = study.source.resolve().parent
    named = {each.settings.model.builder or each.settings.model.file: each.settings for each in treatments}
    return tuple(sorted(name for name, settings in named.items() if name and tokens.may_take(settings, folder)))


def _digest_files(study: Study, treatments: Iterable[design.Treatment]) -> dict[str, str]:
    folder = study.source.resolve().parent
    named = dict.fromkeys(treatment.settings.model.file for treatment in treatments)
    try:
        return {file: model_files.digest(file, folder) for file in named if file is not None}
    except StudyError as error:
        raise study.error(error.problems) from None
