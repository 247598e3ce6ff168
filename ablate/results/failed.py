"""Why runs failed, in words: how many for which reason, and where the log of one of them is."""

from collections.abc import Sequence

from ablate.results.identity import PlannedRun
from ablate.results.snapshot import Snapshot
from ablate.results.store import Store

MOST_REASONS = 3


def sentences(failed: Sequence[tuple[PlannedRun, str]], total: int, store: Store) -> list[str]:
    """One sentence for every reason, the first ones first.

    Args:
        failed: runs and the reason of each.
        total: how many runs were asked for.
        store: where their logs are.
    """
    reasons: dict[str, list[PlannedRun]] = {}
    for run, reason in failed:
        reasons.setdefault(reason, []).append(run)
    found = [_sentence(reason, runs, total, store) for reason, runs in list(reasons.items())[:MOST_REASONS]]
    left = len(reasons) - MOST_REASONS
    return [*found, f"{left} more reasons are in {store.root / 'attempts'}"] if left > 0 else found


def why_nothing(content: Snapshot, store: Store) -> str:
    """Why a study has no finished run, and what to do."""
    total = len({run.key for run in content.planned})
    if not content.failures:
        return f"none of {total} runs is finished; 'ablate run' trains them"
    runs = {run.key: run for run in content.planned if run.key in content.failures}
    told = sentences([(run, content.failures[key].reason) for key, run in runs.items()], total, store)
    return f"none of {total} runs is finished, {len(runs)} failed; {'; '.join(told)}; 'ablate run' tries them again"


def _sentence(reason: str, runs: Sequence[PlannedRun], total: int, store: Store) -> str:
    first = f"{runs[0].treatment.name}, seed {runs[0].seed}"
    path = store.last_attempt(runs[0].key)
    log = f" (its log: {path})" if path else ""
    which = first if len(runs) == 1 else f"{len(runs)} of {total} runs, the first of them {first},"
    return f"{which} failed: {reason}{log}"
