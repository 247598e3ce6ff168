"""The page's templates: the shipped ones, and files of the user's that take the place of single ones, in a sandbox."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from ablate import reading, shipped
from ablate.errors import AblateError, suggest
from ablate.report import wording
from ablate.results import embedded

PAGE = "page.html.j2"
SHIPPED = "shipped"  # prefix by which a file of the user's includes the one whose place it takes
Source = tuple[str, str | None, Callable[[], bool] | None]
LARGEST = 1_000_000  # bytes of one template
_TEXTS = ("report.css", "report.js")
_JSON: dict[str, Any] = {"separators": (",", ":"), "allow_nan": False}


class Templates:
    """The page's templates.

    Args:
        own: a folder of the user's, whose files take the place of those of the same name; none by default.

    Raises:
        AblateError: the folder is not there, is empty, or holds a file that is no template's.
    """

    def __init__(self, own: Path | None = None) -> None:
        self._own = own
        # Installers may link the files of a package.
        self._shipped = jinja2.FileSystemLoader(shipped.path("templates"), followlinks=True)
        if own is not None:
            _check(own, self._shipped.list_templates())
        self._environment = _environment(own, self._shipped)

    def text(self, name: str) -> str:
        """The style sheet or the script, as it is."""
        own = _read(self._own, name) if self._own is not None else None
        return own if own is not None else self._shipped.get_source(self._environment, name)[0]

    def render(self, **values: Any) -> str:
        """The page as HTML text.

        Raises:
            AblateError: a template of the user's is wrong, or wants what the sandbox refuses; says where.
        """
        try:
            return self._environment.get_template(PAGE).render(**values)
        except jinja2.TemplateSyntaxError as error:
            raise AblateError(
                f"template {error.filename or error.name}, line {error.lineno}: {error.message}"
            ) from None
        except AblateError:
            raise
        except Exception as error:
            if self._own is None:
                raise  # the shipped templates are never wrong about a study
            raise AblateError(f"a template in {self._own} cannot be rendered: {reading.reason(error)}") from error


class _Own(jinja2.BaseLoader):
    """Templates of a folder, which may come from elsewhere: its regular files, and nothing that is linked to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get_source(self, environment: jinja2.Environment, template: str) -> Source:  # noqa: ARG002 - jinja2's own
        """The text of a template; raises `TemplateNotFound` if the folder has none of that name."""
        name = "/".join(jinja2.loaders.split_template_path(template))
        text = _read(self._folder, name)
        if text is None:
            raise jinja2.TemplateNotFound(template)
        return text, str(self._folder / name), None


def _read(folder: Path, name: str) -> str | None:
    """The text of a file of a folder of the user's; `None` if there is none.

    Raises:
        AblateError: it cannot be read.
    """
    path = folder / name
    try:
        return reading.below(folder, *path.relative_to(folder).parts, most=LARGEST).decode()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, reading.DamagedError) as error:
        raise AblateError(f"{path} cannot be read: {error}") from None


def breakable(label: str) -> Markup:
    """A label of a treatment, escaped, that may be broken after its punctuation and nowhere else."""
    return Markup("<wbr>").join(re.split(r"(?<=[=(,])", shown(label)))


def shown(value: Any) -> Any:
    """What a template prints: text without home folders and without unseen characters, markup as it is."""
    return wording.visible(wording.redact(value)) if type(value) is str else value


def _packed(document: Mapping[str, Any]) -> Markup:
    """A large table for the script."""
    return Markup(embedded.packed(json.dumps(document, **_JSON)))  # noqa: S704 - letters, digits, "+", "/" and "="


def _environment(own: Path | None, shipped: jinja2.BaseLoader) -> jinja2.Environment:
    """Templates that escape everything, fail on a name that does not exist, and can reach nothing but their values."""
    loaders = [shipped] if own is None else [_Own(own), shipped]
    # select_autoescape() would leave files that end in .j2 unescaped.
    found = ImmutableSandboxedEnvironment(
        loader=jinja2.ChoiceLoader([*loaders, jinja2.PrefixLoader({SHIPPED: shipped})]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["breakable"] = breakable
    found.filters["packed"] = _packed
    found.policies["json.dumps_kwargs"] = _JSON
    return found


def _check(own: Path, shipped: Iterable[str]) -> None:
    """See that every template in a folder of the user's takes a place that there is."""
    if not own.is_dir():
        raise AblateError(f"--template-dir: {own} is no folder")
    known = {name for name in shipped if name.endswith(".j2")} | set(_TEXTS)
    try:
        given = {path.relative_to(own).as_posix() for path in own.rglob("*") if path.suffix in {".j2", ".css", ".js"}}
    except (OSError, RecursionError):
        raise AblateError(f"--template-dir: {own} cannot be looked through") from None
    if not given:
        raise AblateError(f"--template-dir: {own} holds no template; the page is made of {', '.join(sorted(known))}")
    for name in sorted(given - known):
        raise AblateError(f"--template-dir: {own / name} takes the place of no template{suggest(name, known)}")
