"""Arrows between rooms, imports that come too early, modules without tests; each guard is seen to fail once."""

import ast
import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = ("keras", "matplotlib", "pandas", "scipy", "seaborn", "sklearn", "statsmodels", "tensorflow")
TRAINING_ONLY = ("keras", "tensorflow")
HELP = "from ablate.cli import main\nmain(['--help'], standalone_mode=False)"

# Module without logic of its own -> why no file of tests bears its name.
NOTHING_TO_TEST = {
    "__main__.py": "calls ablate.cli.main and nothing else",
    "analysis/__init__.py": "a docstring",
    "data/__init__.py": "a docstring",
    "execution/__init__.py": "a docstring",
    "report/__init__.py": "a docstring",
    "report/nightly/__init__.py": "a docstring",
    "report/page/__init__.py": "a docstring",
    "results/__init__.py": "a docstring",
    "settings/__init__.py": "a docstring",
    "studies/__init__.py": "a docstring",
    "tables/__init__.py": "a docstring",
    "training/__init__.py": "a docstring",
    "training/networks/__init__.py": "a docstring",
    "training/remedies/__init__.py": "a docstring",
    "training/scores/__init__.py": "a docstring",
    "usercode/__init__.py": "a docstring",
    "version.py": "a number",
}

# Contract -> a module of the package, and an import that the contract forbids there.
BREAKS = {
    "rooms": ("settings/levels.py", "from ablate.results import store"),
    "circles": ("studies/factors.py", "from ablate.studies import spec"),
    "training": ("execution/scheduler.py", "from ablate.training import seeds"),
    "tensorflow": ("results/table.py", "import keras"),
    "analysis": ("analysis/effects.py", "from ablate.results.store import Store"),
    "plans": ("results/table.py", "import seaborn"),
    "commands": ("cli/plan.py", "from ablate.report.page import html as page"),
}


def loaded_by(code: str, watched: tuple[str, ...], folder: Path) -> set[str]:
    """Which of the watched modules are loaded in a fresh interpreter after some code."""
    report = f"\nimport json, sys\nprint(json.dumps([name for name in {watched!r} if name in sys.modules]))"
    command = [sys.executable, "-c", code + report]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=60)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_help_loads_no_heavy_library(tmp_path):
    assert loaded_by(f"import ablate\n{HELP}", HEAVY, tmp_path) == set()


def test_a_plan_of_the_default_study_loads_no_training_library(tmp_path):
    shutil.copy(ROOT / "ablations.toml", tmp_path)
    code = "from ablate.cli import main\nmain(['plan'], standalone_mode=False)"
    assert loaded_by(code, TRAINING_ONLY, tmp_path) == set()


def test_the_check_of_loaded_modules_can_fail(tmp_path):
    assert "pandas" in loaded_by(f"import pandas\n{HELP}", HEAVY, tmp_path)


def check_contracts(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the package in a folder, by the configuration there."""
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-c", code, "--no-cache", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


def test_contracts_are_kept():
    done = check_contracts(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_contract_has_an_import_that_breaks_it():
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert {contract["id"] for contract in config["tool"]["importlinter"]["contracts"]} == set(BREAKS)


@pytest.mark.parametrize("contract", BREAKS)
def test_contract_can_fail(contract, tmp_path):
    shutil.copytree(ROOT / "ablate", tmp_path / "ablate", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    module, forbidden = BREAKS[contract]
    with (tmp_path / "ablate" / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{forbidden}\n")
    done = check_contracts(tmp_path, "--contract", contract)
    assert done.returncode == 1
    assert "1 broken" in done.stdout, done.stdout + done.stderr
    assert module.removesuffix(".py").rpartition("/")[2] in done.stdout.rpartition("broken")[2]


@pytest.mark.parametrize("tool", ["import_diagram.py", "study_file.py"])
def test_what_is_written_from_the_code_is_up_to_date(tool: str):
    command = [sys.executable, f"tools/{tool}", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def without_tests(package: Path, tests: Path) -> set[str]:
    """The modules of a package that have no file of tests named after them.

    `studies/design.py` is tested by `studies/test_design.py`, and a room's own `api/__init__.py` by `api/test_api.py`.
    """
    found = set()
    for path in package.rglob("*.py"):
        module = path.relative_to(package)
        name = path.parent.name if path.stem == "__init__" else path.stem
        file = tests / module.parent / f"test_{name}.py"
        if not file.is_file() or "\ndef test_" not in file.read_text(encoding="utf-8"):
            found.add(module.as_posix())
    return found


def test_every_module_has_a_file_of_tests_named_after_it():
    assert without_tests(ROOT / "ablate", ROOT / "tests") == NOTHING_TO_TEST.keys()


def test_the_search_for_modules_without_tests_can_fail(tmp_path):
    for module in ("studies/__init__.py", "studies/design.py", "studies/spec.py", "studies/lines.py"):
        path = tmp_path / "package" / module
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    tests = tmp_path / "tests" / "studies"
    tests.mkdir(parents=True)
    (tests / "test_design.py").write_text('"""Designs."""\n\ndef test_something():\n    assert 1\n')
    (tests / "test_spec.py").write_text('"""No test in it."""\n')
    found = without_tests(tmp_path / "package", tmp_path / "tests")
    assert found == {"studies/__init__.py", "studies/spec.py", "studies/lines.py"}


@pytest.mark.parametrize("module", NOTHING_TO_TEST)
def test_what_needs_no_test_has_no_logic(module):
    tree = ast.parse((ROOT / "ablate" / module).read_text(encoding="utf-8"))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda)]
