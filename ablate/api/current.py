"""The study file of results as it is now, which may say something else than when the runs were trained."""

from pathlib import Path

from ablate.api.plans import load
from ablate.errors import StudyError
from ablate.studies.spec import Study


def study_now(known: Study, root: Path) -> Study | None:
    """The user's study file behind some results.

    Args:
        known: the study of the results: as its file says, or as it was kept among them.
        root: the folder of the results.

    Returns:
        A study of the same name from a file outside of the results; `None` if there is none.
    """
    now = known
    if known.source.resolve().parent == root.resolve():
        try:
            now = load()
        except StudyError:
            return None
    return now if now.name == known.name and now.source.resolve().parent != root.resolve() else None
