"""What records say about their kept weights, where these are not those that the settings lead one to expect."""

import math
from collections.abc import Iterable, Mapping

from ablate.results import weights
from ablate.results.record import KEPT_EPOCH, MOMENTUM, Record

KERAS_MOMENTUM = 0.99


def kept_epoch(record: Record) -> int | None:
    """The epoch (from 1) whose figures the result of a record has; `None` where the kept weights are of no epoch.

    Records of older versions do not say; theirs is the one that the settings ask for.
    """
    found: int | None = record.environment.get(KEPT_EPOCH, _asked_for(record))
    return found


def batches(record: Record) -> int | None:
    """How many batches the kept weights were trained with; `None` where they are of no epoch, or nothing tells."""
    epoch, rows = kept_epoch(record), record.environment.get("rows")
    trained = rows.get("train") if isinstance(rows, Mapping) else None
    size = record.settings.get("training", {}).get("batch_size")
    if epoch is None or not (type(trained) is int and type(size) is int and size > 0):
        return None
    return math.ceil(trained / size) * int(epoch)


def momentum(record: Record) -> float | None:
    """Of the moving averages of its batch normalization; `None` without one.

    Records of older versions do not say; of them, networks of hidden layers alone are known to have one.
    """
    settings = record.settings
    is_ours = bool(settings.get("model", {}).get("hidden"))
    normed = is_ours and settings.get("remedies", {}).get("batch_norm") not in (None, False)
    found = record.environment.get(MOMENTUM, KERAS_MOMENTUM if normed else None)
    return found if isinstance(found, float) and 0 <= found < 1 else None


def notes(records: Iterable[Record]) -> list[str]:
    """What a reader of the figures has to know of their weights; one sentence for each kind of run.

    Args:
        records: of a study.
    """
    records = list(records)
    known = [record for record in records if KEPT_EPOCH in record.environment]
    earlier = [record for record in known if kept_epoch(record) not in (None, _asked_for(record))]
    changed = [record for record in known if kept_epoch(record) is None]
    unknown = [
        record
        for record in records
        if KEPT_EPOCH not in record.environment and record.settings.get("training", {}).get("callbacks")
    ]
    large = [record for record in records if weights.are_too_large(record)]
    of = f"of {len(records)} runs"
    found = {
        f"In {len(earlier)} {of} a callback brought back the weights of another epoch. Their figures are those of that "
        "epoch.": earlier,
        f"In {len(changed)} {of} a callback changed the weights after the last epoch. Their figures were measured "
        "again in the end and are those of no epoch of the curves.": changed,
        f"{len(unknown)} {of} used callbacks and were recorded by an older version, which took training and validation "
        "figures from the last epoch even where a callback had changed the weights since. 'ablate model evaluate' "
        "compares those of which the network was kept; with another folder (-o), 'ablate run' trains all of them "
        "again.": unknown,
        f"{len(large)} {of} have networks of more than {weights.LIMIT:,} bytes. These are not kept, whatever "
        "save_models says; their records are complete.": large,
    }
    return [sentence for sentence, those in found.items() if those]


def _asked_for(record: Record) -> int:
    """The best epoch where early stopping restores it, else the last."""
    rules = record.settings.get("remedies", {}).get("early_stopping")
    restores = isinstance(rules, dict) and rules.get("restore_best_weights", True)
    return int(record.result["best_epoch" if restores else "stopped_epoch"])
