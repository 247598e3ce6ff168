"""Networks that runs kept, in a worker process: made of the kept weights, saved, scored again, exported.

What is done with a network is done while the user's code is in the state that made it: a class of the user's that is
registered then is written under the name by which it is found again.
"""

import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablate.data.dataset import Dataset
from ablate.errors import AblateError, StoreError
from ablate.execution.assignment import LONGEST_MESSAGE, Assignment
from ablate.execution.unchanged import ChangedError, Unchanged
from ablate.results import files, models
from ablate.results.models import columns_text
from ablate.results.record import SCALING, Record, weights_digest
from ablate.results.store import Store
from ablate.settings.run import RunSettings
from ablate.tables import mapping
from ablate.tables.mapping import Recipe
from ablate.text import clean
from ablate.usercode import code

if TYPE_CHECKING:
    from ablate.training.workshop import Workshop


@dataclass(frozen=True)
class Network:
    """A network with the weights that a run kept.

    Attributes:
        model: a plain Keras model.
        dataset: the run's data, as the model takes it.
        columns: how columns of a table became features; `None` where they are features as they are.
    """

    model: Any
    dataset: Dataset
    columns: Mapping[str, Any] | None


def save(assignment: Assignment, workshop: "Workshop", unchanged: Unchanged) -> None:
    """Turn the weights that a run kept into a Keras model on disk, unless another process has done so.

    Weights that are damaged are set aside, and there is no model.

    Raises:
        StoreError: it could not be written.
    """
    store = Store(assignment.store)
    record = store.load(assignment.key)
    found = models.read_weights(store, record) if record else None
    if found is not None:
        with _network(assignment, found, workshop, unchanged) as network:
            models.keep_model(store, assignment.key, network.model.save, network.columns)


def evaluate(assignment: Assignment, workshop: "Workshop", unchanged: Unchanged) -> Mapping[str, float]:
    """Score the network that a run kept on every part of its data, by Keras' own `evaluate`; see `saving.evaluate`.

    Raises:
        StoreError: the network or the data is not what its record was made with.
    """
    from ablate.data.splits import split
    from ablate.training import data, saving
    from ablate.training.scores import number_scores, scoring

    with _kept(assignment, workshop, unchanged) as network:
        settings, dataset = RunSettings.model_validate(assignment.settings), network.dataset
        rows = split(dataset, settings.data, assignment.seed)
        asked: scoring.AnyScorer | None = None
        if settings.is_regression:
            asked = number_scores.of(settings, dataset, data.standard(dataset, rows.train))
        elif settings.measured.metrics:
            asked = scoring.of(settings.measured, dataset, dataset.positive(settings.data.positive))
        return saving.evaluate(network.model, dataset, rows, asked, logits=settings.model.logits)


def export(assignment: Assignment, target: Path, workshop: "Workshop", unchanged: Unchanged) -> None:
    """Write the network that a run kept to a `.keras` or a `.h5` file, as a whole or not at all.

    Raises:
        StoreError: the network is not what its record was made with, or the file cannot be written.
    """
    from ablate.training import saving

    with _kept(assignment, workshop, unchanged) as network:
        saving.write(network.model, target)
        if network.columns is not None:
            files.replace_file(target.with_suffix(".json"), columns_text(network.columns).encode())


def weights(
    folder: Path, key: str, assignment: Assignment, workshop: "Workshop", unchanged: Unchanged
) -> Mapping[str, Any]:
    """The weights that a run kept, as arrays or as a network; they must be those of its record.

    Args:
        folder: with the results of its study.
        key: of the run.
        assignment: the same run, or one that goes on from it; it has the same network.
        workshop: of this process.
        unchanged: likewise.

    Raises:
        ChangedError: they are not there any more.
        StoreError: they are damaged, or not those of the record.
    """
    store = Store(folder)
    record = store.load(key)
    if record and (found := models.read_weights(store, record)) is not None:
        return found
    if record and (network := models.network(store, key)):
        return _read(network, record, assignment, workshop, unchanged)
    raise ChangedError(f"the weights of run {key} in {folder} are not there any more")


def _read(
    path: Path, record: Record, assignment: Assignment, workshop: "Workshop", unchanged: Unchanged
) -> Mapping[str, Any]:
    from ablate.training import saving

    settings, own = (RunSettings.model_validate(each) for each in (record.settings, assignment.settings))
    dataset = unchanged.dataset(assignment)
    try:
        with workshop.isolated(own):
            blueprint = workshop.blueprint(own, dataset, assignment.folder)
            found = saving.read_weights(path, settings, dataset, blueprint)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise StoreError(f"{path} is damaged: {error}") from None
    if record.weights and weights_digest(found) != record.weights:
        raise StoreError(f"{path} does not hold the weights that its record was measured with")
    return found


@contextmanager
def _kept(assignment: Assignment, workshop: "Workshop", unchanged: Unchanged) -> Iterator[Network]:
    """The network that a run kept; it and its data are compared with what the record was made with."""
    try:
        code.open_folder(assignment.folder)
        unchanged.check_code(assignment)
        found = weights(assignment.store, assignment.key, assignment, workshop, unchanged)
        with _network(assignment, found, workshop, unchanged) as network:
            yield network
    except ChangedError as error:
        raise StoreError(str(error)) from None
    except AblateError:
        raise
    except Exception as error:  # noqa: BLE001 - the user's code may raise what this process alone knows
        raise StoreError(f"{type(error).__name__}: {clean(str(error))[:LONGEST_MESSAGE]}") from None


@contextmanager
def _network(
    assignment: Assignment, found: Mapping[str, Any], workshop: "Workshop", unchanged: Unchanged
) -> Iterator[Network]:
    """A network of some weights, while the user's code is in the state that made it.

    Categories and missing numbers become features as what was kept beside the network says; a network that is not
    kept yet has them of its training rows.
    """
    from ablate.data.splits import split
    from ablate.training import data, inputs, saving

    settings = RunSettings.model_validate(assignment.settings)
    code.open_folder(assignment.folder)
    unchanged.check_code(assignment)
    dataset = unchanged.dataset(assignment)
    train = split(dataset, settings.data, assignment.seed).train
    columns: Mapping[str, Any] | None = None
    if dataset.recipe is not None:
        by = _columns(dataset, dataset.recipe, train, assignment)
        columns = by.document(dataset.wide_pivots)
        dataset = dataset.encoded(by)
    with workshop.isolated(settings):
        blueprint = workshop.blueprint(settings, dataset, assignment.folder)
        taken = dataset
        record = Store(assignment.store).load(assignment.key)
        if record and SCALING in record.environment:  # older versions scaled whatever a network looked up, too
            taken = inputs.as_taken(dataset, settings, blueprint, assignment.folder)
        scaling = data.scaling(taken, train, inputs.shape(taken, settings, blueprint))
        model = saving.plain_network(settings, scaling, dataset.outputs, found, blueprint)
        yield Network(model, dataset, columns)


def _columns(dataset: Dataset, recipe: Recipe, train: Any, assignment: Assignment) -> mapping.Mapping:
    """What was kept of the features of a run's network, or what the training rows make of them now."""
    store = Store(assignment.store)
    kept = models.columns(store, assignment.key)
    if kept is None:
        return mapping.learn(dataset.x[train], recipe)
    try:
        return mapping.Mapping.from_document(kept, recipe, dataset.wide_pivots)
    except ValueError as error:
        raise StoreError(f"{models.model_path(store, assignment.key, 'json')} cannot be used: {error}") from None
