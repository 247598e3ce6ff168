"""Gives every process that finds this folder on its path a trainer without TensorFlow: `trainer.py`.

What is tested with it is what happens around a training: processes, signals, disks, claims, the store. Each such kind
is tested with Keras as well, among the slow tests.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent
PACKAGES = {f"ablate.training.{name}" for name in ("isolation", "networks", "remedies", "scores")}  # nothing is in them


class Finder(MetaPathFinder):
    """Finds the stand-in under the name of every module of the training room."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        stands_in = name.startswith("ablate.training.") and name not in PACKAGES
        return spec_from_file_location(name, HERE / "trainer.py") if stands_in else None


sys.meta_path.insert(0, Finder())
