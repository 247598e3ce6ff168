"""Dropout with a schedule acts in the epochs that it names, whoever trains, and leaves other dropouts alone."""

from pathlib import Path

import pytest

from ablate.data.dataset import Dataset
from ablate.training.networks import layers
from ablate.training.workshop import Workshop
from tests.conftest import STUDIES, study_of
from tests.training.networks.test_pieces import SMALL, run


def test_a_schedule_of_dropout_acts_in_its_epochs_alone(digits: Dataset) -> None:
    """The first epoch of early dropout is that of dropout; that of late dropout is that of a network without."""
    workshop = Workshop()
    loss = {}
    for name, value in {
        "always": 0.5,
        "never": 0.0,
        "early": {"rate": 0.5, "schedule": "early", "epochs": 1},
        "late": {"rate": 0.5, "schedule": "late", "epochs": 1},
    }.items():
        settings = study_of(**SMALL, overfitting={"dropout": value}).base
        loss[name] = run(settings, digits, workshop).history["loss"]
    assert loss["early"][0] == loss["always"][0] != loss["never"][0] == loss["late"][0]
    assert len({each[1] for each in loss.values()}) == 4
    assert len(workshop._benches) == 1


def test_own_dropouts_of_a_network_keep_their_rate_under_a_schedule(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(STUDIES)
    from ablate.studies import spec
    from ablate.training.networks.surgery import VariableDropout

    document = {
        "study": {"name": "own"},
        "data": {"source": "digits", "train_size": 200},
        "model": {"builder": "user_networks:with_dropout"},
        "training": {"epochs": 2},
        "overfitting": {"dropout": {"rate": 0.5, "schedule": "early", "epochs": 1}},
    }
    workshop = Workshop()
    settings = spec.build(document, Path("ablations.toml")).base
    run(settings, digits, workshop)
    (bench,) = workshop._benches.values()
    rates = {n: float(layer.rate) for n, layer in layers.walk(bench.model) if isinstance(layer, VariableDropout)}
    assert rates == {"own": 0.25, "first_dropout": 0.0}
    by_fit = run(settings, digits, workshop, trainer="fit")
    assert by_fit.history["loss"][0] == pytest.approx(run(settings, digits, workshop).history["loss"][0], rel=1e-4)
