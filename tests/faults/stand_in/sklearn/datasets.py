"""The digits of scikit-learn, from its own file."""

import gzip
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from types import SimpleNamespace

import numpy as np

STAND_IN = str(Path(__file__).parents[1])


def load_digits() -> SimpleNamespace:
    """Images of 8 by 8 pixels from 0 to 16, of ten classes."""
    original = PathFinder.find_spec("sklearn", [folder for folder in sys.path if folder != STAND_IN])
    assert original is not None
    assert original.origin is not None
    with gzip.open(Path(original.origin).parent / "datasets" / "data" / "digits.csv.gz", "rt") as file:
        rows = np.loadtxt(file, delimiter=",")
    return SimpleNamespace(
        images=rows[:, :-1].reshape(-1, 8, 8), target=rows[:, -1].astype(int), target_names=np.arange(10)
    )
