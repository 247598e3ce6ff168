"""`ablate init`: write a study file to start from, and a workflow that guards it."""

import json
from pathlib import Path
from typing import NoReturn

import click

from ablate import shipped
from ablate.cli.console import Output
from ablate.cli.console import command as handled
from ablate.errors import AblateError
from ablate.settings.document import FILE_NAME

SCHEMA_NAME = "ablations.schema.json"  # TOML language servers find it by the first line of the study file


@click.command("init")
@click.argument("path", type=click.Path(path_type=Path), default=FILE_NAME)
@click.option(
    "--ci", type=click.Choice(["github"]), help="Also write a nightly workflow; an existing study file is kept."
)
@click.option(
    "--install",
    default="",
    metavar="WHAT",
    help="With --ci, what the workflow installs: git+https://..., or a folder of the repository; else this version.",
)
@click.option("--force", is_flag=True, help="Replace an existing file; with --ci, only the workflow.")
@handled
def command(path: Path, ci: str | None, install: str, force: bool, output: Output) -> None:
    """Write a commented study file to start from, and its JSON Schema, by which editors check it as it is written.

    PATH is the file, or a folder for it; ablations.toml here by default. With --ci github, a workflow that trains and
    checks the study every night goes to .github/workflows of the repository.
    """
    from ablate.cli import workflow

    target = path if path.suffix and not path.is_dir() else path / FILE_NAME
    is_there = target.exists()
    flow = workflow.root_of(target) / workflow.NAME if ci else None
    if flow is not None and flow.exists() and not force:
        _refuse(flow)
    if is_there and flow is None and not force:
        _refuse(target)
    content = {"path": str(target)}
    if is_there and flow is not None:
        output.say(f"{target} is there already and stays as it is")
    else:
        content["schema"] = str(_write_study(target))
        output.data(str(target))
    if flow is not None:
        _write(flow, workflow.text(target, flow.parents[2], install))
        output.data(str(flow))
        content["workflow"] = str(flow)
        if not install:
            other = "where no index has it, --install names another place, as git+https://HOST/OWNER/REPOSITORY"
            output.say(f"The workflow installs {workflow.DEFAULT}; {other}")
    output.document(content)
    output.say("Next: ablate plan, ablate run, ablate report" + ("; commit what was written" if flow else ""))


def starter() -> str:
    """The study that `init` writes: the project's own, as shipped."""
    return shipped.path(FILE_NAME).read_text(encoding="utf-8")


def _refuse(path: Path) -> NoReturn:
    raise AblateError(f"{path} is there already; --force replaces it")


def _write_study(target: Path) -> Path:
    from ablate.studies.file import json_schema

    schema = target.with_name(SCHEMA_NAME)
    _write(schema, json.dumps(json_schema(), indent=2) + "\n")
    _write(target, f"#:schema ./{SCHEMA_NAME}\n{starter()}")
    return schema


def _write(path: Path, text: str) -> None:
    from ablate.results.files import replace_file

    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, text.encode())
