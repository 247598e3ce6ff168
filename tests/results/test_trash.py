"""Removal: as a whole or not at all, whatever files are called, and whoever else removes at the same time."""

import subprocess
import sys
from pathlib import Path

import pytest

from ablate.errors import StoreError
from ablate.results import trash, upkeep
from ablate.results.store import Store
from tests.results.test_upkeep import BAD, GOOD, NEW, contents, store_with


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two runs, one of which the study does not ask for, with files of its callbacks."""
    made = store_with(tmp_path, GOOD, BAD)
    for name in ("a.b/c", "a/b.c", f"{'long' * 60}/{'long' * 60}.txt", "empty/empty"):
        path = tmp_path / "callbacks" / BAD / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name != "empty/empty":
            path.write_text(name)
    return made


def unused(store: Store) -> list[Path]:
    return [finding.path for finding in upkeep.unused(store, {GOOD})]


def test_files_of_callbacks_go_with_their_run_whatever_they_are_called(store: Store) -> None:
    assert trash.remove(store, unused(store)) > 500
    assert not any(BAD in name for name in contents(store.root))
    assert not (store.root / "callbacks").exists()
    assert not (store.root / "trash").exists()


def test_an_empty_folder_of_callbacks_goes_with_its_run(store: Store) -> None:
    for key in (GOOD, NEW):
        (store.root / "callbacks" / key / "logs").mkdir(parents=True)
    trash.remove(store, unused(store))
    assert [path.name for path in (store.root / "callbacks").iterdir()] == [GOOD]


class PulledOutError(BaseException):
    """Something that nobody expects, such as Ctrl-C."""


@pytest.mark.parametrize(
    ("error", "expected"), [(OSError(5, "no more"), StoreError), (PulledOutError(), PulledOutError)]
)
@pytest.mark.parametrize("place", ["rename", "lstat", "iterdir"])
def test_on_an_error_all_is_put_back(
    store: Store, monkeypatch: pytest.MonkeyPatch, error: BaseException, expected: type[BaseException], place: str
) -> None:
    """The third file cannot be moved; or all were, and then one cannot be looked at."""
    before, count, real = contents(store.root), 0, getattr(Path, place)

    def fails_once(path: Path, *arguments: object) -> object:
        nonlocal count
        count += "trash" in str((path, *arguments))
        if count == 3 and "trash" in str((path, *arguments)):
            raise error
        return real(path, *arguments)

    paths = unused(store)
    monkeypatch.setattr(Path, place, fails_once)
    with pytest.raises(expected):
        trash.remove(store, paths)
    monkeypatch.undo()
    assert contents(store.root) == before
    assert not (store.root / "trash").exists()
    assert unused(store) == paths


def test_a_folder_that_nobody_may_write_is_removed(store: Store) -> None:
    (store.root / "callbacks" / BAD / "a").chmod(0o500)
    trash.remove(store, unused(store))
    assert not (store.root / "callbacks").exists()


def killed_while_removing(store: Store) -> None:
    """A process that ends when everything was moved, and nothing deleted."""
    code = (
        "import os, sys; from pathlib import Path; from ablate.results import trash, upkeep; "
        "from ablate.results.store import Store; store = Store(Path(sys.argv[1])); "
        "trash._delete = lambda folder: os._exit(9); "
        "trash.remove(store, [each.path for each in upkeep.unused(store, {sys.argv[2]})])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(store.root), GOOD], check=False, timeout=60)
    assert done.returncode == 9


def test_what_a_killed_removal_left_goes_with_the_next(store: Store) -> None:
    killed_while_removing(store)
    (folder,) = (store.root / "trash").iterdir()
    (finding,) = upkeep.verify(store).findings
    assert (finding.kind, finding.path) == ("unfinished", folder)
    assert trash.remove(store, [finding.path]) > 500
    assert not (store.root / "trash").exists()


def test_what_a_living_process_removes_is_left_to_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another removal begins when this one has moved everything, and does not get in its way."""
    seen, delete = [], trash._delete

    def meanwhile(folder: Path) -> None:
        monkeypatch.setattr(trash, "_delete", delete)
        found = upkeep.verify(store).findings
        seen.extend(found)
        trash.remove(store, [finding.path for finding in found])
        assert len(list(folder.iterdir())) == 3
        delete(folder)

    monkeypatch.setattr(trash, "_delete", meanwhile)
    assert trash.remove(store, unused(store)) > 500
    assert seen == []
    assert not (store.root / "trash").exists()


def test_trash_may_be_removed_just_when_it_was_made(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process finds it empty: before a folder is made in it, or while it is being looked at."""
    mkdir, calls = Path.mkdir, []

    def taken_away(path: Path, *arguments: object, **named: object) -> None:
        if "trash" in path.parts:
            calls.append(path.name)
            if len(calls) == 2:
                path.parent.rmdir()
            if len(calls) == 3:
                raise FileExistsError
        mkdir(path, *arguments, **named)

    monkeypatch.setattr(Path, "mkdir", taken_away)
    assert trash.remove(store, unused(store)) > 500
    assert len(calls) == 5


def test_what_another_process_has_removed_is_gone(store: Store) -> None:
    paths = unused(store)
    trash.remove(store, paths)
    assert trash.remove(store, paths) == 0


def test_names_that_a_user_may_choose_are_not_those_of_a_removal(store: Store) -> None:
    folder = store.root / "trash" / "mine"
    folder.mkdir(parents=True)
    (folder / "thesis.txt").write_text("mine")
    (store.root / "trash" / ".removal.0123abcd.1.0123abcd.tmp").symlink_to(store.root / "runs")
    assert {finding.kind for finding in upkeep.verify(store).findings} == {"foreign"}
    trash.remove(store, [*trash.left(store), *unused(store)])
    assert (folder / "thesis.txt").read_text() == "mine"
    assert store.load(GOOD) is not None


def test_links_in_files_of_callbacks_are_removed_and_not_followed(store: Store, tmp_path_factory) -> None:
    mine = tmp_path_factory.mktemp("mine")
    (mine / "thesis.txt").write_text("mine")
    (store.root / "callbacks" / BAD / "link").symlink_to(mine)
    mine.chmod(0o500)
    trash.remove(store, unused(store))
    assert (mine / "thesis.txt").read_text() == "mine"
    assert mine.stat().st_mode & 0o777 == 0o500
