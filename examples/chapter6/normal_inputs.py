"""Writes normal_inputs.npz beside this file: the inputs of init-activations.toml.

1,000 examples of 100 features, drawn from N(0, 1), as the init section of the chapter has them. What the activations
look like at initialization does not depend on the labels; for the page to show which networks learn at all, a fixed
random linear teacher divides the examples into four classes.
"""

from pathlib import Path

import numpy as np

FEATURES, CLASSES = 100, 4
EXAMPLES = {"train": 1000, "test": 1000}


def arrays(seed: int = 777) -> dict[str, np.ndarray]:
    """The arrays by Keras' keys: features (n, 100) float32, labels (n,) int64."""
    rng = np.random.default_rng(seed)
    teacher = rng.normal(size=(FEATURES, CLASSES))
    found = {}
    for part, count in EXAMPLES.items():
        x = rng.normal(size=(count, FEATURES))
        found[f"x_{part}"] = x.astype(np.float32)
        found[f"y_{part}"] = (x @ teacher).argmax(axis=1)
    return found


if __name__ == "__main__":
    target = Path(__file__).with_name("normal_inputs.npz")
    np.savez(target, **arrays())
    print(target)
