"""Tables as files: every number as it was, and nothing that a spreadsheet would execute."""

import csv
import io
import json
import math
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ablate.errors import AblateError, EmptyResultsError
from ablate.results import export
from ablate.results.store import Store
from tests import invented

TABLE = pd.DataFrame(
    {
        "treatment": ["=1+1", "+x", "-x", "@x", "\tx", "plain", "a,b"],
        "seed": pd.array([1, 2, 3, 4, 5, 6, None], dtype="Int64"),
        "test_loss": [0.1 + 0.2, math.nan, math.inf, -math.inf, -1e-300, 5.0, 1 / 3],
    }
)


def test_both_tables_are_written_where_the_study_lies(tmp_path: Path) -> None:
    made = invented.snapshot(failed=(1,))
    store = invented.kept(made, tmp_path)
    runs, histories = export.write(made, store, "csv")
    assert (runs, histories) == (store.root / "runs.csv", store.root / "histories.csv")
    found = pd.read_csv(runs)
    assert found["run"].tolist() == made.runs["run"].tolist()
    np.testing.assert_array_equal(found["test_accuracy"], made.runs["test_accuracy"])
    assert len(pd.read_csv(histories)) == 17 * invented.EPOCHS


def test_a_study_without_runs_has_no_tables(tmp_path: Path) -> None:
    with pytest.raises(EmptyResultsError, match=r"no finished runs in .*'ablate run' trains them"):
        export.write(invented.snapshot(finished=0), Store(tmp_path), "csv")
    assert not list(tmp_path.iterdir())


def test_numbers_of_a_csv_are_those_of_the_table_to_the_last_bit() -> None:
    rows = list(csv.DictReader(io.StringIO(export.to_csv(TABLE))))
    kept = [float(row["test_loss"]) for row in rows]
    assert kept[0] == 0.1 + 0.2
    assert kept[4:] == [-1e-300, 5.0, 1 / 3]
    assert [row["test_loss"] for row in rows[1:4]] == ["NaN"] * 3
    assert [row["seed"] for row in rows] == ["1", "2", "3", "4", "5", "6", "NaN"]


def test_text_that_looks_like_a_formula_is_quoted_in_a_csv_alone() -> None:
    rows = list(csv.DictReader(io.StringIO(export.to_csv(TABLE))))
    quoted = [row["treatment"] for row in rows]
    assert quoted == ["'=1+1", "'+x", "'-x", "'@x", "'\tx", "plain", "a,b"]
    assert [row["treatment"] for row in json.loads(export.serialize(TABLE, "json"))] == TABLE["treatment"].tolist()


def test_json_is_strict_and_has_null_for_what_is_no_number() -> None:
    rows = json.loads(export.serialize(TABLE, "json"), parse_constant=pytest.fail)
    assert [row["test_loss"] for row in rows] == [0.1 + 0.2, None, None, None, -1e-300, 5.0, 1 / 3]
    assert [row["seed"] for row in rows] == [1, 2, 3, 4, 5, 6, None]


def test_parquet_comes_back_as_it_was() -> None:
    pytest.importorskip("pyarrow")
    found = pd.read_parquet(io.BytesIO(export.serialize(TABLE, "parquet")))
    pd.testing.assert_frame_equal(found, TABLE)


def test_parquet_without_pyarrow_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "fastparquet", None)
    with pytest.raises(AblateError, match="Parquet needs pyarrow: install that package, or choose --format csv"):
        export.serialize(TABLE, "parquet")
