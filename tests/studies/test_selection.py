"""Tables of levels, as in excludes, includes, claims and `full`: what they match, and what is wrong with them."""

from pathlib import Path
from typing import Any

import pytest

from ablate.errors import StudyError
from ablate.studies import design, spec
from ablate.studies.spec import Study

FACTORS = {
    "underfitting": {
        "batch_norm": [False, True],
        "optimizer": ["sgd", {"name": "sgd", "momentum": 0.9}, {"name": "adam", "learning_rate": 0.1}],
    },
    "overfitting": {"dropout": [0.0, 0.2, 0.5]},
}
TWO_ADAMS = {"underfitting": {"optimizer": ["sgd", *({"name": "adam", "learning_rate": rate} for rate in (0.1, 0.2))]}}


def build(design_name: str = "grid", head: dict[str, Any] | None = None, **tables: Any) -> Study:
    document = {
        "study": {"name": "tiny", "replicates": 1, "design": design_name, **(head or {})},
        "data": {"source": "digits"},
        "model": {"hidden": [16, 8]},
        "training": {"epochs": 2},
        **FACTORS,
        **tables,
    }
    return spec.build(document, Path("ablations.toml"))


def names(study: Study) -> list[str]:
    return [treatment.name for treatment in design.treatments(study)]


def claim(treatment: dict[str, Any], against: dict[str, Any]) -> dict[str, Any]:
    return {
        "says": "It helps",
        "metric": "test_accuracy",
        "treatment": treatment,
        "against": against,
        "expect": "higher",
    }


def test_a_bare_name_matches_any_arguments_and_a_table_exactly() -> None:
    everything = names(build())
    assert len(everything) == 18
    without = names(build(exclude=[{"optimizer": "adam"}]))
    assert without == [name for name in everything if "adam" not in name]
    exact = names(build(exclude=[{"optimizer": {"name": "sgd", "momentum": 0.9}}]))
    assert exact == [name for name in everything if "momentum" not in name]


@pytest.mark.parametrize(
    ("tables", "key", "message"),
    [
        ({"exclude": [{"dropuot": 0.5}]}, "exclude[0].dropuot", "did you mean 'dropout'"),
        ({"exclude": [{"dropout": 0.5}, {"dropout": 0.7}]}, "exclude[1].dropout", "did you mean '0.5'"),
        ({"exclude": [{}]}, "exclude[0]", "at least 1"),
        ({"include": [{"optimizer": "adam"}], **TWO_ADAMS}, "include[0].optimizer", "fits several levels"),
        ({"include": [{"batch_norm": 1}]}, "include[0].batch_norm", "true"),
        (
            {"claim": [claim({"batch_nrom": True}, {"batch_norm": False})]},
            "claim[0].treatment.batch_nrom",
            "batch_norm",
        ),
        ({"claim": [claim({"batch_norm": True}, {"dropout": 9.0})]}, "claim[0].against.dropout", "0.5"),
        (
            {"head": {"full": {"dropout": 0.7}}, "design_name": "leave-one-out"},
            "study.full.dropout",
            "did you mean '0.5'",
        ),
        ({"head": {"full": {"dropout": 0.5}}}, "study", "leave-one-out"),
        ({"head": {"linked": [["batch_norm", "dropout"]]}}, "study.linked[0]", "batch_norm has 2, dropout has 3"),
        ({"head": {"linked": [["batch_norm", "l3"]]}}, "study.linked[0]", "'l3' is not varied"),
        ({"head": {"linked": [["dropout", "optimizer"], ["optimizer", "dropout"]]}}, "study.linked[0]", "once"),
    ],
)
def test_a_table_that_names_what_is_not_there_is_an_error(tables: dict[str, Any], key: str, message: str) -> None:
    with pytest.raises(StudyError) as caught:
        build(**tables)
    (problem, *_) = caught.value.problems
    assert problem.key == key
    assert message in problem.message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"exclude": [{"dropout": 0.0}]}, "baseline"),
        ({"design_name": "leave-one-out", "exclude": [{"batch_norm": True, "dropout": 0.2}]}, "everything on"),
        (
            {"design_name": "one-at-a-time", "claim": [claim({"batch_norm": True, "dropout": 0.5}, {"dropout": 0.0})]},
            "compares no two treatments",
        ),
        (
            {"exclude": [{"batch_norm": True}], "claim": [claim({"batch_norm": True}, {"batch_norm": False})]},
            "claim",
        ),
    ],
)
def test_what_a_design_cannot_answer_is_an_error_before_anything_is_trained(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(StudyError, match=message):
        design.treatments(build(**arguments))


def test_a_claim_with_a_pair_is_in_order() -> None:
    asked = claim({"batch_norm": True}, {"batch_norm": False})
    for name in ("one-at-a-time", "grid", "leave-one-out"):
        assert design.treatments(build(name, claim=[asked]))


def test_what_is_asked_in_vain_or_twice_is_a_warning() -> None:
    def warnings(name: str = "one-at-a-time", **tables: Any) -> str:
        return " ".join(design.expand(build(name, **tables), 10_000).warnings)

    assert "exclude[0]" in warnings(exclude=[{"batch_norm": True, "dropout": 0.5}])
    assert "include[0]" in warnings(include=[{"batch_norm": True}])
    assert "optimizer" in warnings("leave-one-out")  # its third level is in no treatment
    assert not warnings()


def test_linked_factors_move_together_and_are_one_factor() -> None:
    linked = build("one-at-a-time", {"linked": [["optimizer", "dropout"]]})
    assert names(linked) == [
        "baseline",
        "batch_norm=true",
        "optimizer+dropout=sgd(momentum=0.9)+0.2",
        "optimizer+dropout=adam(learning_rate=0.1)+0.5",
    ]
    assert {"optimizer", "dropout", "optimizer+dropout"} <= set(linked.columns)
    chosen = design.select(design.treatments(linked), linked, ["dropout=0.5"])
    assert [treatment.name for treatment in chosen] == ["optimizer+dropout=adam(learning_rate=0.1)+0.5"]
