"""Run keys: the same for what must train the same, different for what may not, on any day and any Python."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from ablate.results import identity
from ablate.results.identity import (
    DataFacts,
    Identity,
    data_name,
    facts_by_source,
    installed_libraries,
    plan_runs,
    run_key,
)
from ablate.settings.run import RunSettings
from ablate.studies import design
from tests.conftest import study_of

FACTS = DataFacts("0" * 64, 1797, 64, 10, 0.1)


def identity_for(*settings: RunSettings, digest: str = "0" * 64) -> Identity:
    facts = DataFacts(digest, 1797, 64, 10, 0.1)
    return Identity({"keras": "3.15", "tensorflow": "2.21"}, {data_name(each.data): facts for each in settings})


def key_of(seed: int = 1, **sections: Any) -> str:
    base = study_of(**sections).base
    return run_key(base, seed, identity_for(base))


def test_the_keys_of_many_seeds_are_those_of_each_and_settings_are_written_out_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study = study_of(study={"replicates": 50}, model={"hidden": [4]}, overfitting={"dropout": [0.0, 0.2]})
    treatments = design.treatments(study)
    known = identity_for(study.base)
    alone = {(each.name, seed): run_key(each.settings, seed, known) for each in treatments for seed in study.seeds}
    decisive, calls = identity.decisive, []
    monkeypatch.setattr(identity, "decisive", lambda settings: calls.append(settings) or decisive(settings))
    runs = plan_runs(treatments, study.seeds, known)
    assert len(calls) == len(treatments) == 2
    assert {(run.treatment.name, run.seed): run.key for run in runs} == alone
    assert [run.seed for run in runs[:3]] == [1, 1, 2], "replicate by replicate"
    facts = known.data[data_name(study.base.data)]
    payload = {"schema": 1, "settings": decisive(study.base), "seed": 7, "data": facts.digest}
    text = identity.canonical_json({**payload, "libraries": dict(known.libraries)})
    assert alone["baseline", 7] == hashlib.sha256(text).hexdigest()


def test_a_key_is_stable() -> None:
    assert key_of() == "5f4504b551e16f33d445eb980193bc78c70bb4d95397147cbfff79a39f2c3a7e"


KEYS = """
from ablate.results.identity import plan_runs
from ablate.studies import design
from tests.conftest import study_of
from tests.results.test_identity import identity_for
study = study_of(study={"design": "grid"}, underfitting={"optimizer": ["sgd", {"name": "adam", "beta_1": 0.8}]},
    overfitting={"max_norm": [False, 3.0], "l1": [0.0, 1e-4]}, factors={"model.activation": ["relu", "tanh"]})
print([run.key for run in plan_runs(design.treatments(study), study.seeds, identity_for(study.base))])
"""


def test_keys_are_the_same_in_every_process_and_time_zone() -> None:
    found = set()
    for seed, zone in (("0", "UTC"), ("1", "Asia/Seoul"), ("2", "America/St_Johns")):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "PYTHONPATH": str(Path(__file__).parents[2])}
        done = subprocess.run(
            [sys.executable, "-c", KEYS], env=environment, capture_output=True, text=True, check=True, timeout=60
        )
        found.add(done.stdout)
    (keys,) = found
    assert len(set(keys.split(","))) == 16


def test_a_remedy_is_part_of_a_key_only_where_it_is_used() -> None:
    later: dict[str, Any] = {"l1": 0.0, "weight_decay": 0.0, "max_norm": False, "label_smoothing": 0.0}
    later |= {"input_noise": 0.0, "augmentation": False, "stochastic_depth": 0.0}
    under = {"learning_rate_schedule": False, "gradient_clip": False, "normalization": "none"}
    off = {"overfitting": later, "underfitting": under}
    assert key_of(**off) == key_of()
    for name, level in (("l1", 0.1), ("weight_decay", 0.1), ("max_norm", 1.0), ("label_smoothing", 0.1)):
        assert key_of(overfitting={name: level}) != key_of()
    assert key_of(underfitting={"learning_rate_schedule": "cosine"}) != key_of()
    for name, level in (("gradient_clip", 1.0), ("normalization", "layer"), ("normalization", "batch")):
        assert key_of(underfitting={name: level}) != key_of()
    for name, level in (("input_noise", 0.1), ("augmentation", {"shift": 0.1})):
        assert key_of(overfitting={name: level}) != key_of()


def test_remedies_that_older_versions_did_not_know_are_not_in_records_that_do_not_use_them() -> None:
    written = study_of().base.model_dump(mode="json", exclude_none=True)["remedies"]
    assert set(written) == {
        "init", "batch_norm", "optimizer", "learning_rate_schedule", "dropout", "l2", "l1", "weight_decay", "max_norm",
        "label_smoothing", "early_stopping",
    }  # fmt: skip
    used = study_of(overfitting={"input_noise": 0.1}).base
    assert used.model_dump()["remedies"]["input_noise"] == 0.1
    assert RunSettings.model_validate(used.model_dump(mode="json", exclude_none=True)) == used


def test_the_shape_of_images_is_in_the_key_where_they_are_changed() -> None:
    keys = set()
    for sections in ({}, {"overfitting": {"augmentation": {"shift": 0.1}}}):
        for shape in ((8, 8), (4, 16)):
            base = study_of(**sections).base
            facts = {data_name(base.data): replace(FACTS, shape=shape)}
            keys.add(run_key(base, 1, Identity({"keras": "3.15"}, facts)))
    assert len(keys) == 3


@pytest.mark.parametrize(
    "sections",
    [
        {"training": {"epochs": 3}},
        {"training": {"learning_rate": 0.01}},
        {"overfitting": {"dropout": 0.1}},
        {"underfitting": {"init": "he_normal"}},
        {"model": {"activation": "tanh"}},
        {"data": {"validation": 0.3}},
        {"overfitting": {"early_stopping": {"patience": 1}}},
    ],
)
def test_a_setting_changes_the_key(sections: dict[str, Any]) -> None:
    assert key_of(**sections) != key_of()


@pytest.mark.parametrize(
    "sections",
    [
        {"study": {"name": "other", "design": "grid", "replicates": 7, "primary": "gap"}},
        {"data": {"source": "a/path/to/digits.npz"}},
        {"overfitting": {"dropout": [0.0, 0.3]}},
        {"overfitting": {"dropout": 0, "l2": 0}},
        {"training": {"batch_size": 32}},
        {"overfitting": {"early_stopping": False}},
    ],
)
def test_names_paths_and_defaults_do_not(sections: dict[str, Any]) -> None:
    assert key_of(**sections) == key_of()


def test_the_arguments_of_early_stopping_are_filled_in() -> None:
    assert key_of(overfitting={"early_stopping": {"patience": 3}}) == key_of(
        overfitting={"early_stopping": {"patience": 3, "monitor": "val_loss", "min_delta": 0.0}}
    )


def test_seed_and_data_change_the_key() -> None:
    base = study_of().base
    keys = {key_of(1), key_of(2), run_key(base, 1, identity_for(base, digest="1" * 64))}
    assert len(keys) == 3


def test_a_plan_is_replicate_by_replicate() -> None:
    study = study_of(study={"replicates": 2}, overfitting={"dropout": [0.0, 0.5]})
    treatments = design.treatments(study)
    runs = plan_runs(treatments, study.seeds, identity_for(study.base))
    assert [(run.seed, run.treatment.name) for run in runs] == [
        (1, "baseline"),
        (1, "dropout=0.5"),
        (2, "baseline"),
        (2, "dropout=0.5"),
    ]
    assert len({run.key for run in runs}) == 4


def test_the_installed_libraries_are_known_without_importing_them() -> None:
    found = installed_libraries()
    assert set(found) == {"tensorflow", "keras"}
    assert all(version.count(".") == 1 for version in found.values())


def test_tokens_that_nobody_scales_any_more_have_new_keys_and_everything_else_the_old() -> None:
    """Older versions divided bytes by 255 whatever took them; those records are not those of tokens as they are."""
    base = study_of().base
    model = base.model.model_copy(update={"hidden": [], "builder": "mine:make"})
    settings = base.model_copy(update={"model": model})
    old = {"code": {"mine:make": "d"}}
    scaled, chosen = replace(FACTS, automatic=True), replace(FACTS, automatic=False)

    def key(facts: DataFacts, tokens: tuple[str, ...]) -> str:
        return run_key(settings, 1, Identity({}, {data_name(settings.data): facts}, **old, tokens=tokens))

    assert key(scaled, ("mine:make",)) != key(FACTS, ())
    assert key(scaled, ()) == key(chosen, ("mine:make",)) == key(scaled, ("other:make",)) == key(FACTS, ())


def test_keys_of_tables_name_the_data_and_are_not_in_the_key_of_a_run() -> None:
    """What came out of them is in the digest; a study that says none of them has the name that older versions gave."""
    plain = study_of(data={"source": "t.csv", "label": "y"}).base.data
    assert json.loads(data_name(plain)) == {"source": "t.csv", "label": "y", "test": None, "scale": "auto"}
    said = study_of(data={"source": "t.csv", "label": "y", "drop": ["id"], "missing": "median"}).base.data
    assert json.loads(data_name(said)) == json.loads(data_name(plain)) | {"drop": ["id"], "missing": "median"}
    assert key_of(data={"source": "t.csv", "label": "y", "drop": ["id"], "missing": "median"}) == key_of(
        data={"source": "t.csv", "label": "y"}
    )


def test_what_was_read_comes_back_and_may_be_unknown() -> None:
    identity = identity_for(study_of().base)
    (name,) = identity.data
    told = replace(identity.data[name], summary=("100 rows", "2 classes"), notes=("column id counts the rows",))
    document = json.loads(json.dumps(asdict(replace(identity, data={name: told}))))
    assert Identity.from_document(document).data[name] == told
    for key in ("summary", "notes"):
        del document["data"][name][key]
    assert Identity.from_document(document).data[name] == replace(told, summary=(), notes=())


def test_facts_are_told_apart_by_source_and_else_by_all_that_names_them() -> None:
    one, other = (study_of(data={"source": name}).base for name in ("iris", "wine"))
    again = study_of(data={"source": "wine", "scale": "none"}).base
    data = {
        data_name(each.data): DataFacts(name, 1, 1, 2, 0.5) for each, name in ((one, "i"), (other, "w"), (again, "n"))
    }
    identity = Identity({}, data)
    assert {name: facts.digest for name, facts in facts_by_source([one, other, one], identity).items()} == {
        "iris": "i",
        "wine": "w",
    }
    several = facts_by_source([one, other, again], identity)
    assert {name: facts.digest for name, facts in several.items()} == {
        "iris": "i",
        f"wine {data_name(other.data)}": "w",
        f"wine {data_name(again.data)}": "n",
    }


def test_metrics_are_in_the_key_only_where_a_study_names_some() -> None:
    assert key_of(study={"metrics": []}) == key_of()
    one, other = (key_of(study={"metrics": names}) for names in (["f1_macro", "ece"], ["ece", "f1_macro"]))
    assert one == other != key_of()
    assert key_of(study={"metrics": ["f1_macro"]}) not in (one, key_of())
    named = {"metrics": ["f1_macro"], "primary": "test_f1_macro"}  # whose gap is another one
    assert key_of(study=named) != key_of(study={"metrics": ["f1_macro"]})


def test_weights_and_the_positive_class_are_in_the_key_only_where_there_are_some() -> None:
    assert key_of(training={"class_weight": False}) == key_of()
    assert key_of(training={"class_weight": "balanced"}) != key_of()
    assert key_of(training={"class_weight": {"3": 2.0}}) not in (
        key_of(),
        key_of(training={"class_weight": {"3": 3.0}}),
    )
    asked: dict[str, Any] = {"study": {"metrics": ["brier"]}}
    assert key_of(data={"positive": "3"}, **asked) != key_of(**asked)
    assert key_of(data={"positive": "3"}) == key_of()  # nothing is scored by it
