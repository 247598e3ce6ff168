"""The program: its commands are listed without being imported, and a wrong one is told what there is."""

import sys

import pytest

import ablate as package
from ablate.cli import COMMANDS, main
from tests.commands import ablate


def test_help_lists_every_command_with_its_summary() -> None:
    done = ablate("--help")
    assert done.exit_code == 0
    words = " ".join(done.stdout.split())
    assert all(f"{name} {summary}" in words for name, summary in COMMANDS.items())


def test_help_imports_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in COMMANDS:
        monkeypatch.delitem(sys.modules, f"ablate.cli.{name}", raising=False)
    ablate("--help")
    assert not [name for name in COMMANDS if f"ablate.cli.{name}" in sys.modules]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_found_by_its_name_and_says_what_the_list_says(name: str) -> None:
    command = main.get_command(None, name)  # type: ignore[arg-type]
    assert command is not None
    assert command.name == name
    assert " ".join((command.help or "").split()).startswith(COMMANDS[name].rstrip("."))


def test_an_unknown_command_is_bad_usage() -> None:
    done = ablate("trian")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "No such command 'trian'" in done.stderr


def test_the_version_is_that_of_the_package() -> None:
    assert ablate("--version").stdout == f"ablate, version {package.__version__}\n"
