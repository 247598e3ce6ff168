"""Parts by group and by time: no group in two of them, nothing later in front of anything earlier."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ablate.data import sources, splits
from ablate.errors import StudyError
from ablate.settings.run import Data
from ablate.tables import parts

ROWS = 400


def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    patient = rng.integers(0, 40, ROWS)
    return pd.DataFrame(
        {
            "patient": [f"P{number:02}" for number in patient],
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.permutation(ROWS) // 4, "D"),
            "size": rng.random(ROWS),
            "sick": patient % 3 == 0,
        }
    )


def load(folder: Path, **keys: Any) -> tuple[sources.Dataset, Data]:
    frame().to_csv(folder / "t.csv", index=False)
    data = Data(**{"source": "t.csv", "label": "sick", **keys})
    return sources.load(data, folder), data


@pytest.mark.parametrize("share", [0.1, 0.2, 0.25, 0.3, 0.5])
def test_no_group_is_in_two_parts_of_any_split(tmp_path: Path, share: float) -> None:
    dataset, data = load(tmp_path, groups="patient", drop=["day"], test=share, validation=share)
    patients = frame()["patient"].to_numpy()
    validated: list[set[str]] = []
    for seed in range(1, 6):
        rows = splits.split(dataset, data, seed)
        found = [set(patients[part]) for part in (rows.train, rows.validation, rows.test)]
        assert all(
            one.isdisjoint(other) for one, other in ((found[0], found[1]), (found[0], found[2]), (found[1], found[2]))
        )
        everything = np.sort(np.concatenate([rows.train, rows.validation, rows.test]))
        np.testing.assert_array_equal(everything, np.arange(ROWS))
        validated.append(found[1])
    assert len(dataset.test) / ROWS == pytest.approx(share, abs=1 / 20)  # a group is a fortieth; folds are whole groups
    assert len({frozenset(each) for each in validated}) > 1, "drawn anew for every seed"
    assert dataset.names == ("size",), "a group is no feature"


def test_groups_that_cannot_be_parted_say_so(tmp_path: Path) -> None:
    table = frame().assign(patient=lambda table: table["sick"].map({True: "P1", False: "P2"}))
    table.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(StudyError, match=r"data.groups = .patient.: for the test part: leaves a class out"):
        sources.load(Data(source="t.csv", label="sick", groups="patient", drop=["day"]), tmp_path)


def test_later_rows_are_the_test_part_and_the_later_of_the_others_validation(tmp_path: Path) -> None:
    dataset, data = load(tmp_path, time="day", drop=["patient"])
    days = frame()["day"]
    for seed in (1, 2):
        rows = splits.split(dataset, data, seed)
        assert days[rows.train].max() < days[rows.validation].min()
        assert days[rows.validation].max() < days[rows.test].min()
    assert len(rows.test) == 80
    assert len(rows.validation) == 64
    assert dataset.names == ("size",), "the time itself is no feature unless it is named"


def test_rows_of_one_moment_stay_together() -> None:
    order = np.repeat(np.arange(4, dtype=np.int32), [5, 1, 8, 1])
    rows, y = np.arange(15, dtype=np.int32), np.zeros(15, np.int32)
    earlier, later = parts.by_time(rows, y, order, 0.2)
    assert (earlier.tolist(), later.tolist()) == (list(range(14)), [14])
    with pytest.raises(parts.PartError, match="all rows are of one moment"):
        parts.by_time(rows, y, np.zeros(15, np.int32), 0.2)
    with pytest.raises(parts.PartError, match="a class is only in the later rows"):
        parts.by_time(rows, (order == 3).astype(np.int32), order, 0.2)


def test_time_may_be_a_feature_as_well(tmp_path: Path) -> None:
    dataset, _ = load(tmp_path, time="day", features=["day", "size"], dates=["day"])
    assert dataset.names == ("day.year", "day.month", "day.day", "day.weekday", "size")


def test_groups_and_time_together_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="rows are parted by groups or by time, not by both"):
        load(tmp_path, time="day", groups="patient")


def test_how_rows_are_parted_is_in_the_digest(tmp_path: Path) -> None:
    digests = {
        load(tmp_path, **keys)[0].digest
        for keys in (
            {"features": ["size"]},
            {"features": ["size"], "groups": "patient"},
            {"features": ["size"], "time": "day"},
        )
    }
    assert len(digests) == 3
