"""Which task a study is: said in its file, or found in its data, and then as if the file said so."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from ablate.errors import Problem
from ablate.results.identity import Identity, canonical_json, data_name
from ablate.settings.run import Data, RunSettings
from ablate.studies import spec
from ablate.studies.spec import Study
from ablate.tables.targets import Task


def settled(study: Study, identity: Identity, settings: Iterable[RunSettings]) -> Study:
    """The study with the task of its data.

    Args:
        study: what is asked.
        identity: what was read of its data.
        settings: of its treatments.

    Raises:
        StudyError: its data sets are of different tasks, or it asks for what networks of the task do not have.
    """
    if study.base.data.task is not None:
        return study
    return spec.for_task(study, _only(study, {data_name(each.data): each.data for each in settings}, identity))


def as_kept(study: Study, identity: Identity) -> Study:
    """The study with the task that its data had when it was run last; as it is where that is not known.

    Raises:
        StudyError: it asks for what networks of the task do not have.
    """
    data = study.base.data
    is_number = data.task is None and data_name(data.model_copy(update={"task": "regression"})) in identity.data
    return spec.for_task(study, "regression") if is_number and data_name(data) not in identity.data else study


def named(identity: Identity, study: Study) -> Identity:
    """An identity whose data sets are named as the settings of a settled study name them."""
    if study.base.data.task is None:
        return identity
    said = {"task": study.base.data.task}
    return replace(
        identity,
        data={canonical_json({**json.loads(name), **said}).decode(): facts for name, facts in identity.data.items()},
    )


def _only(study: Study, data: Mapping[str, Data], identity: Identity) -> Task:
    """The task of all data sets, which are given by `data_name`."""
    tasks = {name: identity.data[name].task for name in data}
    if len(set(tasks.values())) > 1:
        listed = ", ".join(f"{_called(data[name], data.values())} is a {task}" for name, task in tasks.items())
        message = f"is not said, and these data sets differ: {listed}; one study has one task"
        raise study.error([Problem("data.task", message)])
    return next(iter(tasks.values()))


def _called(one: Data, every: Collection[Data]) -> str:
    """A data set by its source, and by its label where the study has several of these."""
    labels = {each.label for each in every}
    return f"{one.source} with the label '{one.label}'" if len(labels) > 1 and one.label else one.source
