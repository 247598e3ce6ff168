"""`ablate status`: how far a study is, and the figures of the analysis, in words and as a document."""

import json
import re
from pathlib import Path

import pytest

from ablate.api import open_results
from tests import invented
from tests.cli.conftest import CLAIM
from tests.commands import ablate


def test_it_says_how_far_the_study_is_and_what_is_lost(invented_results: Path) -> None:
    done = ablate("status", "-o", invented_results)
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0] == "study invented: 17 of 18 runs finished, 1 failed, 1 diverged"


def test_effects_and_claims_are_those_of_the_library(invented_results: Path) -> None:
    said = ablate("status", "-o", invented_results).stdout
    results = open_results(out=invented_results)
    for row in results.effects().to_dict("records"):
        assert f"{row['factor']}={row['level']}" in said
        assert f"{row['mean']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}]" in said
    (claim,) = results.claims().to_dict("records")
    assert f"{claim['verdict']}  " in said
    assert f"{claim['says']}: test_accuracy {claim['mean']:+.4f}" in said


def test_the_document_has_the_same_and_nothing_else_is_on_stdout(invented_results: Path) -> None:
    document = json.loads(ablate("status", "-o", invented_results, "--json").stdout)
    assert (document["runs"], document["done"], document["failed"], document["diverged"]) == (18, 17, 1, 1)
    effects = open_results(out=invented_results).effects()
    assert [row["mean"] for row in document["effects"]] == effects["mean"].tolist()
    assert [row["says"] for row in document["claims"]] == ["Batch norm helps"]
    assert document["confirmation"] == []


def test_a_study_without_a_finished_run_is_no_success(tmp_path: Path) -> None:
    invented.kept(invented.snapshot(finished=2, failed=(0, 1)), tmp_path)
    done = ablate("status", "-o", tmp_path)
    assert (done.exit_code, done.stdout) == (5, "")
    assert re.fullmatch(
        r"Error: none of 18 runs is finished, 2 failed; 2 of 18 runs, the first of them baseline, seed 1, failed: "
        r"out of memory <b> \(its log: \S+/attempts/\S+/1\.json\); 'ablate run' tries them again\n",
        done.stderr,
    )


def test_a_claim_that_more_replicates_would_decide_says_how_many(tmp_path: Path) -> None:
    """Beside one that is decided, so that the column of these numbers has a gap."""
    open_claim = {"says": "Dropout is nothing", "metric": "test_accuracy", "expect": "equivalent", "margin": 0.004}
    open_claim |= {"treatment": {"dropout": 0.5}, "against": {"dropout": 0.0}}
    invented.kept(invented.snapshot(claim=[CLAIM, open_claim]), tmp_path)
    claims = open_results(out=tmp_path).claims()
    assert claims["verdict"].tolist() == ["supported", "inconclusive"]
    lines = [line for line in ablate("status", "-o", tmp_path).stdout.splitlines() if " n 6" in line][-2:]
    assert "would decide it" not in lines[0]
    assert f"(about {claims['needed'][1]} replicates in all would decide it)" in lines[1]


@pytest.mark.parametrize("folder", ["absent", "empty"])
def test_a_folder_without_results_is_no_success(tmp_path: Path, folder: str) -> None:
    (tmp_path / "empty").mkdir()
    study = tmp_path / "ablations.toml"
    study.write_text('[study]\nname = "x"\n[data]\nsource = "iris"\n[model]\nhidden = [4]\n[training]\nepochs = 1\n')
    done = ablate("status", "-c", study, "-o", tmp_path / folder)
    assert (done.exit_code, done.stdout) == (5, "")
