"""The page's words about what was run: facts, warnings, what failed, and where the numbers come from."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from ablate.report.page import sections
from ablate.results.record import KEPT_EPOCH, PUT_IN
from ablate.results.snapshot import Snapshot


def test_provenance_tells_when_and_where(make):
    snapshot = make()
    first, *rest = snapshot.records.values()
    environment = {
        "command": "ablate run -c /home/jane/a.toml",
        "git": "0123456789ab, nothing changed since",
        "process": 7,
    }
    records = {
        record.key: replace(record, environment={**environment, "finished": f"2026-01-0{day}T00:00:00+00:00"})
        for record, day in ((first, 1), *((record, 2) for record in rest))
    }
    pairs = dict(sections.provenance(replace(snapshot, records=records), None))
    assert pairs["git"] == "0123456789ab, nothing changed since"
    assert pairs["finished"] == "2026-01-01T00:00:00+00:00 (first run) to 2026-01-02T00:00:00+00:00 (last)"
    assert "process" not in pairs


def test_the_header_says_where_remedies_went_in_a_network_of_the_users(make):
    snapshot = make()
    texts = ["conv: kernel; not out: is the output layer", "conv: kernel, instead of HeNormal"]
    records = {
        record.key: replace(record, environment={**record.environment, PUT_IN: {"init": texts[number % 2]}})
        for number, record in enumerate(snapshot.records.values())
    }
    found = replace(snapshot, records=records)
    assert ("init in", "; ".join(texts)) in sections.header(found).facts
    assert "remedies put in" not in dict(sections.provenance(found, None))
    assert not [label for label, _ in sections.header(snapshot).facts if label.endswith(" in")]


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"data": {"source": "digits", "validation": "test"}}, "Validated on the test set"),
        ({"finished": 7}, "A part of the study: 7 of 18 runs."),
        ({"finished": 0}, "No run has finished yet; there is nothing to compare."),
        ({"study": {"name": "few", "replicates": 2}}, "Only 2 replicates per treatment: effects are exploratory; 5 or"),
    ],
    ids=str,
)
def test_what_a_reader_must_know_first_is_a_warning(make, changes, warning):
    (found,) = sections.header(make(**changes)).warnings
    assert found.startswith(warning)
    assert sections.header(make()).warnings == ()


def test_the_header_has_the_facts_of_the_study(make):
    facts = dict(sections.header(make(factors={"model.activation": ["relu", "tanh"]})).facts)
    assert facts["data"] == "digits (100 rows, 64 features, 10 classes); validation: 20% of the training part"
    assert facts["network"] == "dense 8 → 4, relu (baseline; activation varied)"
    assert facts["design"] == "4 treatments × 6 replicates, one-at-a-time"
    assert (facts["epochs"], facts["runs"], facts["trainer"]) == ("6", "24 of 24", "compiled")
    assert dict(sections.header(make(finished=7)).facts)["runs"] == "7 of 18 finished"


def test_a_subset_and_the_test_set_are_named_as_what_is_validated_on(make):
    def data(**keys):
        return dict(sections.header(make(data={"source": "digits", **keys})).facts)["data"]

    assert data(train_size=50, validation=0.5).endswith("validation: 50% of a subset of 50")
    assert data(validation="test").endswith("validation: the test set")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "while all other factors are at theirs"),
        ({"design": "grid"}, "an average over the levels of the other factors"),
        ({"design": "leave-one-out"}, "is a full grid"),
        ({"design": "pairwise"}, "Coverage only"),
    ],
    ids=str,
)
def test_what_effects_are_averages_of_depends_on_the_design(make, changes, words):
    snapshot = make(study={"name": "invented", "replicates": 2, **changes})
    assert words in sections.effects_note(snapshot.study)


def test_optimizers_are_compared_at_the_rates_given(make):
    varied = make(underfitting={"optimizer": ["sgd", "adam"]})
    assert "Optimizers are compared at the learning rates given" in sections.effects_note(varied.study)
    assert "Optimizers" not in sections.effects_note(make().study)


def test_failed_runs_come_first_and_their_log_is_cut_to_its_end(make):
    snapshot = make(diverged=(0,), failed=(5,))
    key = snapshot.planned[5].key
    long = replace(snapshot.failures[key], log="\n".join(map(str, range(100))))
    first, second = sections.troubles(replace(snapshot, failures={key: long}))
    assert (first.status, first.seed, first.reason) == ("failed", 2, "out of memory <b>")
    assert first.log.splitlines() == list(map(str, range(100 - sections.LOG_LINES, 100)))
    assert (second.status, second.reason) == ("diverged", "a loss was no longer finite after epoch 6")


def test_what_is_not_drawn_is_said(make):
    runs = pd.DataFrame({"treatment": ["baseline", "batch_norm=true", "dropout=0.5"]})
    note = sections.distributions_note(["baseline", "dropout=0.5"], runs)
    assert note.startswith("Drawn: 2 of 3 treatments (baseline, dropout=0.5)")
    assert "Batch normalization" not in note
    everything = list(runs["treatment"])
    assert sections.distributions_note(everything, runs).startswith("Batch normalization begins with statistics")


def test_provenance_names_every_machine_up_to_a_few_and_the_data(make):
    snapshot = make()
    records = {
        key: replace(record, environment={"machine": f"m{number % 9}", "rows": {"train": 1_000}})
        for number, (key, record) in enumerate(snapshot.records.items())
    }
    pairs = dict(sections.provenance(replace(snapshot, records=records), "ablate run"))
    assert pairs["machine"] == "m0; m1; m2; m3; m4; and 4 more"
    assert pairs["rows"] == "train 1,000"
    assert pairs["command"] == "ablate run"
    assert pairs["data"].startswith("100 rows, 64 features, 10 classes, SHA-256 ")
    assert pairs["training time"] == "3.6 s in 18 runs, all workers together"


Make = Callable[..., Snapshot]


def with_facts(snapshot: Snapshot, **facts: Any) -> Snapshot:
    data = {name: replace(each, **facts) for name, each in snapshot.identity.data.items()}
    return replace(snapshot, identity=replace(snapshot.identity, data=data))


@pytest.mark.parametrize(("shared", "warned"), [(None, False), (0, False), (9, False), (10, True)])
def test_examples_in_training_and_in_test_are_named_with_their_share(make: Make, shared: Any, warned: bool) -> None:
    snapshot = with_facts(make(), test_rows=1000, shared=shared, shared_other_label=2)
    said = f"{shared} of 1,000 examples of the test set ({(shared or 0) / 1000:.1%}) are in the training part as well"
    assert (said in " ".join(sections.header(snapshot).warnings)) == warned
    described = dict(sections.provenance(snapshot, None))["data"]
    assert (f"{said} (2 with another label)" in described) == bool(shared)


def test_weights_that_callbacks_changed_are_named_before_any_figure(make: Make) -> None:
    snapshot = make()
    assert not any("callback" in warning for warning in sections.header(snapshot).warnings)
    key, record = next(iter(snapshot.records.items()))
    changed = replace(record, environment={**record.environment, KEPT_EPOCH: None})
    snapshot = replace(snapshot, records={**snapshot.records, key: changed})
    count = len(snapshot.records)
    assert any(f"In 1 of {count} runs a callback changed" in warning for warning in sections.header(snapshot).warnings)
    assert not any(label == "kept epoch" for label, _ in sections.provenance(snapshot, None))


def test_what_was_read_and_what_is_odd_about_it_is_said(make):
    snapshot = make()
    (name,) = snapshot.identity.data
    lines = ("100 rows; 3 numbers each", "2 classes: a (60), <b> (40)", "left out: nothing; 1 note on what is odd")
    facts = replace(snapshot.identity.data[name], summary=lines, notes=("column id counts the rows",))
    header = sections.header(replace(snapshot, identity=replace(snapshot.identity, data={name: facts})))
    assert [value for label, value in header.facts if label in ("rows", "classes", "columns")] == list(lines)
    assert "digits: column id counts the rows." in header.warnings
    assert "classes" not in dict(sections.header(snapshot).facts), "an older version did not know"
