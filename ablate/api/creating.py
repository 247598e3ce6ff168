"""Studies made in Python: what is given is written to files, a study file among them, and read back as any other."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
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

WRITTEN = "written by ablate.study()"  # marks the files that another call may replace
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
    `ablate report -c <name>.toml`.

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
    for target in (file, place / f"{stem}_model.py"):
        _check_ours(target)
    writes: list[Callable[[], object]] = []
    raw: dict[str, Any] = {
        "study": {"name": name, "design": design, "replicates": replicates},
        "data": _data(data, label, place, stem, writes, is_known=file.exists()),
        "model": _model(model, place, stem, writes, is_known=file.exists()),
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
    place.mkdir(parents=True, exist_ok=True)
    for write in writes:  # only now: what is wrong with a study is told before anything is replaced
        write()
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


def _check_ours(path: Path) -> None:
    """Refuse to replace a file that somebody else wrote."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            ours = WRITTEN in file.readline()
    except FileNotFoundError:
        return
    if not ours:
        raise AblateError(f"{path} is there already, and was not {WRITTEN}; choose another name or folder")


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


def _model(model: Any, place: Path, stem: str, writes: list[Callable[[], object]], *, is_known: bool) -> dict[str, Any]:
    match model:
        case str() if ":" in model:
            return {"builder": model}
        case str() | os.PathLike():
            return {"file": os.path.relpath(model, place)}
        case list() | tuple():
            return {"hidden": [_plain(units) for units in model]}
        case _ if hasattr(model, "get_config") and hasattr(model, "save"):
            target = _new(place / f"{stem}_model.keras", is_known=is_known)
            writes.append(partial(model.save, target))
            return {"file": target.name}
        case _ if callable(model) and hasattr(model, "__name__"):
            return {"builder": _builder(model, place, stem, writes)}
        case _:
            raise AblateError(
                f"model is a {type(model).__name__}; takes a function that returns a Keras model, units such as "
                "[64, 32], a Keras model or the path of one"
            )


def _builder(function: Callable[..., Any], place: Path, stem: str, writes: list[Callable[[], object]]) -> str:
    """A reference to a function, which is written to a module if it is in none that workers can import."""
    if function.__module__ != "__main__":
        reference = f"{function.__module__}:{function.__qualname__}"
        code.digest(reference, place, "model")
        return reference
    text = f'"""The model of the study {stem}, {WRITTEN}."""\n\n{transplant.module_text(function)}'
    writes.append(partial(replace_file, place / f"{stem}_model.py", text.encode()))
    return f"{stem}_model:{function.__name__}"


def _data(
    data: Any, label: str | None, place: Path, stem: str, writes: list[Callable[[], object]], *, is_known: bool
) -> dict[str, Any]:
    if isinstance(data, str | os.PathLike):
        text = os.fspath(data)
        source = os.path.relpath(text, place) if Path(text).suffix else text
        return {"source": source, **({"label": label} if label is not None else {})}
    if hasattr(data, "to_csv") and hasattr(data, "columns"):
        if label is None:
            raise AblateError(f"label is required: which column of the table is to be learned? {list(data.columns)}")
        target = _new(place / f"{stem}_data.csv", is_known=is_known)
        writes.append(partial(data.to_csv, target, index=False))
        return {"source": target.name, "label": label}
    arrays = _arrays(data)
    target = _new(place / f"{stem}_data.npz", is_known=is_known)
    writes.append(lambda: np.savez(target, allow_pickle=False, **arrays))
    return {"source": target.name}


def _new(path: Path, *, is_known: bool) -> Path:
    """A path that may be written: nothing is there, or a study of that name is, which was written here."""
    if path.exists() and not is_known:
        raise AblateError(f"{path} is there already; choose another name or folder")
    return path


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
