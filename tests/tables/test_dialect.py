"""How text tables are written: detected where it is certain, named by the study, or refused with the key that says."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ablate.data import sources
from ablate.data.sources import Dataset
from ablate.errors import StudyError
from ablate.settings.run import Data

ROWS = 30
FRAME = pd.DataFrame(
    {"weight": np.arange(ROWS) * 0.5 + 0.25, "height": (np.arange(ROWS) * 7) % 11, "kind": [*"xyz"] * (ROWS // 3)}
)


def load(folder: Path, content: str | bytes, **keys: Any) -> Dataset:
    path = folder / "t.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return sources.load(Data(**{"source": "t.csv", "label": "kind", **keys}), folder)


def problems(folder: Path, content: str | bytes, **keys: Any) -> list[str]:
    with pytest.raises(StudyError) as caught:
        load(folder, content, **keys)
    return [str(problem) for problem in caught.value.problems]


def assert_is_frame(dataset: Dataset, frame: pd.DataFrame = FRAME) -> None:
    np.testing.assert_array_equal(dataset.x, frame[["weight", "height"]].to_numpy(np.float32))
    assert [dataset.classes[number] for number in dataset.y] == frame["kind"].tolist()


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_separator_is_found(tmp_path: Path, separator: str) -> None:
    dataset = load(tmp_path, FRAME.to_csv(index=False, sep=separator))
    assert_is_frame(dataset)
    assert [note for note in dataset.notes if "separated" in note] == (
        []
        if separator == ","
        else [f"cells are separated by { {';': 'semicolons', chr(9): 'tabs', '|': 'bars'}[separator] }"]
    )


@pytest.mark.parametrize("separator", [":", " ", "^"])
def test_other_separators_are_named(tmp_path: Path, separator: str) -> None:
    assert_is_frame(load(tmp_path, FRAME.to_csv(index=False, sep=separator), separator=separator))


def test_spaces_may_be_several(tmp_path: Path) -> None:
    assert_is_frame(load(tmp_path, FRAME.to_string(index=False), separator=" "))


def test_a_misspelt_label_is_looked_for_among_the_columns_and_not_in_the_whole_header(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, FRAME.to_csv(index=False, sep=";"), label="kidn")
    assert problem.endswith("t.csv has no such column; did you mean 'kind'?")


@pytest.mark.parametrize("keys", [{}, {"separator": ";", "decimal": ","}])
def test_decimal_commas_are_found_or_named(tmp_path: Path, keys: dict[str, Any]) -> None:
    dataset = load(tmp_path, FRAME.to_csv(index=False, sep=";", decimal=","), **keys)
    assert_is_frame(dataset)
    assert ("numbers have a decimal comma" in dataset.notes) == (not keys)


def test_decimal_commas_between_quotes_in_a_file_of_commas_are_named(tmp_path: Path) -> None:
    text = FRAME.to_csv(index=False, decimal=",", quoting=2)
    text = "\n".join(
        f'"{a.replace(".", ",")}","{b}","{c}"'
        for a, b, c in [line.split(";") for line in FRAME.to_csv(index=False, sep=";").split()]
    )
    assert "write 1234.5, or set data.decimal" in problems(tmp_path, text)[0]
    assert_is_frame(load(tmp_path, text, decimal=","))


def test_three_digits_after_every_comma_are_not_guessed_at(tmp_path: Path) -> None:
    text = "weight;height;kind\n" + "".join(f"{n},{n:03};{n};{'xyz'[n % 3]}\n" for n in range(ROWS))
    (problem,) = problems(tmp_path, text)
    assert problem.startswith(
        "data.decimal: t.csv: '0,000' is ambiguous: its comma can be a decimal comma or separate thousands"
    )
    assert load(tmp_path, text, decimal=",").x[7, 0] == np.float32(7.007)


def test_a_comma_at_the_end_of_every_row_shifts_nothing(tmp_path: Path) -> None:
    """Left to itself, pandas takes the first column for an index then, and every name is one column off."""
    header, *rows = FRAME.to_csv(index=False).split()
    ended = "\n".join([header, *(f"{row}," for row in rows)])
    assert pd.read_csv(pd.io.common.StringIO(ended))["weight"].tolist() == FRAME["height"].tolist()
    dataset = load(tmp_path, ended)
    assert_is_frame(dataset)
    assert "every row ends in a separator: the empty cell after it is left out" in dataset.notes
    assert_is_frame(load(tmp_path, "\n".join([f"{header},", *(f"{row}," for row in rows)])))


def test_cells_without_a_name_are_an_error(tmp_path: Path) -> None:
    """In front as row numbers, behind in one row alone, below a name with a line break in it, and two of them."""
    header, *rows = FRAME.to_csv(index=False).split()
    numbered = [f"{number},{row}" for number, row in enumerate(rows)]
    said = "has {} cells, and the header names 3 columns: cell {}, '{}', is in none; give every column a name"
    for lines, line, words in (
        ([header, *numbered], 2, said.format(4, 4, "x")),
        ([header, *(f"{row}," for row in rows[:-1]), f"{rows[-1]},9"], 31, said.format(4, 4, "9")),
        ([header.replace("weight", '"wei\nght"'), *numbered], 3, said.format(4, 4, "x")),
        ([header, *(f"{number},{row}" for number, row in enumerate(numbered))], 2, said.format(5, 4, FRAME.height[0])),
    ):
        (problem,) = problems(tmp_path, "\n".join(lines))
        assert f"line {line} of t.csv {words}" in problem


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("1.25,3,z", "1.25,3,z,8"), "1 row has more cells than the 3 columns of t.csv: line 4 has 4"),
        (("1.25,3,z", "1.25,3"), "1 row has less cells than the 3 columns of t.csv: line 4 has 2"),
    ],
)
def test_rows_that_are_too_long_or_too_short_are_named(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    text = FRAME.to_csv(index=False)
    assert change[0] in text
    for missing in ("error", "median", "drop"):
        assert message in problems(tmp_path, text.replace(*change), missing=missing)[0]


@pytest.mark.parametrize("separator", [",", ";"])
def test_a_name_that_is_there_twice_is_an_error(tmp_path: Path, separator: str) -> None:
    """Left to itself, pandas renames the second: a copy of the label becomes a feature."""
    frame = FRAME.assign(again=FRAME["kind"].map(ord)).rename(columns={"again": "kind"})
    (problem,) = problems(tmp_path, frame.to_csv(index=False, sep=separator))
    assert "column 'kind' is there more than once in the header of t.csv (columns 3, 4)" in problem


def test_names_that_differ_in_spaces_alone_are_there_twice(tmp_path: Path) -> None:
    assert "'weight' is there more than once" in problems(tmp_path, "weight,weight ,kind\n1,2,x\n")[0]


def test_a_file_without_a_header_is_read_by_the_numbers_of_its_columns(tmp_path: Path) -> None:
    text = FRAME.to_csv(index=False, header=False)
    (problem,) = problems(tmp_path, text)
    assert problem == (
        "data.header: the first row of t.csv holds numbers (0.25, 0, x, ...), and no column 'kind'; for a file without "
        'names set data.header = false: its columns are then named "1" to "3"'
    )
    assert_is_frame(load(tmp_path, text, header=False, label="3"))


def test_names_may_be_numbers(tmp_path: Path) -> None:
    assert_is_frame(load(tmp_path, FRAME.rename(columns={"weight": "0", "height": "1"}).to_csv(index=False)))
