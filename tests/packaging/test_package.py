"""What is built is what users get: the wheel holds all it needs and works where there is no checkout."""

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
TWO_RUNS = """
[study]
name = "two-runs"
replicates = 1
[data]
source = "digits"
[model]
hidden = [16]
[training]
epochs = 2
[underfitting]
batch_norm = [false, true]
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with the sdist, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built):
    (found,) = built.glob("*.whl")
    return found


def files_below(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_wheel_holds_the_package_its_templates_and_nothing_else(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {f"ablate/_templates/{name}" for name in files_below(ROOT / "templates")}
    wanted |= {"ablate/py.typed", "ablate/_templates/ablations.toml", "ablate/cli/__init__.py"}
    assert wanted <= names
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"ablate"}
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_the_sdist_holds_what_the_checks_need_and_no_results(built):
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as content:
        names = {name.partition("/")[2] for name in content.getnames()}
    assert {"README.md", "constraints.txt", ".ci/run", "tools/check", "tests/conftest.py", "ablations.toml"} <= names
    assert {f"templates/{name}" for name in files_below(ROOT / "templates")} <= names
    assert not [name for name in names if name.startswith("reports/") and not name.startswith("reports/samples/")]


@pytest.mark.slow
def test_the_installed_wheel_trains_a_study_and_renders_its_page(wheel, tmp_path):
    """In an environment of its own, which sees the dependencies of this one but not its editable install."""
    home = tmp_path / "environment"
    venv.create(home, with_pip=False)
    python = str(home / "bin" / "python")
    paths = {"base": str(home), "platbase": str(home), "installed_base": str(home)}
    site = Path(sysconfig.get_path("purelib", "venv", paths))
    with zipfile.ZipFile(wheel) as content:
        content.extractall(site)
    (site / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    work = tmp_path / "work"
    work.mkdir()
    (work / "ablations.toml").write_text(TWO_RUNS, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def call(*arguments):
        done = subprocess.run(
            [python, *arguments], cwd=work, env=environment, capture_output=True, text=True, check=False, timeout=240
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert Path(call("-c", "import ablate; print(ablate.__file__)").strip()).is_relative_to(site)
    call("-m", "ablate", "init", "starter.toml")
    starter = (work / "starter.toml").read_text(encoding="utf-8")
    assert starter.partition("\n")[2] == (ROOT / "ablations.toml").read_text(encoding="utf-8")
    assert starter.startswith("#:schema ./ablations.schema.json\n")
    call("-m", "ablate", "run", "--jobs", "1")
    call("-m", "ablate", "report")
    page = (work / "reports" / "two-runs" / "report.html").read_text(encoding="utf-8")
    assert "batch_norm=true" in page
    assert "<svg" in page
    assert str(ROOT) not in page


def requirements():
    texts = [*PROJECT["dependencies"], *(text for extra in PROJECT["optional-dependencies"].values() for text in extra)]
    return [Requirement(text) for text in texts]


def constraints():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]


def test_constraints_are_exact_versions_without_addresses():
    odd = [line for line in constraints() if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line)]
    assert odd == []


@pytest.mark.parametrize("requirement", requirements(), ids=lambda requirement: requirement.name)
def test_requirement_has_a_lower_bound_that_the_constraints_keep(requirement):
    assert [bound.operator for bound in requirement.specifier] == [">="]
    pinned = dict(line.split("==") for line in constraints())
    versions = {canonicalize_name(name): version for name, version in pinned.items()}
    assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)])
