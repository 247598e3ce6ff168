"""Data and code of a study, which must be what the keys of its runs were made with whenever a run uses them."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from ablate.data import sources
from ablate.data.dataset import Dataset
from ablate.data.ondisk import OnDisk
from ablate.errors import StudyError, WorkerError
from ablate.execution.assignment import Assignment
from ablate.settings.references import is_reference
from ablate.settings.run import RunSettings
from ablate.usercode import code, model_files

_RUN_AGAIN = "run 'ablate run' again to use the current version"
Stamp = Mapping[Path, tuple[int, int, int]]  # time of the last change, size and number of files


class ChangedError(WorkerError):
    """Data or code is not any more what the keys of the study's runs were made with."""


class Unchanged:
    """What a process has read of a study's data and code, and seen to be what their keys were made with."""

    def __init__(self) -> None:
        self._datasets: dict[str, Dataset] = {}
        self._stamps: dict[tuple[Path, str, str], Stamp] = {}  # by folder, what is named, and its digest

    def dataset(self, assignment: Assignment) -> Dataset:
        """The data of an assignment, read once per process.

        Raises:
            ChangedError: it is not what the run's key was made with.
        """
        data = RunSettings.model_validate(assignment.settings).data
        found = self._datasets.get(assignment.data_digest)
        if found is None:
            try:
                found = sources.load(data, assignment.folder)
            except StudyError as error:
                raise ChangedError(f"the data could be read when the study began, but not now: {error}") from None
            if found.digest != assignment.data_digest:
                if is_reference(data.source):
                    raise ChangedError(
                        f"{data.source} returned something else than when the study began; it should return the same "
                        "every time, so give whatever is random in it a seed"
                    )
                raise ChangedError(f"{data.source} changed since the study began; {_RUN_AGAIN}")
            self._datasets[assignment.data_digest] = found
        check_file(found)
        return found

    def check_code(self, assignment: Assignment) -> None:
        """See that the functions and the model file of an assignment are as its key says.

        Every run imports and loads them anew, so every run asks; files that nobody touched are not read again.

        Raises:
            ChangedError: they are not.
        """
        try:
            self._check_code(assignment)
        except (StudyError, OSError) as error:
            raise ChangedError(f"the code could be read when the study began, but not now: {error}") from None

    def _check_code(self, assignment: Assignment) -> None:
        folder = assignment.folder
        for reference, digest in assignment.code.items():
            if not self._is_untouched(folder, reference, digest):
                found = code.files(reference, folder, "code")
                stamp = _stamp(found)
                if code.digest_of(found) != digest:
                    raise ChangedError(f"the code of {reference} changed since the study began; {_RUN_AGAIN}")
                self._stamps[folder, reference, digest] = stamp
        file, digest = assignment.settings["model"].get("file"), assignment.model_file or ""
        if file is not None and not self._is_untouched(folder, file, digest):
            stamp = _stamp([model_files.locate(file, folder)])
            if model_files.digest(file, folder) != digest:
                raise ChangedError(f"{file} changed since the study began; {_RUN_AGAIN}")
            self._stamps[folder, file, digest] = stamp

    def _is_untouched(self, folder: Path, name: str, digest: str) -> bool:
        stamp = self._stamps.get((folder, name, digest))
        return stamp is not None and _stamp(stamp) == stamp


def check_file(dataset: Dataset) -> None:
    """See that data that is read from its file during the training is still what was digested.

    Raises:
        ChangedError: it is not.
    """
    if isinstance(dataset.x, OnDisk) and dataset.x.has_changed():
        raise ChangedError(f"{dataset.x.file} changed while a run read it; {_RUN_AGAIN}")


def _stamp(paths: Iterable[Path]) -> Stamp:
    """What changes with a file; of one that is gone, nothing."""
    found = {}
    for path in paths:
        try:
            state = path.stat()
        except OSError:
            continue
        found[path] = state.st_mtime_ns, state.st_size, state.st_ino
    return found
