"""Fresh seeds: never those of the study, as many, and the same every time."""

from dataclasses import replace
from pathlib import Path

import pytest

from ablate.api import results
from ablate.errors import StudyError
from ablate.results import confirmation, entries, merging, models, origins, upkeep
from ablate.results.identity import DataFacts, Identity, data_name, plan_runs
from ablate.results.record import KEPT_EPOCH
from ablate.results.store import Store
from ablate.settings import document
from ablate.studies import design
from tests.conftest import study_of
from tests.results.builders import record


@pytest.mark.parametrize(
    ("seeds", "fresh"),
    [([1, 2, 3], [4, 5, 6]), ([7], [8]), ([5, 1], [6, 7]), ([2**32 - 1, 0, 2], [1, 3, 4]), ([2**32 - 2], [2**32 - 1])],
    ids=str,
)
def test_fresh_seeds_follow_the_largest(seeds, fresh):
    assert confirmation.fresh_seeds(seeds) == fresh


def planned(**sections):
    study = study_of(study={"replicates": 2}, overfitting={"dropout": [0.0, 0.2, 0.5]}, **sections)
    treatments = design.treatments(study)
    facts = DataFacts("0" * 64, 100, 64, 10, 0.1)
    identity = Identity({"keras": "3"}, {data_name(treatment.settings.data): facts for treatment in treatments})
    return study, treatments, identity


def test_the_baseline_and_the_best_are_planned_with_keys_of_their_own(tmp_path: Path):
    study, treatments, identity = planned()
    known, runs = confirmation.plan(study, treatments, "dropout=0.5", identity, tmp_path)
    assert [(run.treatment.name, run.seed) for run in runs] == [
        ("baseline", 3), ("dropout=0.5", 3), ("baseline", 4), ("dropout=0.5", 4),
    ]  # fmt: skip
    assert known == identity
    main = {run.key for run in plan_runs(treatments, study.seeds, identity)}
    assert not main & {run.key for run in runs}
    later = plan_runs(treatments, replace(study, seeds=(1, 2, 3, 4)).seeds, identity)
    assert {run.key for run in runs} <= {run.key for run in later}  # more replicates find them trained


def test_a_study_that_goes_on_from_another_needs_its_fresh_seeds(tmp_path: Path):
    study, treatments, identity = planned(training={"continue_from": "first"})
    with pytest.raises(StudyError, match="first"):
        confirmation.plan(study, treatments, "dropout=0.5", identity, tmp_path)


SHOWN = {
    "baseline": 0.8,
    "dropout=0.2": 0.85,
    "dropout=0.5": 0.9,
}  # validation accuracies, so that the last is the best


def with_seeds(*seeds):
    study, treatments, identity = planned()
    study = replace(study, seeds=seeds)
    return study, treatments, identity, plan_runs(treatments, seeds, identity)


def train(store, runs, **environment):
    for run in runs:
        result = {**record().result, "val_accuracy": SHOWN[run.treatment.name]}
        store.commit(record(run.key, result=result, environment=environment))


def confirmed_seeds(study, identity, runs, store):
    """The seeds that `status` and the page would call fresh."""
    found = results._read(study, runs, identity, store).confirmation
    return None if found is None else sorted({run.seed for run in found.planned})


@pytest.fixture
def store(tmp_path):
    found = Store(tmp_path / "tiny")
    found.prepare()
    return found


@pytest.mark.parametrize(
    "environment", [{KEPT_EPOCH: 2}, {}, {"command": "ablate run --replicates 4 --confirm"}], ids=str
)
def test_replicates_that_a_study_had_once_confirm_nothing(store, environment):
    *_, four = with_seeds(1, 2, 3, 4)
    train(store, four, **environment)
    study, treatments, identity, two = with_seeds(1, 2)
    assert confirmed_seeds(study, identity, two, store) is None
    _, fresh = confirmation.plan_anew(study, treatments, "dropout=0.5", identity, store)
    assert {run.seed for run in fresh} == {5, 6}


def test_a_confirmation_is_known_by_its_entry(store):
    study, treatments, identity, two = with_seeds(1, 2)
    train(store, two)
    _, fresh = confirmation.plan_anew(study, treatments, "dropout=0.5", identity, store)
    entries.write(store, fresh)
    entries.write(store, fresh)
    assert len(entries.read(store)) == 1
    assert confirmed_seeds(study, identity, two, store) is None
    train(store, fresh[:2])  # one of two seeds: it was interrupted, and goes on with the same
    assert confirmed_seeds(study, identity, two, store) == [3, 4]
    assert confirmation.plan_anew(study, treatments, "dropout=0.5", identity, store)[1] == fresh


def test_seeds_that_more_replicates_took_over_confirm_no_more(store):
    study, treatments, identity, two = with_seeds(1, 2)
    _, fresh = confirmation.plan_anew(study, treatments, "dropout=0.5", identity, store)
    entries.write(store, fresh)
    *_, three = later = with_seeds(1, 2, 3)
    train(store, [*two, *fresh])
    assert confirmed_seeds(study, identity, two, store) == [3, 4]
    train(store, three)
    assert confirmed_seeds(study, identity, two, store) == [4]  # seed 3 has been looked at since
    assert confirmed_seeds(later[0], identity, three, store) == [4]
    _, more = confirmation.plan_anew(later[0], treatments, "dropout=0.5", identity, store)
    assert {run.seed for run in more} == {4, 5, 6}


def test_the_confirmation_of_another_treatment_is_none_of_the_best(store):
    study, treatments, identity, two = with_seeds(1, 2)
    _, fresh = confirmation.plan_anew(study, treatments, "dropout=0.2", identity, store)
    entries.write(store, fresh)
    train(store, [*two, *fresh])
    assert confirmed_seeds(study, identity, two, store) is None
    _, again = confirmation.plan_anew(study, treatments, "dropout=0.5", identity, store)
    assert {run.seed for run in again} == {3, 4}  # the baseline's are there, and are of a confirmation


def test_seeds_that_were_replicates_since_confirm_no_more(store):
    """Three replicates and a confirmation, six replicates, then three again: seeds 4 to 6 have been looked at."""
    study, treatments, identity, three = with_seeds(1, 2, 3)
    train(store, three)
    _, fresh = confirmation.plan_anew(study, treatments, "dropout=0.5", identity, store)
    entries.write(store, fresh)
    train(store, fresh)
    assert confirmed_seeds(study, identity, three, store) == [4, 5, 6]
    *_, six = with_seeds(1, 2, 3, 4, 5, 6)
    train(store, six)
    assert confirmed_seeds(study, identity, three, store) is None
    _, anew = confirmation.plan_anew(study, treatments, "dropout=0.5", identity, store)
    assert {run.seed for run in anew} == {7, 8, 9}


def test_one_run_of_another_treatment_makes_its_seed_a_replicate(store):
    study, treatments, identity, two = with_seeds(1, 2)
    _, fresh = confirmation.plan_anew(study, treatments, "dropout=0.5", identity, store)
    entries.write(store, fresh)
    train(store, [*two, *fresh])
    train(store, [run for run in with_seeds(3)[-1] if run.treatment.name == "dropout=0.2"])
    assert confirmed_seeds(study, identity, two, store) == [4]
    _, anew = confirmation.plan_anew(study, treatments, "dropout=0.5", identity, store)
    assert {run.seed for run in anew} == {4, 5}


def test_a_seed_is_passed_over_before_its_own_runs_are_there(store):
    study, treatments, identity, _ = with_seeds(1, 2)
    train(store, [run for run in with_seeds(3)[-1] if run.treatment.name == "dropout=0.2"])
    _, fresh = confirmation.plan_anew(study, treatments, "dropout=0.5", identity, store)
    assert {run.seed for run in fresh} == {4, 5}


def test_runs_that_go_on_from_others_were_replicates_too(store, tmp_path):
    """What the other treatments go on from is not in the identity of the confirmation's runs; it is looked for."""
    study, treatments, identity, two = with_seeds(1, 2)
    first = Store(tmp_path / "first")
    first.prepare()
    every = plan_runs(treatments, range(1, 5), identity)
    whole = replace(study, name="first", seeds=(1, 2, 3, 4), save_models="all")
    first.write("study.toml", document.write(whole.document()).encode())
    first.write_identity(identity)
    for run in every:
        first.commit(record(run.key))
        models.keep_weights(first, run.key, {})
    study, treatments, identity = planned(training={"continue_from": "first"})
    identity = replace(identity, origins=origins.find(study, treatments, identity, tmp_path))
    known, fresh = confirmation.plan_anew(study, treatments, "dropout=0.5", identity, store)
    entries.write(store, fresh)
    two = plan_runs(treatments, study.seeds, identity)
    train(store, [*two, *fresh])
    assert confirmed_seeds(study, identity, two, store) == [3, 4]
    later = replace(study, seeds=(3, 4))
    train(
        store,
        plan_runs(treatments, later.seeds, replace(known, origins=origins.find(later, treatments, known, tmp_path))),
    )
    assert confirmed_seeds(study, identity, two, store) is None


class Counted(list):
    """A list that counts how often it is gone through."""

    times = 0

    def __iter__(self):
        Counted.times += 1
        return super().__iter__()


def test_runs_are_not_gone_through_once_for_every_seed(store, monkeypatch):
    study, treatments, identity, two = with_seeds(1, 2)
    _, runs = confirmation.plan(study, treatments, "dropout=0.5", identity, store.root.parent, range(3, 60))
    entries.write(store, runs[::2])  # the best treatment's runs are looked at by their records
    train(store, [*two, *runs])
    monkeypatch.setattr(confirmation, "plan", lambda *given: (identity, Counted(runs)))
    confirmation.plan_recorded(study, treatments, "dropout=0.5", identity, store)
    assert 0 < Counted.times < 57


def test_what_an_older_version_confirmed_is_known_by_its_command(store):
    study, treatments, identity, two = with_seeds(1, 2)
    _, fresh = confirmation.plan(study, treatments, "dropout=0.5", identity, store.root.parent)
    train(store, two, command="ablate run --confirm")
    train(store, fresh, command="ablate run --confirm")
    assert confirmed_seeds(study, identity, two, store) == [3, 4]
    *_, four = with_seeds(1, 2, 3, 4)
    train(store, four)
    assert confirmed_seeds(study, identity, two, store) is None


def test_entries_are_looked_after(store, tmp_path):
    study, treatments, identity, two = with_seeds(1, 2)
    _, fresh = confirmation.plan_anew(study, treatments, "dropout=0.5", identity, store)
    entries.write(store, fresh)
    train(store, [*two, *fresh])
    assert upkeep.verify(store).findings == ()
    assert upkeep.garbage(store, upkeep.verify(store)) == []
    other = Store(tmp_path / "other" / "tiny")
    other.root.mkdir(parents=True)
    merging.merge(store, other)
    assert confirmed_seeds(study, identity, two, other) == [3, 4]
    (path,) = entries.paths(store)
    path.write_bytes(b"[" * 100_000)
    (finding,) = upkeep.verify(store).findings
    assert (finding.kind, finding.path) == ("damaged", path)
    assert confirmed_seeds(study, identity, two, store) is None
    entries.write(store, fresh)
    assert upkeep.verify(store).is_sound
