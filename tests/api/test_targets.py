"""Targets: files that are asked for are written only where nothing else is lost."""

from pathlib import Path

import pytest

from ablate.api import targets
from ablate.errors import AblateError, StoreError
from ablate.results.store import Store
from tests import invented


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return invented.kept(invented.snapshot(finished=1), tmp_path / "reports")


@pytest.mark.parametrize("option", [targets.JUNIT, targets.SUMMARY, targets.BASELINE])
@pytest.mark.parametrize("name", ["study.toml", "identity.json", "runs/ab/new.xml", "models/summary.md"])
def test_places_of_results_are_not_written(store: Store, option: str, name: str) -> None:
    with pytest.raises(AblateError, match="is a place in the folder of results"):
        targets.check({option: store.root / name})


def test_files_beside_the_page_may_be_written(store: Store) -> None:
    wanted = {targets.JUNIT: store.root / "junit.xml", targets.SUMMARY: store.root / "summary.md"}
    targets.check(wanted)
    assert not any(path.exists() for path in wanted.values())  # they were looked at, and not made


@pytest.mark.parametrize(
    ("option", "content", "fits"),
    [
        (targets.JUNIT, "<?xml version='1.0' encoding='utf-8'?>\n<testsuites name='a'/>", True),
        (targets.JUNIT, "<testsuite/>", True),
        (targets.JUNIT, "<project/>", False),
        (targets.JUNIT, "# \N{LARGE GREEN CIRCLE} tiny: nothing is wrong", False),
        (targets.SUMMARY, "# \N{LARGE GREEN CIRCLE} tiny: nothing is wrong", True),
        (targets.SUMMARY, "# \N{LARGE RED CIRCLE} nothing was measured", True),
        (targets.SUMMARY, "# My project", False),
        (targets.SUMMARY, "", True),
    ],
)
def test_only_what_is_of_the_same_kind_is_replaced(tmp_path: Path, option: str, content: str, fits: bool) -> None:
    path = tmp_path / "there"
    path.write_text(content)
    if fits:
        targets.check({option: path})
    else:
        with pytest.raises(AblateError, match="it is not replaced: name another file"):
            targets.check({option: path})


def test_a_file_behind_two_names_is_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "x")
    with pytest.raises(AblateError, match="--junit is the same file"):
        targets.check({targets.JUNIT: tmp_path / "x", targets.SUMMARY: tmp_path / "link"})


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AblateError, match="is not replaced: it is not a file"):
        targets.check({targets.JUNIT: Path("/dev/null")})


@pytest.mark.parametrize("name", ["loop", "loop/x.md"])
def test_links_in_a_circle_are_an_error_in_words(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(StoreError, match=r"loop.* leads nowhere"):
        targets.check({targets.SUMMARY: tmp_path / name})
