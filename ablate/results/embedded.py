"""What a page carries inside: the study, its identity and its tables, put in as JSON and read back out of the HTML."""

import base64
import gzip
import math
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ablate import reading
from ablate.errors import StoreError
from ablate.results import received
from ablate.results.identity import Identity
from ablate.results.snapshot import Snapshot
from ablate.results.table import as_runs_table, countable
from ablate.settings import document
from ablate.settings.metrics import ALWAYS, Measured

FORMAT = 1
LARGEST_PAGE = 64_000_000  # bytes; the largest that is written is a few million
LARGEST_CONTENT = 16_000_000  # bytes of all documents, unpacked; likewise
HISTORY_EPOCHS, HISTORY_DIGITS = 20, 5
HISTORY_KEPT = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
NUMBERS_KEPT = tuple(f"{side}_{name}" for name in ("loss", *ALWAYS["regression"]) for side in ("train", "val"))
MOST_HISTORY_ROWS = 10_000  # 500 runs at 20 epochs each; more runs have fewer epochs
MOST_RUNS = 2_000
MOST_ROWS = 100_000  # lists and tables in one document, of which the page's own limits allow a tenth
_PARTS = ("study", "runs", "histories")
_BLOCK = re.compile(
    rb'<script type="(?P<kind>application/(?:json|gzip))" id="data-(?P<part>' + "|".join(_PARTS).encode() + rb')">'
)


@dataclass(frozen=True)
class Embedded:
    """What was read out of a page.

    Attributes:
        study: the resolved study file, as TOML text; home folders in it are written as `~`.
        identity: the data, libraries and code of its runs.
        runs: as `table.runs_table`; exact, but that infinite numbers are missing. The first 2,000 runs.
        histories: `treatment`, `seed`, `run`, `epoch` and `HISTORY_KEPT` or `NUMBERS_KEPT`, at up to 20 epochs of every
            run, fewer where there are over 500 runs, with 5 significant digits.
    """

    study: str
    identity: Identity
    runs: pd.DataFrame
    histories: pd.DataFrame


def content(snapshot: Snapshot) -> dict[str, dict[str, Any]]:
    """The JSON documents of a page, by the name that `read` looks for, all numbers finite."""
    runs = snapshot.runs.head(MOST_RUNS)
    return {
        "study": {
            "format": FORMAT,
            "study": document.write(snapshot.study.document()),
            "identity": asdict(snapshot.identity),
        },
        "runs": _runs(runs),
        "histories": _histories(snapshot.histories, runs),
    }


def packed(text: str) -> str:
    """Text in a fifth of its size: gzip, base64; the same every time."""
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def read(path: Path) -> Embedded:
    """The study and the tables inside a page.

    Args:
        path: an HTML file that `ablate report` wrote.

    Raises:
        StoreError: it cannot be read, is no such page, or a newer version wrote it.
    """
    try:
        documents = _documents(reading.named(path, LARGEST_PAGE))
        missing = [part for part in _PARTS if part not in documents]
        if missing:
            raise StoreError(f"{path} is no page that 'ablate report' wrote: it holds no {' and no '.join(missing)}")
        return _content(*(documents[part] for part in _PARTS))
    except _NewerError:
        raise StoreError(f"{path} was written by a newer version of ablate; upgrade ablate to read it") from None
    except reading.DamagedError as error:
        raise StoreError(f"{path} is no page of ablate: {error}") from None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, EOFError, zlib.error) as error:
        raise StoreError(f"{path} is damaged: {error}") from None


class _NewerError(Exception):
    """A page that only a newer version can read."""


def _content(head: Any, runs: Any, histories: Any) -> Embedded:
    """What the documents of a page say.

    Raises:
        ValueError: they are damaged; says what is wrong.
    """
    if received.version(head) > FORMAT:
        raise _NewerError
    study, identity = received.head(head)
    received.runs(runs)
    names = _history_kept(runs["columns"])
    received.histories(histories, ("row", "epoch", *names), len(runs["rows"]))
    table = as_runs_table(pd.DataFrame(runs["rows"], columns=runs["columns"]), Measured.of_columns(runs["columns"]))
    return Embedded(study, identity, table, _histories_back(histories, table, names))


def _documents(page: bytes) -> dict[str, Any]:
    """The JSON documents of a page by what follows `data-` in their id, found by their marks in one pass.

    Raises:
        ValueError, EOFError, zlib.error: one is damaged or there twice, or they are too large together.
    """
    left, found = LARGEST_CONTENT, {}
    for match in _BLOCK.finditer(page):
        kind, part = match["kind"].decode(), match["part"].decode()
        if part in found:
            raise ValueError(f"it holds two tables of {part}")
        end = page.find(b"</script", match.end())
        content = _unpacked(page[match.end() : len(page) if end < 0 else end], kind, left)
        left -= len(content)
        found[part] = reading.parse_json(content, MOST_ROWS)
    return found


def _unpacked(text: bytes, kind: str, most: int) -> bytes:
    """The JSON text of a block, of at most so many bytes."""
    if kind == "application/json":
        content, whole = text[:most], len(text) <= most
    else:
        unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)  # gzip
        content = unpacking.decompress(base64.b64decode(text), max(most, 1))
        whole = unpacking.eof
    if not whole:
        raise ValueError("a table is cut off, or far larger than any page's")
    return content


def _runs(runs: pd.DataFrame) -> dict[str, Any]:
    return {"columns": list(runs.columns), "rows": [[_plain(cell) for cell in row] for row in runs.to_numpy(object)]}


def _histories(histories: pd.DataFrame, runs: pd.DataFrame) -> dict[str, Any]:
    """Thinned histories; the first column is a place in the rows of the runs, which spares every row their names."""
    places = {(name, key): place for place, (name, key) in enumerate(zip(runs["treatment"], runs["run"], strict=True))}
    names = _history_kept(runs.columns)
    epochs = max(2, min(HISTORY_EPOCHS, MOST_HISTORY_ROWS // max(len(runs), 1)))
    rows: list[list[Any]] = []
    for place, part in _by_run(histories, places):
        kept = part.iloc[thinned(len(part), epochs)]
        numbers = kept[list(names)].to_numpy(dtype=np.float64)
        rows += [
            [place, int(epoch), *(_plain(float(f"{cell:.{HISTORY_DIGITS}g}")) for cell in row)]
            for epoch, row in zip(kept["epoch"], numbers, strict=True)
        ]
    return {"of": "runs", "epochs": epochs, "columns": ["row", "epoch", *names], "rows": rows}


def _history_kept(columns: Iterable[str]) -> tuple[str, ...]:
    """What histories hold beside a table of runs with these columns."""
    return HISTORY_KEPT if Measured.of_columns(columns).task == "classification" else NUMBERS_KEPT


def _by_run(histories: pd.DataFrame, places: Mapping[tuple[str, str], int]) -> Iterator[tuple[int, pd.DataFrame]]:
    for (name, key), part in histories.groupby(["treatment", "run"], sort=False):
        place = places.get((str(name), str(key)))
        if place is not None:
            yield place, part


def _histories_back(histories: Mapping[str, Any], runs: pd.DataFrame, kept: Sequence[str]) -> pd.DataFrame:
    table = pd.DataFrame(histories["rows"], columns=["row", "epoch", *kept])
    names = runs[["treatment", "seed", "run"]].iloc[table.pop("row").to_numpy(dtype=np.int64)].reset_index(drop=True)
    numbers = {name: countable(table[name].to_numpy(np.float64)) for name in kept}
    return names.join(table.astype({"epoch": "int64"}).assign(**numbers))


def thinned(count: int, most: int) -> list[int]:
    """At most so many places out of `count`, evenly spread, the first and the last among them."""
    return sorted({round(place) for place in np.linspace(0, count - 1, min(count, most))}) if count else []


def _plain(cell: Any) -> Any:
    """A cell as JSON can hold it."""
    if cell is None or cell is pd.NA:
        return None
    if isinstance(cell, float):
        return float(cell) if math.isfinite(cell) else None
    return int(cell) if isinstance(cell, int | np.integer) and not isinstance(cell, bool) else str(cell)
