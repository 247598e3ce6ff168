"""Pairs: runs of one seed that differ in what is asked and in nothing else."""

import math

import numpy as np
import pandas as pd
import pytest

from ablate.analysis import pairs
from ablate.analysis.pairs import measured, pair, select, side_by_side, smallest_step

FACTORS = ["dropout", "init"]
ON, OFF = {"dropout": {"0.5"}}, {"dropout": {"0"}}


def table(rows, metric="test_accuracy"):
    """Runs from (dropout, init, seed, figure[, status]) tuples, as `measured` makes them."""
    columns = ["dropout", "init", "seed", metric, "status"]
    runs = pd.DataFrame([row if len(row) == 5 else (*row, "ok") for row in rows], columns=columns)
    return measured(runs, FACTORS, metric)


def test_runs_are_paired_by_seed_and_by_every_factor_that_is_not_named():
    rows = [
        ("0", "he", 1, 0.1), ("0.5", "he", 1, 0.4), ("0", "zeros", 1, 0.2), ("0.5", "zeros", 1, 0.3),
        ("0", "he", 2, 0.5), ("0.5", "he", 2, 0.6), ("0.5", "zeros", 2, 0.9),
    ]  # fmt: skip
    found = pair(table(rows), ON, OFF, FACTORS)
    assert found.differences.index.tolist() == [1, 2]
    assert found.numbers == pytest.approx([(0.3 + 0.1) / 2, 0.1])
    assert (found.count, found.dropped) == (3, 0)


def test_a_run_is_compared_across_a_factor_only_where_both_sides_name_it():
    rows = [("0", "he", 1, 0.1), ("0.5", "zeros", 1, 0.4)]
    assert pair(table(rows), ON, OFF, FACTORS).count == 0
    crossed = pair(table(rows), {**ON, "init": {"zeros"}}, {**OFF, "init": {"he"}}, FACTORS)
    assert crossed.numbers == pytest.approx([0.3])


def test_a_run_that_fits_both_sides_is_on_the_first():
    rows = [("0", "he", 1, 0.1), ("0.5", "he", 1, 0.4)]
    found = pair(table(rows), ON, {"dropout": {"0", "0.5"}}, FACTORS)
    assert found.numbers == pytest.approx([0.3])


@pytest.mark.parametrize(
    "lost", [("0.5", "he", 1, 0.4, "diverged"), ("0.5", "he", 1, math.nan), ("0.5", "he", 1, math.inf)]
)
def test_a_pair_that_lost_a_run_is_dropped_and_counted(lost):
    found = pair(table([("0", "he", 1, 0.1), lost, ("0", "he", 2, 0.1), ("0.5", "he", 2, 0.2)]), ON, OFF, FACTORS)
    assert (found.count, found.dropped, found.differences.index.tolist()) == (1, 1, [2])
    assert found.lost_too_many


@pytest.mark.parametrize(("pairs", "too_many"), [(9, False), (8, True)])
def test_a_tenth_of_the_pairs_may_be_lost(pairs, too_many):
    rows = [(level, "he", seed, 0.1) for seed in range(pairs) for level in ("0", "0.5")]
    rows += [("0", "he", 99, 0.1), ("0.5", "he", 99, math.nan)]
    assert pair(table(rows), ON, OFF, FACTORS).lost_too_many is too_many


def test_what_a_diverged_run_measured_before_it_trained_counts():
    rows = [("0", "he", 1, 0.1), ("0.5", "he", 1, 0.4, "diverged")]
    metric = "initial_weights_sd_hidden_1"
    assert pair(table(rows, metric), ON, OFF, FACTORS).numbers == pytest.approx([0.3])


def test_equal_accuracies_are_equal_runs_only_with_equal_losses():
    def runs(loss):
        rows = [("0", "he", 1, 0.5, "ok", 0.7), ("0.5", "he", 1, 0.5, "ok", loss)]
        columns = ["dropout", "init", "seed", "test_accuracy", "status", "test_loss"]
        return measured(pd.DataFrame(rows, columns=columns), FACTORS, "test_accuracy")

    assert pair(runs(0.7), ON, OFF, FACTORS).equal
    assert not pair(runs(0.71), ON, OFF, FACTORS).equal
    assert not pair(runs(0.7).head(0), ON, OFF, FACTORS).equal


def test_runs_that_never_got_there_bound_the_mean_on_their_side():
    metric = "epochs_to_val_accuracy_0.9"

    def found(*rows):
        columns = ["dropout", "init", "seed", metric, "status", f"{metric}_censored"]
        runs = pd.DataFrame([(*row[:4], "ok", row[4]) for row in rows], columns=columns)
        return pair(measured(runs, FACTORS, metric), ON, OFF, FACTORS)

    late = found(
        ("0", "he", 1, 2, False), ("0.5", "he", 1, 7, True), ("0", "he", 2, 2, False), ("0.5", "he", 2, 3, False)
    )
    assert (late.censored, late.late, late.hopeless, late.is_bound) == (1, (True, False), False, False)
    sooner = found(("0", "he", 1, 7, True), ("0.5", "he", 1, 2, False))
    assert (sooner.late, sooner.is_bound, sooner.hopeless) == ((False, True), False, False)
    bound = found(("0", "he", 1, 9, False), ("0.5", "he", 1, 7, True))
    assert bound.is_bound, "the true difference may be smaller than -2, or above"
    both = found(("0", "he", 1, 7, True), ("0.5", "he", 1, 7, True))
    assert both.hopeless


def test_the_smallest_step_is_that_between_figures_that_differ():
    assert smallest_step(pd.Series([0.5, 0.5, 0.53, 0.51, math.nan])) == pytest.approx(0.01)
    assert math.isnan(smallest_step(pd.Series([0.5, 0.5, 0.5 + 1e-13])))  # the same but for rounding
    assert math.isnan(smallest_step(pd.Series([], dtype=float)))


def test_runs_are_selected_by_one_of_the_labels_of_every_factor():
    runs = pd.DataFrame({"dropout": ["0", "0.5", "0.5"], "init": ["he", "he", "zeros"]})
    assert select(runs, {}).tolist() == [True, True, True]
    assert select(runs, {"dropout": {"0.5", "0.9"}, "init": {"he"}}).tolist() == [False, True, False]


def test_both_sides_of_a_pair_keep_their_columns():
    rows = [("0", "he", 1, 0.1), ("0.5", "he", 1, 0.4)]
    (row,) = side_by_side(table(rows), ON, OFF, FACTORS).to_dict("records")
    assert (row["seed"], row["init"], row["value"], row["value_second"]) == (1, "he", 0.4, 0.1)
    assert "dropout" not in row
    assert np.isclose(row["value"] - row["value_second"], 0.3)


def one_by_one(rows, label):
    """The means by seed, and the counts, of one level's rows, as pandas makes them."""
    own = rows[rows["x"] == label]
    difference = own["value"] - own["value_second"]
    kept = difference.notna()
    flags = own[["censored", "censored_second"]][kept]
    losses = all((own[name] - own[f"{name}_second"])[kept].abs().le(1e-12).all() for name in pairs.LOSSES)
    return (
        difference[kept].reset_index(drop=True).groupby(own["seed"][kept].to_numpy()).mean(),
        (int(kept.sum()), int((~kept).sum())),
        bool(kept.any() and difference[kept].abs().le(1e-12).all() and losses),
        (int(flags.any(axis=1).sum()), bool(len(flags) and flags.mean().gt(0.5).all()), tuple(flags.any().tolist())),
    )


@pytest.mark.parametrize("seed", range(8))
def test_all_levels_at_once_have_the_figures_of_each_by_itself(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 200))
    sides = {}
    for end in ("", "_second"):
        sides[f"value{end}"] = np.where(rng.random(count) < 0.1, np.nan, np.round(rng.random(count), seed % 3))
        sides[f"censored{end}"] = rng.random(count) < rng.random()
        sides |= {f"{name}{end}": np.round(rng.random(count), 1) for name in pairs.LOSSES}
    labels = [str(each) for each in range(12)]
    rows = pd.DataFrame({"seed": rng.integers(0, 9, count), "x": rng.choice(labels[1:], count), **sides})
    for label, own in zip(labels, pairs.grouped(rows, "x", labels), strict=True):
        means, counts, equal, late = one_by_one(rows, label)
        assert own.numbers.tobytes() == means.to_numpy().tobytes(), "bit for bit"
        assert own.differences.index.tolist() == means.index.tolist()
        assert ((own.count, own.dropped), own.equal) == (counts, equal)
        assert (own.censored, own.hopeless, own.late) == late


def test_a_column_is_subtracted_once_however_many_levels_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = pd.DataFrame({"seed": [1, 1, 2], "x": ["a", "b", "a"], "value": [0.1, 0.2, 0.3], "value_second": 0.0})
    rows = rows.assign(censored=False, censored_second=False)
    subtract, calls = pairs._difference, []
    monkeypatch.setattr(pairs, "_difference", lambda *given: calls.append(given) or subtract(*given))
    assert [own.count for own in pairs.grouped(rows, "x", ["a", "b", "c", "d"])] == [2, 1, 0, 0]
    assert len(calls) == 1
    assert list(pairs.grouped(rows, "x", [])) == []


def test_every_level_is_paired_as_alone_while_the_table_is_gone_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    rows = [
        {"seed": seed, "a": a, "b": b, "status": "ok", "test_accuracy": rng.random(), "test_loss": rng.random()}
        for seed in range(4)
        for a in "wxyz"
        for b in "pq"
        if (seed, a) != (2, "y")
    ]
    factors = ["a", "b"]
    table = pairs.measured(pd.DataFrame(rows), factors, "test_accuracy")
    alone = {level: pairs.pair(table, {"a": [level]}, {"a": ["w"]}, factors) for level in ("x", "y", "z", "none")}
    calls = []
    side_by_side = pairs.side_by_side
    monkeypatch.setattr(pairs, "side_by_side", lambda *given: calls.append(given) or side_by_side(*given))
    found = dict(pairs.pair_levels(table, "a", ["w", "x", "y", "z", "none"], factors))
    assert len(calls) == 1
    assert list(found) == list(alone)
    for level, own in found.items():
        pd.testing.assert_series_equal(own.differences, alone[level].differences, check_names=False)
        assert (own.count, own.dropped, own.equal, own.step) == (
            alone[level].count,
            alone[level].dropped,
            alone[level].equal,
            alone[level].step,
        )
