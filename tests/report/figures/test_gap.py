"""Which figure of the gap a study has."""

from ablate.report.figures import gap


def test_accuracies_and_errors_have_figures_of_their_own(make):
    runs = make().runs
    assert gap.figure(runs, "accuracy").title == "Training and validation accuracy by treatment"
    errors = runs.assign(train_rmse=1.5, val_rmse=2.5, gap=1.0)
    assert "accuracy" not in gap.figure(errors, "rmse").markup
    assert gap.figure(runs.head(0), "rmse") is None
