"""Which rows of a data set a run trains on, validates on and is tested on; known before anything is trained."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ablate.data.dataset import Dataset
from ablate.errors import Problem, StudyError
from ablate.settings.run import Data
from ablate.settings.seeds import Stream, derive
from ablate.tables import parts, targets

LARGEST_TRAIN_SAMPLE = 10_000
PROBE_ROWS = 1_000

Rows = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Split:
    """Which rows of the data set a run uses for what.

    Attributes:
        train: rows to train on.
        validation: held-out rows scored after every epoch; the test set under `validation = "test"`.
        test: rows scored once, with the kept weights.
        train_sample: rows of `train` scored after every epoch, at most 10,000.
        probe: rows of `train` whose activations are looked at, at most 1,000.
    """

    train: Rows
    validation: Rows
    test: Rows
    train_sample: Rows
    probe: Rows


def split(dataset: Dataset, data: Data, seed: int) -> Split:
    """Divide a data set for one seed; the same for every treatment of a replicate.

    Raises:
        StudyError: the training part is too small for what `[data]` asks.
    """
    train = dataset.train
    if data.train_size is not None and data.train_size > len(train):
        message = f"the training part (validation included) has only {len(train):,} rows; leave the key out for all"
        raise StudyError("data", [Problem("data.train_size", message, str(data.train_size))])
    if data.train_size is not None and data.train_size < len(train):
        train, _ = _stratified(dataset, train, data.train_size, derive(seed, Stream.SUBSET), "train_size")
    if data.validation == "test":
        validation = dataset.test
    elif dataset.order is not None or dataset.groups is not None:
        train, validation = _by_time_or_group(dataset, train, data, data.validation, seed)
    else:
        rest = len(train) - max(1, round(len(train) * data.validation))
        train, validation = _stratified(dataset, train, rest, derive(seed, Stream.SPLIT), "validation")
    sampler = np.random.default_rng(derive(seed, Stream.SAMPLE))
    sample = np.sort(sampler.permutation(train)[:LARGEST_TRAIN_SAMPLE])
    return Split(train, validation, dataset.test, sample, np.sort(sampler.permutation(train)[:PROBE_ROWS]))


def _by_time_or_group(dataset: Dataset, rows: Rows, data: Data, share: float, seed: int) -> tuple[Rows, Rows]:
    try:
        if dataset.order is not None:
            return parts.by_time(rows, dataset.y, dataset.order, share)
        assert dataset.groups is not None
        return parts.by_group(rows, dataset.y, dataset.groups, share, derive(seed, Stream.SPLIT))
    except parts.PartError as error:
        key = "time" if dataset.order is not None else "groups"
        problem = Problem(f"data.{key}", f"for validation with seed {seed}: {error}", f'"{getattr(data, key)}"')
        raise StudyError("data", [problem]) from None


def _stratified(dataset: Dataset, rows: Rows, size: int, seed: int, key: str) -> tuple[Rows, Rows]:
    from sklearn.model_selection import train_test_split

    classes, smaller = len(dataset.classes), min(size, len(rows) - size)
    if smaller < max(classes, 1):
        needed = f"with {classes} classes a stratified split" if classes else "a split"
        message = f"parts {len(rows):,} rows into {size:,} and {len(rows) - size:,}; {needed} needs at least "
        raise StudyError("data", [Problem(f"data.{key}", f"{message}{max(classes, 1)} in both parts")])
    strata = targets.strata(dataset.y[rows], most=smaller)
    found = train_test_split(rows, train_size=size, stratify=strata, random_state=seed)
    kept, other = (np.sort(part) for part in found)
    return kept, other
