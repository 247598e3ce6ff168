"""Studies made in Python: what is given is written to files, a study file among them, and read back as any other."""

import hashlib
import inspect
import io
import os
import re
import sys
import tomllib
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from ablate.errors import AblateError, Problem, StudyError, suggest
from ablate.results.files import replace_file
from ablate.settings import document
from ablate.settings.remedies import REMEDIES
from ablate.studies import spec
from ablate.studies.spec import Study
from ablate.usercode import code, transplant

if TYPE_CHECKING:
    import pandas as pd

WRITTEN = "written by ablate.study()"  # marks the study files that another call may replace
_SPLIT = ("train", "test")


def study(
    model: "Callable[..., Any] | Sequence[int] | str | os.PathLike[str] | Any",
    data: "str | os.PathLike[str] | Sequence[Any] | pd.DataFrame",
    remedies: Mapping[str, Sequence[Any]],
    *,
    name: str = "study",
    label: str | None = None,
    epochs: int = 20,
    replicates: int = 5,
    design: str = "one-at-a-time",
    settings: Mapping[str, Any] | None = None,
    folder: str | os.PathLike[str] = ".",
) -> Study:
    """A study made in code, for notebooks and scripts; `ablate.run` trains it.

    It is written to `<name>.toml` in a folder, with what it needs beside it, so that the commands can go on with it:
    `ablate report -c <name>.toml`. Files of data and models have a digest of their content in their names, so that
    studies that were made before go on meaning what they meant.

    Args:
        model: a function that returns a Keras model, as `[model] builder`, which may be defined in a notebook; or
            units of hidden layers, as `[64, 32]`; or a Keras model or its `.keras` file, from whose weights every run
            starts.
        data: `(x, y)`; or `((x_train, y_train), (x_test, y_test))`; or a pandas table, with `label`; or what
            `[data] source` takes: `"digits"`, `"table.csv"`, `"module:function"`.
        remedies: the levels of each factor, the baseline's first: `{"dropout": [0, 0.2]}`. Keys with a dot are those
            of `[factors]`, such as `"training.batch_size"`.
        name: of the study.
        label: the column of a table that is to be learned.
        epochs: of every run.
        replicates: runs of each treatment.
        design: as `[study] design`.
        settings: further keys of the study file, such as `{"training.learning_rate": 0.01}`.
        folder: where the files go, and the results into its folder `reports`.

    Raises:
        AblateError: the model or the data cannot be written to a file, or a file is in the way.
        StudyError: the study is not a valid one; holds every problem found.
    """
    place, stem = Path(folder), _stem(name)
    file = place / f"{stem}.toml"
    files: dict[Path, bytes] = {}
    raw: dict[str, Any] = {
        "study": {"name": name, "design": design, "replicates": replicates},
        "data": _data(data, label, place, stem, files),
        "model": _model(model, place, stem, files),
        "training": {"epochs": epochs},
    }
    for factor, levels in remedies.items():
        raw.setdefault(_section(factor), {})[factor] = [_plain(level) for level in levels]
    for key, value in (settings or {}).items():
        _put(raw, key, _plain(value))
    try:
        text = f"# {WRITTEN}, and replaced by its next call; remove this line to go on by hand\n\n{document.write(raw)}"
    except (TypeError, ValueError) as error:
        raise StudyError(str(file), [Problem("", f"cannot be written as TOML: {error}")]) from None
    found = spec.read(text, file)
    _check_ours(file, found.name)
    place.mkdir(parents=True, exist_ok=True)
    for path, content in files.items():  # only now: what is wrong with a study is told before anything is written
        _write(path, content)
    replace_file(file, text.encode())
    return found


def _section(factor: str) -> str:
    """The table of the study file that a factor belongs into."""
    if factor in REMEDIES:
        return REMEDIES[factor].family
    if "." in factor:
        return "factors"
    raise AblateError(f"remedies: {factor!r} is no remedy, and other keys have a dot{suggest(factor, REMEDIES)}")


def _stem(name: str) -> str:
    """A study's name as the name of files and modules: letters, digits and underscores."""
    stem = re.sub(r"\W+", "_", name)
    return stem if stem[:1].isalpha() else f"study_{stem}"


def _check_ours(path: Path, name: str) -> None:
    """Refuse to replace a study file that somebody else wrote, or one of a study of another name."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return
    if WRITTEN not in text.partition("\n")[0]:
        raise AblateError(f"{path} is there already, and was not {WRITTEN}; choose another name or folder")
    try:
        other = tomllib.loads(text)["study"]["name"]
    except (tomllib.TOMLDecodeError, KeyError, TypeError):
        raise AblateError(f"{path} is there already, and is damaged; remove it, or choose another name") from None
    if other != name:
        raise AblateError(
            f"{path} is there already, of the study {other!r}, and {name!r} would have the same file; choose a name "
            "that differs in letters or digits, or another folder"
        )


def _named(place: Path, start: str, suffix: str, content: bytes, files: dict[Path, bytes]) -> str:
    """The name of a file after its content, which is to be written."""
    path = place / f"{start}_{_digest(content)[:8]}{suffix}"
    files[path] = content
    return path.name


def _digest(content: bytes) -> str:
    """SHA-256 of a file; of an archive, of what is in it, without Keras' note of when it was saved."""
    if not content.startswith(b"PK\x03\x04"):
        return hashlib.sha256(content).hexdigest()
    total = hashlib.sha256()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in sorted(set(archive.namelist()) - {"metadata.json"}):
            total.update(name.encode() + hashlib.sha256(archive.read(name)).digest())
    return total.hexdigest()


def _write(path: Path, content: bytes) -> None:
    """Write a file that is named after its content, unless it is there."""
    try:
        is_same = _digest(path.read_bytes()) == _digest(content)
    except FileNotFoundError:
        replace_file(path, content)
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise AblateError(f"{path} is there already, and cannot be read: {error}") from None
    else:
        if not is_same:
            raise AblateError(f"{path} is there already, and was changed since; remove it, or choose another name")


def _plain(value: Any) -> Any:
    """A value as TOML has it: numbers of numpy as Python's, tuples as lists."""
    match value:
        case np.generic():
            return value.item()
        case Mapping():
            return {key: _plain(each) for key, each in value.items()}
        case list() | tuple() | np.ndarray():
            return [_plain(each) for each in value]
        case _:
            return value


def _put(raw: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted key, such as `training.batch_size`."""
    *tables, last = key.split(".")
    table = raw
    for each in tables:
        table = table.setdefault(each, {})
        if not isinstance(table, dict):
            raise AblateError(f"settings: {key!r} leads through {each}, which is no table")
    table[last] = value


def _model(model: Any, place: Path, stem: str, files: dict[Path, bytes]) -> dict[str, Any]:
    match model:
        case str() if ":" in model:
            return {"builder": model}
        case str() | os.PathLike():
            return {"file": os.path.relpath(model, place)}
        case list() | tuple():
            return {"hidden": [_plain(units) for units in model]}
        case _ if hasattr(model, "get_config") and hasattr(model, "save"):
            with TemporaryDirectory() as folder:
                saved = Path(folder) / "model.keras"
                model.save(saved)
                return {"file": _named(place, f"{stem}_model", ".keras", saved.read_bytes(), files)}
        case _ if callable(model) and hasattr(model, "__name__"):
            return {"builder": _builder(model, place, stem, files)}
        case _:
            raise AblateError(
                f"model is a {type(model).__name__}; takes a function that returns a Keras model, units such as "
                "[64, 32], a Keras model or the path of one"
            )


def _builder(function: Callable[..., Any], place: Path, stem: str, files: dict[Path, bytes]) -> str:
    """A reference to a function, which is written to a module if it is in none that workers can import."""
    if function.__module__ != "__main__":
        reference = f"{function.__module__}:{function.__qualname__}"
        _check_found(function, reference, place)
        return reference
    text = f'"""The model of the study {stem}, {WRITTEN}."""\n\n{transplant.module_text(function, place)}'
    module = _named(place, f"{stem}_model", ".py", text.encode(), files).removesuffix(".py")
    return f"{module}:{function.__name__}"


def _check_found(function: Callable[..., Any], reference: str, place: Path) -> None:
    """See that workers, who search the study's folder first, find the function that is given."""
    file = code.signature(reference, place, "model").file
    own = inspect.getfile(inspect.unwrap(function))
    if not transplant.is_same_file(own, file):
        raise AblateError(f"model is a function of {own}, but workers would find {reference} in {file}; rename one")
    if getattr(sys.modules.get(function.__module__), function.__name__, None) is not function:
        raise AblateError(f"model is not what {reference} is now: it was replaced or loaded again; give that one")


def _data(data: Any, label: str | None, place: Path, stem: str, files: dict[Path, bytes]) -> dict[str, Any]:
    if isinstance(data, str | os.PathLike):
        text = os.fspath(data)
        source = os.path.relpath(text, place) if Path(text).suffix else text
        return {"source": source, **({"label": label} if label is not None else {})}
    start = f"{stem}_data"
    if hasattr(data, "to_csv") and hasattr(data, "columns"):
        if label is None:
            raise AblateError(f"label is required: which column of the table is to be learned? {list(data.columns)}")
        return {"source": _named(place, start, ".csv", data.to_csv(index=False).encode(), files), "label": label}
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **_arrays(data))
    return {"source": _named(place, start, ".npz", content.getvalue(), files)}


def _arrays(data: Any) -> dict[str, np.ndarray[Any, Any]]:
    """Arrays by their names in an `.npz` file."""
    try:
        parts = [data] if _is_pair_of_arrays(data) else list(data)
        named = {
            f"{axis}_{part}": np.asarray(values)
            for part, (x, y) in zip(_SPLIT, parts, strict=False)
            for axis, values in (("x", x), ("y", y))
        }
        if not 1 <= len(parts) <= len(_SPLIT):
            raise ValueError  # noqa: TRY301 - told as the others are
    except (TypeError, ValueError):
        raise AblateError(
            "data should be (x, y), ((x_train, y_train), (x_test, y_test)), a table with label=, or a source"
        ) from None
    for name, values in named.items():
        if values.dtype.hasobject:
            raise AblateError(f"data: {name} holds Python objects of different kinds; takes arrays of numbers or texts")
    return named


def _is_pair_of_arrays(data: Any) -> bool:
    """Whether data is `(x, y)`, and not pairs of them for training and test."""
    x, y = data
    return not (isinstance(x, tuple) and isinstance(y, tuple) and len(x) == len(y) == len(_SPLIT))
