"""One explicit seed for everything random in a run, so that treatments of a replicate share what they can.

`keras.utils.set_random_seed` would not do: adding a dropout layer shifts the random numbers of all later layers.
"""

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What the random numbers are for. The values are part of every result; never renumber them."""

    SPLIT = 0
    SUBSET = 1
    SAMPLE = 2
    ORDER = 3
    INIT = 4
    DROPOUT = 5
    CODE = 6


def derive(seed: int, stream: Stream, *place: int) -> int:
    """A 32-bit seed for one purpose and place (an epoch, a layer), independent of all the others."""
    return int(np.random.SeedSequence([seed, stream, *place]).generate_state(1)[0])
