"""Histograms of one family add up to what one histogram of all values would be."""

import numpy as np
import pytest

from ablate.report.figures import distributions

BINS = 60


def histogram(values, low, high):
    return tuple(int(count) for count in np.histogram(values, bins=BINS, range=(low, high))[0])


@pytest.mark.parametrize(
    "ranges",
    [
        [(-1.0, 1.0), (-1.0, 1.0)],
        [(-0.5, 0.5), (-4.0, 4.0), (-1.0, 1.0)],
        [(0.0, 0.25), (0.0, 2.0)],
        [(-0.5, 0.5), (0.0, 2.0)],
        [(-2.0, 2.0), (0.0, 0.5)],
    ],
    ids=str,
)
def test_merging_is_exact(make_probe, ranges):
    random = np.random.default_rng(7)
    samples = [random.uniform(low, high, 1000) for low, high in ranges]
    probes = [
        make_probe(histogram(values, low, high), high, low, mean=values.mean(), sd=values.std())
        for values, (low, high) in zip(samples, ranges, strict=True)
    ]
    merged = distributions.merge(probes)
    together = np.concatenate(samples)
    assert list(merged.counts) == list(np.histogram(together, bins=merged.edges)[0])
    assert merged.counts.sum() == len(together)
    assert merged.mean == pytest.approx(together.mean())
    assert merged.sd == pytest.approx(together.std())


def test_exact_zeros_are_taken_out_of_their_bin(make_probe):
    counts = (70, *([1] * 30), *([0] * 29))
    merged = distributions.merge([make_probe(counts, 1.0, 0.0, zeros=0.5)])
    assert distributions.nonzero_counts(merged)[0] == 20
    assert merged.counts[0] == 70


def test_layers_that_are_not_finite_have_no_panel(make):
    snapshot = make()
    runs = snapshot.runs
    found = distributions.collect({}, runs, ["baseline"], "weights")
    assert found == []
    (panel,) = distributions.collect(snapshot.records, runs, ["baseline"], "weights")
    assert set(panel.moments) == {"initial", "best", "end"}
    assert panel.moments["end"].counts.sum() == sum(
        sum(probe.counts)
        for key in runs.loc[runs["treatment"] == "baseline", "run"]
        for probe in snapshot.records[key].probes
        if probe.kind == "weights" and probe.moment == "end"
    )


def test_the_treatments_shown_begin_with_the_baseline(make):
    assert distributions.worth_showing(make().runs) == ["baseline", "batch_norm=true", "dropout=0.5"]
    assert distributions.worth_showing(make().runs, {"dropout=0.5"})[:2] == ["baseline", "dropout=0.5"]
