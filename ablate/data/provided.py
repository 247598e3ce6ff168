"""Data from a function of the user's: called in a process of its own, which hands back arrays and nothing else.

So a plan stays free of what the function imports or prints, a crash or an exit of it is an error of the study file, and
what it returns meets the same checks as a file does.
"""

import json
import os
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ablate import reading
from ablate.data.readers import Arrays, SourceError, read_npz
from ablate.usercode import code

KEY = "data.source"
TIMEOUT = 600  # seconds
LONGEST_REASON = 300  # characters
MOST_SHAPES = 3  # that are listed
ONE_INPUT = "networks take one input here: join several into one array, and take it apart in the builder"
_ARRAYS, _REASON = "arrays.npz", "reason.json"


def read(reference: str, folder: Path) -> Arrays:
    """What a function returns: `(x, y)`, or `((x_train, y_train), (x_test, y_test))`.

    Args:
        reference: `package.module:function`, called without arguments.
        folder: of the study; it is searched first.

    Raises:
        SourceError: it raised something, took too long, ended its process or returned something else.
        StudyError: there is no such function.
    """
    code.digest(reference, folder, KEY)  # says what is wrong with the reference
    with tempfile.TemporaryDirectory(prefix="ablate-data-") as target:
        reason = _call(reference, folder, Path(target))
        if reason:
            raise SourceError(reason)
        return read_npz(Path(target) / _ARRAYS)


def _call(reference: str, folder: Path, target: Path) -> str:
    """Call a function in a fresh process; why it brought nothing, or an empty text."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
    }
    own = "import sys; from ablate.data import provided; provided.main(*sys.argv[1:])"
    command = [sys.executable, "-P", "-c", own, reference, str(folder), str(target)]
    with (target / "printed").open("wb") as printed:
        try:
            done = subprocess.run(  # noqa: S603 - our own code, by this interpreter
                command, env=environment, stdout=printed, stderr=printed, timeout=TIMEOUT, check=False
            )
        except subprocess.TimeoutExpired:
            return f"gave nothing back within {TIMEOUT} s"
    if (target / _REASON).is_file():
        return str(json.loads((target / _REASON).read_text(encoding="utf-8")))
    if (target / _ARRAYS).is_file():
        return ""
    return f"ended its process (exit code {done.returncode}) and gave nothing back"


def main(reference: str, folder: str, target: str) -> None:
    """What the process does: call the function and write its arrays, or why there are none."""
    code.open_folder(Path(folder))
    try:
        arrays = _named(code.load(reference)())
        partial = Path(target) / "partial.npz"
        np.savez(partial, **arrays)  # type: ignore[arg-type]
        partial.rename(Path(target) / _ARRAYS)
    except SourceError as error:
        reason = str(error)
    except Exception as error:  # noqa: BLE001 - the user's code may raise anything
        reason = _reason(error)
    else:
        return
    (Path(target) / _REASON).write_text(json.dumps(reason), encoding="utf-8")


def _named(returned: Any) -> dict[str, npt.NDArray[Any]]:
    """The arrays that a function returned, by the keys that they have in an `.npz` file."""
    match returned:
        case (tuple((x, y)), tuple((x_test, y_test))):
            found = {"x_train": x, "y_train": y, "x_test": x_test, "y_test": y_test}
        case (x, y):
            found = {"x_train": x, "y_train": y}
        case _:
            kind = type(returned).__name__
            raise SourceError(f"returned {kind}, and should return (x, y), or ((x_train, y_train), (x_test, y_test))")
    for part in ("train", "test"):
        if _are_several(found.get(f"x_{part}"), found.get(f"y_{part}")):
            shapes = ", ".join(str(np.shape(each)) for each in found[f"x_{part}"][:MOST_SHAPES])
            raise SourceError(f"returned x_{part} as {len(found[f'x_{part}'])} arrays of shapes {shapes}; {ONE_INPUT}")
    arrays = {name: _array(name, value) for name, value in found.items()}
    size, limit = sum(array.nbytes for array in arrays.values()), reading.memory_limit()
    if size > limit:
        raise SourceError(f"returned {size:,} bytes, more than the {limit:,} that memory allows; write an .npz")
    return arrays


def _are_several(x: Any, y: Any) -> bool:
    """Whether features come as one array for each of several inputs, and not as one row for each label."""
    if not isinstance(x, list | tuple) or not all(isinstance(each, np.ndarray) and each.ndim for each in x):
        return False
    labels = len(y) if hasattr(y, "__len__") else 0
    return 1 < len(x) != labels and all(len(each) == labels for each in x)


def _array(name: str, value: Any) -> npt.NDArray[Any]:
    try:
        array = np.asarray(value)
    except ValueError:  # rows that differ in shape
        shapes = dict.fromkeys(str(np.shape(each)) for each in value)
        listed = ", ".join(list(shapes)[:MOST_SHAPES])
        message = f"returned {name} as {len(value)} rows of different shapes ({listed}), which make no array"
        raise SourceError(f"{message}; {ONE_INPUT}") from None
    if array.dtype.hasobject:
        advice = f"; {ONE_INPUT}" if isinstance(value, dict) else ""
        raise SourceError(f"returned {name} of {type(value).__name__}, which is no array of numbers or texts{advice}")
    return array


def _reason(error: Exception) -> str:
    """What was raised, and where: the last line of the traceback, and the line of code before it."""
    last = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1][:LONGEST_REASON]
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"raised {last}{where}"
