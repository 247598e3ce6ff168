"""Which remedy helps this network, by how much, and how sure are we?

Typical use from Python::

    import ablate

    study = ablate.load("ablations.toml")
    results = ablate.run(study, jobs=2)
    results.report("report.html")

The names below are imported when first used, so that `import ablate` stays cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ablate.version import __version__

if TYPE_CHECKING:
    from ablate.api import Results, compare, load, open_results, run, study
    from ablate.errors import AblateError

__all__ = ["AblateError", "Results", "__version__", "compare", "load", "open_results", "run", "study"]

_HOMES = {
    "AblateError": "ablate.errors",
    "Results": "ablate.api",
    "compare": "ablate.api",
    "load": "ablate.api",
    "open_results": "ablate.api",
    "run": "ablate.api",
    "study": "ablate.api",
}


def __dir__() -> list[str]:
    """The names below as well, for completion and `help`; those that were not used are imported to be described."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'ablate' has no attribute {name!r}")
