"""Writes the table of this example: invented, small, and the same every time.

    python examples/imbalanced/make_pumps.py [FOLDER]

One row is a week of a pump; 4 in 100 pumps fail in the week after.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

SEED = 20240607
ROWS, FAILING = 2400, 96


def pumps(rng: np.random.Generator) -> pd.DataFrame:
    """What was measured of pumps, and whether they failed soon after: the likelier, the more of it is out of order."""
    hours = rng.gamma(2.0, 1500, ROWS)
    vibration = rng.gamma(4.0, 0.6, ROWS)
    bearing = 55 + 6 * rng.normal(size=ROWS) + 0.8 * vibration
    seal = rng.choice(["new", "used", "worn"], ROWS, p=[0.4, 0.45, 0.15])
    pressure = 6.0 + 0.4 * rng.normal(size=ROWS) - 0.3 * (seal == "worn")
    strain = hours / 2200 + 1.1 * vibration + 0.16 * (bearing - 58) + 1.6 * (seal == "worn") - 0.7 * (pressure - 6)
    failing = np.argsort(strain + 1.5 * rng.normal(size=ROWS))[-FAILING:]
    return pd.DataFrame(
        {
            "hours": hours.round().astype(int),
            "vibration": vibration.round(2),
            "bearing_temperature": bearing.round(1),
            "pressure": pressure.round(2),
            "seal": seal,
            "next_week": np.where(np.isin(np.arange(ROWS), failing), "fails", "runs"),
        }
    )


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    pumps(np.random.default_rng(SEED)).to_csv(folder / "pumps.csv", index=False, lineterminator="\n")
