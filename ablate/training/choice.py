"""Which trainer is the faster one for a network that convolves: both make a few steps, and their time is taken.

TensorFlow's convolutions are near the limit of a core where there are many filters, and XLA gains where there are few,
or where much lies between them. No rule says where the border is. Time is that of the processor: other processes count
for little.
"""

import time
from dataclasses import replace

from ablate.results.ways import Way
from ablate.training.program import Program, UnsupportedError
from ablate.training.run import Run

STEPS = 4  # of an epoch that is measured
REPEATS = 2  # of it, after one that compiles
SCORED = 64  # rows on each side
SHORT = 5.0  # seconds of a run below which compiling takes longer, to measure and to train, than it may save
GAIN = 1.25  # that XLA has to bring, since its programs take longer to compile, and a tie would be decided by chance


def measure(run: Run) -> Way:
    """The trainer that is to make the epochs of all runs of a structure.

    Args:
        run: any of them; nothing of it is changed.
    """
    try:
        plain = _step_seconds(run, xla=False)
    except UnsupportedError as error:
        return Way("compiled", f"without XLA it cannot be trained: {error}"[:200])
    if plain * run.steps * run.settings.training.epochs < SHORT:
        return Way("graph", f"its runs are too short for XLA to pay, with {plain * 1e3:.3g} ms a step without it")
    try:
        compiled = _step_seconds(run, xla=True)
    except UnsupportedError as error:
        return Way("graph", str(error)[:200])
    return decide(compiled, plain)


def decide(compiled: float, plain: float) -> Way:
    """The trainer that is faster, by the seconds of a step by XLA and without it."""
    times = f"{compiled * 1e3:.3g} ms a step by XLA, {plain * 1e3:.3g} ms without"
    if compiled * GAIN <= plain:
        return Way("compiled", f"measured: {times}")
    return Way("graph", f"XLA is not faster by a quarter or more (measured: {times})")


def _step_seconds(run: Run, *, xla: bool) -> float:
    size = run.settings.training.batch_size
    rows = run.rows.train[: min(STEPS, max(1, len(run.rows.train) // size)) * size]
    few = replace(
        run.rows,
        train=rows,
        validation=run.rows.validation[:SCORED],
        train_sample=run.rows.train_sample[:SCORED],
    )
    name = f"measured {run.program_key('compiled' if xla else 'graph')}"
    features, outputs = run.dataset.x.shape[1], run.dataset.outputs
    program = Program(name, run.settings, features, outputs, xla=xla, blueprint=run.blueprint)
    program.load(run.settings, run.seed, run.data, run.scaling, few, run.class_weights)
    seconds = []
    for _ in range(1 + REPEATS):
        started = time.process_time()
        program.epoch(rows)
        seconds.append(time.process_time() - started)
    return min(seconds[1:]) / -(-len(rows) // size)
