"""Options that commands share: times, floors, and the overrides that they stand for."""

from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from ablate.cli import options


def given(decorate: Any, *arguments: str) -> tuple[Result, dict[str, Any]]:
    """What a command with these options is handed."""
    handed: dict[str, Any] = {}

    @click.command()
    @decorate
    def command(**values: Any) -> None:
        handed.update(values)

    return CliRunner().invoke(command, arguments), handed


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90.0), ("90s", 90.0), ("20m", 1200.0), ("1.5h", 5400.0), (" 2 ", 2.0), (None, None)]
)
def test_a_time_is_in_seconds_minutes_or_hours(text: str | None, seconds: float | None) -> None:
    assert options.seconds(None, None, text) == seconds  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "soon", "0", "-1s", "nan", "inf", "infh", "1d", "m", "1e999"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match=r"is not a time such as 90s, 20m or 1\.5h"):
        options.seconds(None, None, text)  # type: ignore[arg-type]


def test_replicates_are_an_override_after_the_others() -> None:
    _, handed = given(options.study_options, "-S", "a.b=1", "--set", "c.d=2", "--replicates", "3", "-c", "x.toml")
    assert handed["overrides"] == ("a.b=1", "c.d=2", "study.replicates=3")
    assert str(handed["config"]) == "x.toml"
    assert given(options.study_options)[1] == {"overrides": (), "config": None, "out": None}


@pytest.mark.parametrize("number", ["-1", "nan", "inf", "much"])
def test_a_floor_is_a_number_from_0_on(number: str) -> None:
    done, handed = given(options.floor_option, "--floor", number)
    assert (done.exit_code, handed) == (2, {})


def test_a_floor_of_0_and_no_floor_are_different() -> None:
    assert given(options.floor_option, "--floor", "0")[1] == {"floor": 0.0}
    assert given(options.floor_option)[1] == {"floor": None}


def test_a_selection_may_name_several_levels() -> None:
    _, handed = given(options.selection_options, "--only", "a=1", "--only", "b=2", "--max-runs", "7")
    assert handed == {"only": ("a=1", "b=2"), "max_runs": 7}
    assert given(options.selection_options, "--max-runs", "0")[0].exit_code == 2


def test_kinds_of_tables_are_those_that_can_be_written() -> None:
    assert given(options.table_kind)[1] == {"kind": "csv"}
    done, _ = given(options.table_kind, "--format", "xlsx")
    assert (done.exit_code, "'csv', 'json', 'parquet'" in done.stderr) == (2, True)


def test_models_in_files_are_not_trusted_by_default() -> None:
    assert given(options.trust_option)[1] == {"trust_model": False}
    assert given(options.trust_option, "--trust-model")[1] == {"trust_model": True}
