"""`ablate model`: kept networks score what was recorded, are written as plain Keras, and are what their record says."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ablate.data import sources
from ablate.results.store import Store, read_record
from ablate.settings.run import Data
from tests.commands import ablate, train_tiny
from tests.conftest import STUDIES
from tests.stranger import Stranger

pytestmark = pytest.mark.usefixtures("warm")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, warm: None) -> Path:
    """The tiny study with L2 and with all its networks."""
    settings = ("-S", "study.save_models='all'", "-S", "overfitting.l2=0.01")
    return train_tiny(tmp_path_factory.mktemp("out"), *settings)


@pytest.fixture
def copy(trained: Path, tmp_path: Path) -> Path:
    """A copy of its results, to be spoiled."""
    return Path(shutil.copytree(trained, tmp_path / "out"))


def networks(out: Path) -> list[Path]:
    return sorted((out / "tiny" / "models").glob("*.keras"))


def test_kept_networks_score_what_their_records_say(trained: Path) -> None:
    done = ablate("model", "evaluate", "-o", trained, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)["networks"]
    assert len(found) == 4
    for each in found:
        record = read_record(Store(trained / "tiny").record_path(each["run"]))
        assert each["agrees"]
        assert each["test_accuracy"] == pytest.approx(record.result["test_accuracy"], abs=1e-6)
        assert each["test_loss"] == pytest.approx(record.result["test_loss"], rel=1e-5)
        assert each["loss_with_penalties"] > each["test_loss"] + 0.01
        for part, column in zip(each["parts"], ("train", "val", "test"), strict=True):
            assert part["agrees"]
            assert part["loss"] == pytest.approx(record.result[f"{column}_loss"], rel=1e-5)
            assert part["recorded_accuracy"] == record.result[f"{column}_accuracy"]


def test_runs_are_chosen_by_key_or_by_treatment_and_seed(trained: Path) -> None:
    key = networks(trained)[0].stem
    done = ablate("model", "evaluate", "-o", trained, key[:10].upper())
    assert done.exit_code == 0, done.output
    (line,) = done.stdout.splitlines()
    assert line.startswith(key[:12])
    assert line.endswith("; as recorded")
    assert ", with penalties " in line
    done = ablate("model", "evaluate", "-o", trained, "--only", "dropout=0.5", "--seed", 2)
    assert [line.split(":")[0].partition("  ")[2] for line in done.stdout.splitlines()] == ["dropout=0.5 seed 2"]


def test_written_networks_are_plain_keras(stranger: Stranger, trained: Path, tmp_path: Path) -> None:
    digits = sources.load(Data(source="digits"), Path())
    np.savez(tmp_path / "test.npz", x=digits.x[digits.test], y=digits.y[digits.test])
    network = networks(trained)[0]
    written = []
    for options, suffix in (([], ".keras"), (["--h5"], ".h5")):
        done = ablate("model", "save", "-o", trained, network.stem, "--to", tmp_path, *options, "--json")
        assert done.exit_code == 0, done.output
        written.append(str(tmp_path / f"{network.stem[:12]}{suffix}"))
        assert [file["path"] for file in json.loads(done.stdout)["files"]] == written[-1:]
    recorded = read_record(Store(trained / "tiny").record_path(network.stem)).result["test_accuracy"]
    found = [stranger.score(Path(path), tmp_path / "test.npz") for path in written]
    assert [each.accuracy for each in found] == [pytest.approx(recorded, abs=1e-6)] * 2
    assert "ablate" not in found[-1].modules
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["evaluate", "xyz"], 2, "'xyz' is the beginning of no run's key in this study"),
        (["evaluate", ""], 2, "is the beginning of 4 keys"),
        (["evaluate", "--seed", "9"], 2, "no runs with seed 9; this study's seeds are 1, 2"),
        (["evaluate", "--only", "dropuot=0.5"], 2, "no factor 'dropuot'"),
        (["save"], 2, "name a RUN, or choose by --only and --seed"),
        (["save", "--seed", "1", "--to", "one.keras"], 2, "2 networks do not fit into one file"),
        (["save", "--seed", "1", "--only", "dropout=0.5", "--to", "one.txt"], 2, "should end in .keras or .h5"),
        (["save", "--seed", "1", "--only", "dropout=0.5", "--h5", "--to", "one.keras"], 2, "should end in .h5"),
        (["save", "--seed", "1", "--only", "dropout=0.5", "--to", "no/where.h5"], 2, "there is no folder"),
    ],
)
def test_what_cannot_be_done_is_said(trained: Path, arguments: list[str], code: int, message: str) -> None:
    done = ablate("model", *arguments, "-o", trained)
    assert done.exit_code == code
    assert message in done.output


def test_networks_that_were_not_kept_or_not_trained_are_named(copy: Path) -> None:
    first, second = networks(copy)[:2]
    first.unlink()
    done = ablate("model", "evaluate", first.stem, "-o", copy)
    assert done.exit_code == 5
    assert "was not kept: save_models = 'all'" in done.output
    Store(copy / "tiny").record_path(second.stem).unlink()
    done = ablate("model", "evaluate", second.stem, "-o", copy)
    assert done.exit_code == 5
    assert "is not finished" in done.output
    assert len(ablate("model", "evaluate", "-o", copy).stdout.splitlines()) == 2


def test_a_record_whose_parts_are_of_two_networks_is_found_out(copy: Path) -> None:
    """As an older version wrote it: training and validation of the last epoch, test of the restored one."""
    path = Store(copy / "tiny").record_path(networks(copy)[0].stem)
    record = read_record(path)
    first = {name: values[0] for name, values in record.history.items() if name.startswith(("train_", "val_"))}
    path.write_bytes(replace(record, result={**record.result, **first}).to_json())
    done = ablate("model", "evaluate", path.stem, "-o", copy)
    assert done.exit_code == 74
    said = [
        f"recorded for {name} {first[f'{side}_accuracy']:.4f}"
        for name, side in (("training", "train"), ("validation", "val"))
    ]
    assert all(text in done.stdout for text in said)
    assert "recorded for test" not in done.stdout


def test_damaged_and_exchanged_networks_are_refused(copy: Path) -> None:
    first, second = networks(copy)[:2]
    first.write_bytes(first.read_bytes()[:500])
    done = ablate("model", "evaluate", first.stem, "-o", copy)
    assert done.exit_code == 74
    assert f"{first.name} is damaged" in done.output
    shutil.copy(second, first)
    done = ablate("model", "save", first.stem, "-o", copy, "--to", copy)
    assert done.exit_code == 74
    assert "does not hold the weights that its record was measured with" in done.output
    assert not list(copy.glob("*.keras"))


def test_networks_with_code_of_their_own_are_scored_from_the_study_that_was_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("import keras\n\n\ndef bent(x):\n    return keras.ops.relu(x) ** 2\n")
    text = (STUDIES / "tiny.toml").read_text().replace("[model]\n", '[model]\nactivation = "mine:bent"\n')
    (tmp_path / "ablations.toml").write_text(text)
    assert ablate("run", "-j", "1", "-S", "overfitting.dropout=0", "--replicates", "1").exit_code == 0
    done = ablate("model", "evaluate")
    assert done.exit_code == 0, done.stderr
    assert "as recorded" in done.stdout
    (tmp_path / "mine.py").unlink()
    request.getfixturevalue("cold")  # the warm worker has imported it
    gone = ablate("model", "evaluate")
    assert gone.exit_code in (2, 74)
    assert "mine" in gone.output
    assert "Unpicklable" not in gone.stderr
