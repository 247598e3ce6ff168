"""The names of figures of single layers, and which networks have them."""

from pathlib import Path
from typing import Any

import pytest

from ablate.errors import StudyError
from ablate.settings.run import Model
from ablate.studies import design, spec
from ablate.studies.layer_metrics import LayerMetric, layer_metric
from tests.conftest import study_of


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("initial_activations_sd_hidden_5", LayerMetric("initial", "activations", "sd", "hidden 5")),
        ("end_weights_spectral_norm_hidden_2b", LayerMetric("end", "weights", "spectral_norm", "hidden 2b")),
        ("best_activations_sd_ratio_hidden_3", LayerMetric("best", "activations", "sd_ratio", "hidden 3")),
        ("end_weights_mean_output", LayerMetric("end", "weights", "mean", "output")),
        (
            "initial_activations_share_-0.5_to_2_hidden_10",
            LayerMetric("initial", "activations", "share", "hidden 10", -0.5, 2.0),
        ),
        ("initial_activations_share_2_to_1_hidden_1", None),
        ("initial_activations_sd_hidden_0", None),
        ("first_activations_sd_hidden_1", None),
        ("test_accuracy", None),
    ],
)
def test_names(name: str, expected: LayerMetric | None) -> None:
    assert layer_metric(name) == expected


def test_only_networks_with_the_layer_have_it() -> None:
    def is_in(name: str, **changes: Any) -> bool:
        metric = layer_metric(name)
        assert metric is not None
        return metric.is_in(Model(**{"hidden": [4, 4], **changes}))

    pair = {"block": ["dense", "batch_norm", "dense", "activation"]}
    assert is_in("initial_activations_sd_hidden_2")
    assert is_in("initial_activations_sd_output")
    assert not is_in("initial_activations_sd_hidden_3")
    assert not is_in("initial_weights_sd_hidden_2b")
    assert is_in("initial_weights_sd_hidden_2b", **pair)
    assert not is_in("initial_activations_sd_hidden_2b", **pair)


def claiming(metric: str, **fields: Any) -> spec.Study:
    claim = {"says": "it is so", "metric": metric, "treatment": {"dropout": 0.5}, **fields}
    document = study_of(overfitting={"dropout": [0.0, 0.5]}).document()
    return spec.build({**document, "claim": [claim]}, Path("ablations.toml"))


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        ("initial_activations_sdd_hidden_1", "initial_activations_sd_hidden_1"),
        ("initial_activations_sd_ratio_hidden_1", "takes hidden_2 and on"),
        ("runing_gap", "running_gap"),
    ],
)
def test_a_wrong_name_is_told_what_is_allowed(metric: str, message: str) -> None:
    with pytest.raises(StudyError) as caught:
        claiming(metric, at_least=0.0)
    (problem,) = caught.value.problems
    assert problem.key == "claim[0].metric"
    assert message in problem.message


def test_a_layer_that_no_network_has_is_an_error_of_the_plan() -> None:
    design.expand(claiming("initial_activations_sd_hidden_1", at_least=0.0))
    with pytest.raises(StudyError, match="no treatment of the claim has this layer"):
        design.expand(claiming("initial_activations_sd_hidden_9", at_least=0.0))


def test_effects_are_about_other_metrics() -> None:
    with pytest.raises(StudyError, match=r"study\.primary"):
        study_of(study={"primary": "initial_activations_sd_hidden_1"})


def test_a_figure_to_reproduce_stands_alone() -> None:
    assert claiming("test_accuracy", reproduces=0.97).claims[0].reproduces == 0.97
    for fields in ({"at_least": 0.9}, {"against": {"dropout": 0.0}}, {"expect": "higher"}, {"margin": 0.1}):
        with pytest.raises(StudyError, match="claim"):
            claiming("test_accuracy", reproduces=0.97, **fields)
