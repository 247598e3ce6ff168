"""Which task a study is: said in its file, or found in its data, and then as if the file said so."""

import json
from collections.abc import Iterable
from dataclasses import replace

from ablate.errors import Problem
from ablate.results.identity import DataFacts, Identity, canonical_json, data_name
from ablate.settings.run import RunSettings
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
    facts = {each.data.source: identity.data[data_name(each.data)] for each in settings}
    return spec.for_task(study, _only(study, facts))


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


def _only(study: Study, facts: dict[str, DataFacts]) -> Task:
    tasks = {source: each.task for source, each in facts.items()}
    if len(set(tasks.values())) > 1:
        listed = ", ".join(f"{source} is a {task}" for source, task in tasks.items())
        message = f"is not said, and these data sets differ: {listed}; one study has one task"
        raise study.error([Problem("data.task", message)])
    return next(iter(tasks.values()))
