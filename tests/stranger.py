"""A program that knows Keras and nothing of this package: what it makes of saved networks is what anybody would."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAM = """
import json, sys
import keras, numpy as np
for line in sys.stdin:
    path, examples = json.loads(line)
    model = keras.models.load_model(path)
    with np.load(examples) as test:
        loss, accuracy = model.evaluate(test["x"], test["y"], batch_size=4096, verbose=0)
    layers = [f"{type(layer).__module__}.{type(layer).__name__}" for layer in model.layers]
    rates = [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    print("found " + json.dumps([loss, accuracy, layers, rates, sorted(sys.modules)]), flush=True)
"""


@dataclass(frozen=True)
class Found:
    """What the program says of a network.

    Attributes:
        loss, accuracy: of Keras' `evaluate`, on the given examples.
        layers: class names of its layers.
        rates: of its dropout layers.
        modules: names of all modules that the program has loaded.
    """

    loss: float
    accuracy: float
    layers: list[str]
    rates: list[float]
    modules: set[str]


class Stranger:
    """The program, started once and asked often: TensorFlow takes seconds to import."""

    def __init__(self, folder: Path) -> None:
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        self._process = subprocess.Popen([sys.executable, "-c", PROGRAM], text=True, cwd=folder, **pipes)

    def score(self, network: Path, examples: Path) -> Found:
        """Load a network and evaluate it.

        Args:
            network: a `.keras` or `.h5` file.
            examples: an `.npz` file with arrays `x` and `y`.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps([str(network), str(examples)]), file=self._process.stdin, flush=True)
        said = []
        for line in self._process.stdout:
            said.append(line)
            if line.startswith("found "):
                loss, accuracy, layers, rates, modules = json.loads(line.removeprefix("found "))
                return Found(loss, accuracy, layers, rates, set(modules))
        raise AssertionError(f"the network could not be scored: {''.join(said)}")

    def close(self) -> None:
        """End the program."""
        self._process.communicate()
