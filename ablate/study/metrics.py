"""What is measured of a run: the columns of every epoch, those of the kept weights, and what a claim may be about."""

import re

HISTORY_COLUMNS = (
    "loss",
    "accuracy",
    "train_loss",
    "train_accuracy",
    "val_loss",
    "val_accuracy",
    "gap",
    "seconds",
)
RESULT_COLUMNS = (
    "test_accuracy",
    "test_loss",
    "gap",
    "best_epoch",
    "stopped_epoch",
    "accuracy",
    "loss",
    "train_accuracy",
    "train_loss",
    "val_accuracy",
    "val_loss",
    "parameters",
)
SECONDS_COLUMNS = ("seconds", "seconds_compile")
_EPOCHS_TO = re.compile(rf"epochs_to_({'|'.join(HISTORY_COLUMNS[:-1])})_(\d+(?:\.\d+)?)")


def is_metric(name: str) -> bool:
    """Whether a claim can be about it: a column of the runs table, or `epochs_to_<history column>_<threshold>`."""
    return name in (*RESULT_COLUMNS, *SECONDS_COLUMNS) or _EPOCHS_TO.fullmatch(name) is not None
