"""Categories and missing numbers: what scikit-learn makes of the training rows, and of no other row."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder

from ablate.data import sources, splits
from ablate.data.sources import Dataset
from ablate.settings.run import Data
from ablate.tables.mapping import Mapping, Piece, Recipe

ROWS = 300


def frame() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    age = rng.integers(18, 80, ROWS).astype(float)
    age[rng.random(ROWS) < 0.2] = np.nan
    jobs = rng.choice([f"job {number}" for number in range(12)], ROWS, p=np.arange(12, 0, -1) / 78)
    towns = rng.choice(["Bonn", "Köln", "서울"], ROWS, p=[0.2, 0.5, 0.3])
    return pd.DataFrame(
        {"age": age, "job": jobs, "size": rng.random(ROWS), "town": towns, "kind": rng.integers(0, 2, ROWS)}
    )


def load(folder: Path, table: pd.DataFrame, **keys: Any) -> tuple[Dataset, splits.Split]:
    table.to_csv(folder / "t.csv", index=False)
    data = Data(**{"source": "t.csv", "label": "kind", "missing": "median", "max_categories": 6, **keys})
    dataset = sources.load(data, folder)
    return dataset, splits.split(dataset, data, 1)


def test_features_are_those_that_scikit_learn_makes_of_the_training_rows(tmp_path: Path) -> None:
    table = frame()
    dataset, rows = load(tmp_path, table)
    mapping = dataset.mapping(rows.train)
    encoded = dataset.encoded(mapping)
    assert encoded.x.shape == (ROWS, 2 + 7 + 1 + 4)
    imputer = SimpleImputer(strategy="median", add_indicator=True).fit(table[["age"]].iloc[rows.train])
    np.testing.assert_array_equal(encoded.x[:, :2], imputer.transform(table[["age"]]).astype(np.float32))
    np.testing.assert_array_equal(encoded.x[:, 9], table["size"].astype(np.float32))
    for name, first, last in (("job", 2, 8), ("town", 10, 13)):
        encoder = OneHotEncoder(max_categories=6, sparse_output=False).fit(table[[name]].iloc[rows.train])
        expected = pd.DataFrame(encoder.transform(table[[name]]), columns=encoder.get_feature_names_out())
        common = [column for column in expected if not column.endswith("infrequent_sklearn")]
        counts = table[name].iloc[rows.train].value_counts()
        by_frequency = sorted(common, key=lambda column: (-counts[column.removeprefix(f"{name}_")], column))
        expected = expected[[*by_frequency, *(column for column in expected if column not in common)]]
        np.testing.assert_array_equal(encoded.x[:, first:last], expected)
    assert not encoded.x[:, [8, 13]].any(), "nothing is unseen here"


def test_one_hot_columns_and_indicators_are_not_scaled(tmp_path: Path) -> None:
    from ablate.training import data as run_data

    dataset, rows = load(tmp_path, frame())
    encoded = dataset.encoded(dataset.mapping(rows.train))
    scaled = run_data.scaling(encoded, rows.train)(encoded.x).numpy()
    binary = [1, *range(2, 9), *range(10, 14)]
    np.testing.assert_array_equal(scaled[:, binary], encoded.x[:, binary])
    np.testing.assert_allclose(scaled[rows.train][:, [0, 9]].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(scaled[rows.train][:, [0, 9]].std(axis=0), 1, atol=1e-5)


@pytest.mark.parametrize("part", ["test", "validation"])
def test_nothing_is_learned_from_rows_that_measure(tmp_path: Path, part: str) -> None:
    """Whatever stands in them, the training rows and what becomes of them stay the same, bit for bit."""
    from ablate.training import data as run_data

    table = frame()
    dataset, rows = load(tmp_path, table)
    poisoned = table.copy()
    held = getattr(rows, part)
    poisoned.loc[held, "age"] = np.nan
    poisoned.loc[held, "size"] = 1e30
    poisoned.loc[held, "job"] = "job 11"
    poisoned.loc[held, "town"] = "Bonn"
    if part == "test":
        poisoned.loc[held, "job"] = "a job of nobody"
        poisoned.loc[held, "town"] = "Aachen"
    other, again = load(tmp_path, poisoned)
    np.testing.assert_array_equal(rows.train, again.train)
    (before, after) = (found.encoded(found.mapping(rows.train)) for found in (dataset, other))
    assert dataset.mapping(rows.train) == other.mapping(rows.train)
    np.testing.assert_array_equal(before.x[rows.train], after.x[rows.train])
    one, two = (run_data.scaling(found, rows.train) for found in (before, after))
    np.testing.assert_array_equal(one.shift, two.shift)
    np.testing.assert_array_equal(one.factor, two.factor)


def test_a_value_that_no_training_row_has_is_in_a_column_of_its_own(tmp_path: Path) -> None:
    table = frame()
    _, rows = load(tmp_path, table)
    table.loc[rows.test, "town"] = "Aachen"
    dataset, rows = load(tmp_path, table)
    mapping = dataset.mapping(rows.train)
    assert mapping is not None
    encoded = dataset.encoded(mapping)
    assert [output.name for output in mapping.outputs[-4:]] == [
        "town = Köln",
        "town = 서울",
        "town = Bonn",
        "town: unseen",
    ]
    np.testing.assert_array_equal(encoded.x[rows.test, -4:], [[0, 0, 0, 1]] * len(rows.test))
    np.testing.assert_array_equal(encoded.x[rows.train, -1], 0)


def test_every_seed_has_as_many_features(tmp_path: Path) -> None:
    """So seeds share a compiled program; a category that this seed only validates on leaves a column unused."""
    table = frame()
    table.loc[0, "town"] = "Aachen"
    dataset, _ = load(tmp_path, table)
    assert 0 in dataset.train
    kinds = set()
    for seed in range(1, 12):
        rows = splits.split(dataset, Data(source="t.csv", label="kind"), seed)
        mapping = dataset.mapping(rows.train)
        assert mapping is not None
        assert len(mapping.outputs) == dataset.features == 15
        assert ("unused" in {output.kind for output in mapping.outputs}) == (0 in rows.validation)
        kinds.add(0 in rows.validation)
    assert kinds == {False, True}


def test_a_mapping_survives_json(tmp_path: Path) -> None:
    table = frame().assign(when=1.7e9 + np.arange(ROWS) * 7 % 97)
    dataset, rows = load(tmp_path, table)
    mapping = dataset.mapping(rows.train)
    assert mapping is not None
    assert dataset.wide_pivots is not None
    document = json.loads(json.dumps(mapping.document(dataset.wide_pivots)))
    assert dataset.recipe is not None
    assert Mapping.from_document(document, dataset.recipe, dataset.wide_pivots) == mapping
    fills = {entry["column"]: entry["fill"] for entry in document["columns"] if "fill" in entry}
    assert fills == table[["age", "size", "when"]].iloc[rows.train].astype({"size": np.float32}).median().to_dict()


def test_missing_text_is_a_category_of_its_own(tmp_path: Path) -> None:
    table = frame()
    table.loc[::5, "town"] = None
    dataset, rows = load(tmp_path, table)
    mapping = dataset.mapping(rows.train)
    assert mapping is not None
    assert "town = (missing)" in {output.name for output in mapping.outputs}


def test_a_table_of_numbers_is_what_it_always_was(tmp_path: Path) -> None:
    table = frame()[["size", "kind"]]
    assert load(tmp_path, table)[0].digest == load(tmp_path, table, missing="error", max_categories=50)[0].digest


COLUMNS = [
    {"name": "age", "column": "age", "kind": "number", "fill": 3.5},
    {"name": "town = Bonn", "column": "town", "kind": "category", "values": ["Bonn"]},
    {"name": "town: unseen", "column": "town", "kind": "unseen"},
]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "input should be a valid dictionary"),
        ({"columns": COLUMNS[:2]}, "not about the columns of this data"),
        ({"columns": [*COLUMNS, COLUMNS[2]]}, "not about the columns of this data"),
        ({"columns": [COLUMNS[1], COLUMNS[0], COLUMNS[2]]}, "not about the columns of this data"),
        ({"columns": [COLUMNS[0] | {"kind": "category"}, *COLUMNS[1:]]}, "not about the columns of this data"),
        ({"columns": [COLUMNS[0] | {"kind": "code"}, *COLUMNS[1:]]}, "columns.0.kind: input should be 'number'"),
        ({"columns": [COLUMNS[0] | {"fill": "3"}, *COLUMNS[1:]]}, "columns.0.fill: input should be a valid number"),
        ({"columns": [COLUMNS[0], COLUMNS[1] | {"values": [1]}, COLUMNS[2]]}, "columns.1.values.0: input should be a"),
    ],
)
def test_another_document_is_refused_in_words(document: Any, words: str) -> None:
    recipe = Recipe((Piece("age"), Piece("town", ("Bonn", "Rome"), 2)), 50)
    assert Mapping.from_document({"columns": COLUMNS}, recipe).outputs[0].fill == 3.5
    with pytest.raises(ValueError, match=re.escape(words)):
        Mapping.from_document(document, recipe)
