"""The tables of a study as files that other programs read."""

import json
from pathlib import Path

import pandas as pd

from ablate.errors import AblateError, EmptyResultsError
from ablate.results import embedded
from ablate.results.files import replace_file
from ablate.results.snapshot import Snapshot
from ablate.results.store import Store
from ablate.text import cell


def write(snapshot: Snapshot, store: Store, kind: str) -> list[Path]:
    """Write `runs.<kind>` and `histories.<kind>` into the study's folder.

    Args:
        snapshot: what is there of the study.
        store: its folder.
        kind: `csv`, `json` (a list of rows) or `parquet`.

    Raises:
        EmptyResultsError: no run is finished or failed.
        StoreError: a file could not be written.
        AblateError: Parquet was asked for and pyarrow is not installed.
    """
    if snapshot.runs.empty:
        raise EmptyResultsError(f"no finished runs in {store.root}; 'ablate run' trains them")
    tables = {"runs": snapshot.runs, "histories": snapshot.histories}
    return [store.write(f"{name}.{kind}", serialize(table, kind)) for name, table in tables.items()]


def extract(page: Path, folder: Path | None = None, kind: str = "csv", *, replace: bool = False) -> list[Path]:
    """Write `study.toml`, `runs.<kind>` and `histories.<kind>` from what a page carries inside.

    Args:
        page: an HTML file that `ablate report` wrote.
        folder: where to; by default a folder beside the page, named as it, `-extracted` for a name without an ending.
        kind: of the tables, as that of `write`.
        replace: files that are there.

    Raises:
        AblateError: a file is there already, or in the folder's place, or Parquet was asked for and pyarrow is not
            installed.
        StoreError: the page cannot be read.
        OSError: a file could not be written.
    """
    found = embedded.read(page)
    folder = folder or (page.with_suffix("") if page.suffix else page.with_name(f"{page.name}-extracted"))
    files = {
        folder / "study.toml": found.study.encode(),
        folder / f"runs.{kind}": serialize(found.runs, kind),
        folder / f"histories.{kind}": serialize(found.histories, kind),
    }
    if folder.exists() and not folder.is_dir():
        raise AblateError(f"{folder} is a file; name a folder for what is inside {page}")
    there = [path for path in files if path.exists()]
    if there and not replace:
        raise AblateError(f"{there[0]} is there already; --force replaces it")
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        replace_file(path, content)
    return list(files)


def serialize(table: pd.DataFrame, kind: str) -> bytes:
    """A table as the content of a file: `csv`, `json` (a list of rows) or `parquet`.

    Raises:
        AblateError: Parquet was asked for and pyarrow is not installed.
    """
    match kind:
        case "csv":
            return to_csv(table).encode()
        case "json":
            rows = table.astype(object).where(_finite(table), None).to_dict("records")
            return (json.dumps(rows, indent=1, allow_nan=False, default=int) + "\n").encode()
        case _:
            try:
                return bytes(table.to_parquet(index=False))
            except ImportError:
                raise AblateError("Parquet needs pyarrow: install that package, or choose --format csv") from None


def to_csv(table: pd.DataFrame) -> str:
    """A table as CSV in full precision, with `NaN` for what is missing or not finite.

    Text that a spreadsheet would take for a formula gets a leading quote, in cells and in the names of columns.
    """
    safe = table.where(_finite(table))
    for name in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[name]):
            safe[name] = safe[name].map(cell)
    return str(safe.rename(columns=cell).to_csv(index=False, na_rep="NaN"))


def _finite(table: pd.DataFrame) -> pd.DataFrame:
    """Which cells hold something: text, or a number that is neither NaN nor infinite."""
    return table.notna() & ~table.isin([float("inf"), float("-inf")])
