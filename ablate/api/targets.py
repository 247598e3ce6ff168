"""Files that a command is asked to write: what is there is replaced only if it is of the same kind."""

from collections.abc import Mapping
from pathlib import Path

from ablate import reading
from ablate.errors import AblateError, StoreError
from ablate.results import baseline, files, upkeep
from ablate.usercode import code

JUNIT, SUMMARY, BASELINE = "--junit", "--summary", "--save-baseline"
LARGEST = 2**28  # bytes of a file that is looked at before it is replaced
_BEGINNINGS = {JUNIT: ("<testsuites", "<testsuite"), SUMMARY: ("# 🟢", "# 🔴")}  # as `report.junit` and `summary` write
_KINDS = {JUNIT: "JUnit XML", SUMMARY: "a summary of this command"}


def check(targets: Mapping[str, Path | None]) -> None:
    """See that files can be written without a loss: none twice, none in the place of something else.

    Args:
        targets: the file of every option, if it was given.

    Raises:
        AblateError: two are the same file, one belongs to a folder of results, or another kind of file is there.
        StoreError: what is there cannot be read.
    """
    seen: dict[Path, str] = {}
    for option, path in targets.items():
        if path is None:
            continue
        other = seen.setdefault(_place(path), option)
        if other != option:
            raise AblateError(f"{option} {path}: {other} is the same file; name another one")
        _check_place(option, path)
        if option == BASELINE:
            baseline.check_replaceable(path)
        else:
            _check_replaceable(option, path)


def _place(path: Path) -> Path:
    """Where a file is, or will be.

    Raises:
        StoreError: links lead in a circle.
    """
    try:
        return path.resolve()
    except (RuntimeError, OSError) as error:  # RuntimeError before Python 3.13
        raise StoreError(f"{path} leads nowhere: {error}") from None


def _check_place(option: str, path: Path) -> None:
    """See that a file is in a folder, and is not one that records, networks or documents of a study have as theirs."""
    place = _place(path)
    for folder in place.parents:
        if folder.is_dir():
            break
        if files.is_there(folder):
            raise StoreError(f"{option} {path}: {folder} is a file and no folder; name another file")
    for folder in place.parents:
        if code.is_results_folder(folder) and (folder != place.parent or place.name in upkeep.MADE):
            message = f"is a place in the folder of results {folder}, for what 'ablate run' keeps; name another file"
            raise AblateError(f"{option} {path}: {message}")


def _check_replaceable(option: str, path: Path) -> None:
    """See that nothing but an empty file, or one of the same kind, would be replaced."""
    try:
        content = reading.named(path, LARGEST)
    except FileNotFoundError:
        return
    except reading.DamagedError as error:
        raise AblateError(f"{option} {path} is not replaced: {error}; name another file") from None
    except OSError as error:
        raise StoreError(f"{option} {path} cannot be read: {error.strerror}") from None
    text = content[:1000].decode("utf-8-sig", "replace").lstrip()
    if text.startswith("<?xml"):
        text = text.partition("?>")[2].lstrip()
    if text and not text.startswith(_BEGINNINGS[option]):
        raise AblateError(
            f"{option} {path} is there and is not {_KINDS[option]}; it is not replaced: name another file"
        )
