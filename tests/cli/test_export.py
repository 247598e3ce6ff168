"""`ablate export`: both tables in the study's folder, and where they are."""

import json
from pathlib import Path

import pandas as pd

from tests import invented
from tests.commands import ablate


def test_both_tables_are_written_and_their_paths_printed(tmp_path: Path) -> None:
    made = invented.snapshot(failed=(2,))
    store = invented.kept(made, tmp_path)
    done = ablate("export", "-o", tmp_path)
    assert done.exit_code == 0, done.stderr
    runs, histories = map(Path, done.stdout.splitlines())
    assert (runs, histories) == (store.root / "runs.csv", store.root / "histories.csv")
    assert pd.read_csv(runs)["run"].tolist() == made.runs["run"].tolist()


def test_the_document_names_them_and_the_kind_is_chosen(tmp_path: Path) -> None:
    store = invented.kept(invented.snapshot(finished=3), tmp_path)
    done = ablate("export", "-o", tmp_path, "--format", "json", "--json")
    assert json.loads(done.stdout) == {"paths": [str(store.root / "runs.json"), str(store.root / "histories.json")]}
    assert len(json.loads((store.root / "runs.json").read_text())) == 3


def test_nothing_to_export_is_no_success(tmp_path: Path) -> None:
    invented.kept(invented.snapshot(finished=0), tmp_path)
    done = ablate("export", "-o", tmp_path)
    assert (done.exit_code, done.stdout) == (5, "")
