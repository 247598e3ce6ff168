"""The figure of the accuracy gap: what is drawn, and what is said."""

from ablate.report.figures import accuracy_gap


def test_the_widest_and_the_narrowest_gap_are_named(make):
    runs = make().runs.assign(train_accuracy=0.97, gap=0.5)  # of another score
    runs["val_accuracy"] = 0.97 - runs["treatment"].map({"baseline": 0.08, "batch_norm=true": 0.02}).fillna(0.05)
    picture = accuracy_gap.figure(runs)
    assert picture.description.startswith("Widest gap: baseline, 8.0 points. Narrowest: batch_norm=true, 2.0 points.")


def test_a_treatment_that_learned_nothing_is_named_and_not_drawn(make):
    runs = make().runs.assign(train_accuracy=0.97, val_accuracy=0.95)
    runs.loc[runs["treatment"] == "dropout=0.5", ["train_accuracy", "val_accuracy"]] = 0.1
    picture = accuracy_gap.figure(runs)
    assert "Far off, and left out: dropout=0.5." in picture.note
    assert ">dropout=0.5</text>" not in picture.markup
