"""The arrows between the rooms, and what may not be imported before it is needed; each guard is seen to fail once."""

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

# Contract -> a module of the package, and an import that the contract forbids there.
BREAKS = {
    "rooms": ("study/levels.py", "from ablate.results import store"),
    "training": ("execution/scheduler.py", "from ablate.training import seeds"),
    "tensorflow": ("results/table.py", "import keras"),
    "analysis": ("analysis/effects.py", "from ablate.results.store import Store"),
    "plans": ("results/table.py", "import seaborn"),
    "commands": ("cli/plan.py", "from ablate.report import page"),
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
    assert module.removesuffix(".py").replace("/", ".") in done.stdout


def test_the_import_diagram_is_up_to_date():
    command = [sys.executable, "tools/import_diagram.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
