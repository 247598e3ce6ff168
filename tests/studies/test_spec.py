"""The study file: what it says is what is run, and every mistake in it is reported at once."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablate.errors import StudyError
from ablate.settings import document
from ablate.settings.levels import INITIALIZERS, OPTIMIZERS
from ablate.studies import spec
from tests.conftest import STUDIES, study_of

ROOT = Path(__file__).parents[2]


def test_the_default_study_varies_all_six_remedies() -> None:
    study = spec.load(ROOT / "ablations.toml")
    assert [factor.name for factor in study.factors] == [
        "init",
        "batch_norm",
        "optimizer",
        "dropout",
        "l2",
        "early_stopping",
    ]
    assert study.seeds == tuple(range(1, 11))
    assert study.design == "one-at-a-time"


def test_all_mistakes_of_a_file_are_reported_at_once(golden: Any) -> None:
    with pytest.raises(StudyError) as caught:
        spec.load(STUDIES / "bad.toml")
    golden("bad-study.txt", "\n".join(map(str, caught.value.problems)) + "\n")


@pytest.mark.parametrize(
    ("sections", "key", "message"),
    [
        ({"overfitting": {"dropout": [1.0]}}, "overfitting.dropout[0]", "less than 1"),
        ({"overfitting": {"dropout": float("nan")}}, "overfitting.dropout", "finite"),
        ({"overfitting": {"l2": [0.0, float("inf")]}}, "overfitting.l2[1]", "finite"),
        ({"overfitting": {"l2": -1.0}}, "overfitting.l2", "greater than or equal to 0"),
        ({"overfitting": {"dropout": []}}, "overfitting.dropout", "at least 1 level"),
        ({"overfitting": {"droput": 0.1}}, "overfitting.droput", "did you mean 'dropout'?"),
        ({"overfitting": {"batchnorm": True}}, "overfitting.batchnorm", "'batch_norm' in [underfitting]"),
        ({"training": {"epochs": 0}}, "training.epochs", "greater than or equal to 1"),
        ({"training": {"epochs": True}}, "training.epochs", "integer"),
        ({"model": {"hidden": []}}, "model.hidden", "at least 1"),
        ({"model": {"block": ["activation", "dense"]}}, "model", "begin with 'dense'"),
        ({"study": {"name": "../x"}}, "study.name", "letter or digit"),
        ({"study": {"name": "n" * 300}}, "study.name", "at most 100"),
        ({"study": {"name": "서" * 100}}, "study.name", "too long for a folder: at most 200 bytes"),
        ({"study": {"name": "실험 "}}, "study.name", "letter or digit"),
        ({"study": {"name": "실험/1"}}, "study.name", "letter or digit"),
        ({"study": {"name": "실험\u202e1"}}, "study.name", "letter or digit"),
        ({"study": {"name": ".실험"}}, "study.name", "letter or digit"),
        ({"data": {"separator": "ab"}}, "data.separator", "should be a single character, such as ';' or a tab"),
        ({"data": {"encoding": "klingon"}}, "data.encoding", "no such encoding; some are utf-8"),
        ({"data": {"missing": "mean"}}, "data.missing", "should be 'error', 'median' or 'drop'"),
        ({"data": {"max_categories": 1}}, "data.max_categories", "greater than or equal to 2"),
        ({"data": {"grops": "patient"}}, "data.grops", "did you mean 'groups'?"),
        ({"study": {"seeds": [1, 1]}}, "study", "seeds should all differ"),
        (
            {"overfitting": {"early_stopping": {"stop_at_gap": 0.1, "baseline": 0.9}}},
            "overfitting.early_stopping",
            "needs a patience",
        ),
        (
            {"overfitting": {"early_stopping": {"patience": 1, "start_from_epoch": -1}}},
            "overfitting.early_stopping.start_from_epoch",
            "or equal to 0",
        ),
        ({"factors": {"underfitting.init": ["zeros"]}}, 'factors."underfitting.init"', "unknown key"),
    ],
)
def test_a_mistake_names_its_key_and_what_is_allowed(sections: dict[str, Any], key: str, message: str) -> None:
    with pytest.raises(StudyError) as caught:
        study_of(**sections)
    (problem,) = caught.value.problems
    assert problem.key == key
    assert message in problem.message


@pytest.mark.parametrize("name", ["언더피팅 실험", "Überanpassung", "étude-2", "実験_1", "тест", "a b", "x.1", "2024"])
def test_a_name_may_be_in_any_script(name: str) -> None:
    assert study_of(study={"name": name}).name == name


def test_a_name_has_one_spelling() -> None:
    """What looks the same is the same folder: a letter and its accent are one sign."""
    assert study_of(study={"name": "e\u0301tude"}).name == "\u00e9tude"


def test_keys_of_tables_that_say_nothing_are_not_written_down() -> None:
    """So records, and the study file that a run leaves, are as they were before there were such keys."""
    assert study_of().document()["data"] == {"source": "digits", "validation": 0.2, "scale": "auto"}
    said = {"source": "t.csv", "label": "y", "missing": "median", "drop": ["id"], "header": False}
    assert study_of(data=said).document()["data"] == {"validation": 0.2, "scale": "auto", **said}


def test_a_missing_section_is_required() -> None:
    with pytest.raises(StudyError) as caught:
        spec.build({"study": {"name": "a"}}, Path("x.toml"))
    assert [(problem.key, problem.message) for problem in caught.value.problems] == [
        (section, "is required") for section in ("data", "model", "training")
    ]


def test_a_scalar_and_a_single_level_are_settings_not_factors() -> None:
    study = study_of(overfitting={"dropout": 0.2, "l2": [0.01]}, factors={"training.batch_size": [64]})
    assert study.factors == ()
    assert study.base.remedies.dropout == 0.2
    assert study.base.remedies.l2 == 0.01
    assert study.base.training.batch_size == 64


def test_any_field_can_be_a_factor_quoted_or_not() -> None:
    quoted = study_of(factors={"model.activation": ["relu", "tanh"]})
    assert quoted == study_of(factors={"model": {"activation": ["relu", "tanh"]}})
    (factor,) = quoted.factors
    assert (factor.name, factor.family, factor.labels) == ("model.activation", None, ("relu", "tanh"))
    assert quoted.settings({"model.activation": "tanh"}).model.activation == "tanh"


def test_a_factor_level_that_fits_no_network_is_reported_with_its_name() -> None:
    with pytest.raises(StudyError, match=r"model\.block = \[activation\]"):
        study_of(factors={"model.block": [["dense", "activation"], ["activation"]]})


def _levels(catalogue: dict[str, Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from(sorted(catalogue)).map(lambda name: {"name": name})


@given(
    inits=st.lists(_levels(INITIALIZERS), min_size=1, max_size=3),
    optimizers=st.lists(
        st.one_of(
            _levels(OPTIMIZERS),
            st.floats(1e-6, 10).map(lambda rate: {"name": "adam", "learning_rate": rate}),
        ),
        min_size=1,
        max_size=3,
    ),
    dropouts=st.lists(
        st.one_of(st.floats(0, 0.99), st.lists(st.floats(0, 0.99), min_size=2, max_size=2)), min_size=1, max_size=3
    ),
    stops=st.lists(
        st.one_of(st.just(False), st.integers(0, 50).map(lambda patience: {"patience": patience})),
        min_size=1,
        max_size=2,
    ),
    rate=st.one_of(st.none(), st.floats(1e-9, 1)),
    activations=st.lists(st.sampled_from(["relu", "tanh"]), min_size=1, max_size=2),
)
def test_writing_the_resolved_study_and_reading_it_is_the_identity(
    inits: list[Any],
    optimizers: list[Any],
    dropouts: list[Any],
    stops: list[Any],
    rate: float | None,
    activations: list[str],
) -> None:
    study = study_of(
        training={"learning_rate": rate} if rate else {},
        underfitting={"init": inits, "optimizer": optimizers},
        overfitting={"dropout": dropouts, "early_stopping": stops},
        factors={"model.activation": activations},
    )
    assert spec.build(tomllib.loads(document.write(study.document())), study.source) == study


def test_a_remedy_without_a_place_in_any_block_is_an_error() -> None:
    with pytest.raises(StudyError, match=r"overfitting\.dropout = 0\.5: has no place.*holds 'dropout'"):
        study_of(model={"block": ["dense", "activation"]}, overfitting={"dropout": [0.0, 0.5]})
    somewhere = [["dense", "activation"], ["dense", "batch_norm", "activation"]]
    assert study_of(factors={"model.block": somewhere}, underfitting={"batch_norm": True}).factors


def test_asking_for_replicates_replaces_the_seeds_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "seeded.toml"
    path.write_text(document.write({**study_of().document(), "study": {"name": "a", "seeds": [7, 9]}}))
    assert spec.load(path).seeds == (7, 9)
    assert spec.load(path, ["study.replicates=3"]).seeds == (1, 2, 3)


def test_every_level_that_does_not_fit_is_reported_with_its_key() -> None:
    with pytest.raises(StudyError) as caught:
        study_of(overfitting={"dropout": [0.0, [0.1]]}, underfitting={"batch_norm": [False, [True]]})
    assert [problem.key for problem in caught.value.problems] == ["underfitting.batch_norm", "overfitting.dropout"]
