"""Files that are shipped with the package: the page's templates, the starter study, the workflow of a nightly job."""

from importlib import resources
from pathlib import Path

PACKAGE = "ablate"


def path(*parts: str) -> Path:
    """Where a shipped file or folder is: inside an installed package, or beside the package in a checkout.

    Args:
        parts: names below the root of the project, such as `"templates", "page.html"`.
    """
    package = Path(str(resources.files(PACKAGE)))
    inside = package / "_templates"
    if inside.is_dir():
        return inside.joinpath(*(parts[1:] if parts[0] == "templates" else parts))
    return package.parent.joinpath(*parts)
