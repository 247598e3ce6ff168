"""The study file of results as it is now, which may say something else than when the runs were trained."""

from pathlib import Path

from ablate.api import tasks
from ablate.api.plans import load
from ablate.errors import StudyError
from ablate.results.store import Store
from ablate.studies.spec import Study


def study_now(known: Study, root: Path) -> Study | None:
    """The user's study file behind some results.

    Args:
        known: the study of the results: as its file says, or as it was kept among them.
        root: the folder of the results.

    Returns:
        A study of the same name from a file outside of the results, with the task that its data had when it was run;
        `None` if there is none.
    """
    now = known
    if known.source.resolve().parent == root.resolve():
        try:
            now = load()
        except StudyError:
            return None
    if now.name != known.name or now.source.resolve().parent == root.resolve():
        return None
    identity = Store(root).read_identity()
    return tasks.as_kept(now, identity) if identity else now
