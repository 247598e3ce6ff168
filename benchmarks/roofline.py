"""How near an epoch comes to what the core can do: its FLOP rate against that of a large matrix product.

    python benchmarks/roofline.py                  # MNIST, batch sizes 32 and 100; under a minute
    python benchmarks/roofline.py cnn cifar        # networks that convolve, with XLA and without; two minutes

One thread, as in a worker, and seconds of the processor. Counted are the multiplications and additions of dense layers
and convolutions alone: forward and backward for the training rows (no gradient for the input), forward for the rows
that are scored. Everything else an
epoch does (gathering, scaling, activations, dropout, penalties, updates, metrics) takes time and counts for nothing.
"""

import os

for variable in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ[variable] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import functools  # noqa: E402
import itertools  # noqa: E402 - after the variables that TensorFlow reads
import math  # noqa: E402
import statistics  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402

import ablate  # noqa: E402
from ablate.data import sources, splits  # noqa: E402
from ablate.data.splits import Split  # noqa: E402
from ablate.training import data as run_data  # noqa: E402
from ablate.training.blueprint import draw  # noqa: E402
from ablate.training.program import Program  # noqa: E402
from ablate.usercode import code  # noqa: E402

SIZE = 2048  # rows and columns of the matrices
REPEATS = 9
STUDY = Path(__file__).parent / "mnist.toml"


def flops(model: keras.Model, rows: Split) -> int:
    """Multiplications and additions of an epoch's dense layers and convolutions."""
    layers = [layer for layer in model.layers if hasattr(layer, "kernel")]
    counts = [2 * math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:-1]) for layer in layers]
    forward = sum(counts)
    backward = 2 * forward - counts[0]
    return len(rows.train) * (forward + backward) + (len(rows.train_sample) + len(rows.validation)) * forward


Work = dict[str, tuple[Callable[[], object], int]]


def dense() -> Work:
    """Epochs of hidden layers, and what they multiply."""
    work: Work = {}
    study = ablate.load(STUDY)
    dataset = sources.load(study.base.data, STUDY.parent)
    rows = splits.split(dataset, study.base.data, 1)
    data, scaling = run_data.tensors(dataset), run_data.scaling(dataset, rows.train)
    order = run_data.batch_order(rows.train, 1, 0)
    treatments = [{}, {"dropout": 0.2}, {"l2": 1e-4}, {"batch_norm": True}]
    for batch_size, levels in itertools.product((32, 100), treatments):
        settings = ablate.load(STUDY, [f"training.batch_size={batch_size}"]).settings(levels)
        program = Program(f"{batch_size} {levels}", settings, dataset.x.shape[1], len(dataset.classes))
        program.load(settings, 1, data, scaling, rows)
        named = ", ".join(f"{name} = {value}" for name, value in levels.items()) or "baseline"
        epoch = functools.partial(program.epoch, order)
        work[f"batch {batch_size}, {named}"] = (epoch, flops(program.model, rows))
    return work


def convolving(name: str) -> Work:
    """Epochs of a study's network with XLA and without, and what they multiply."""
    work: Work = {}
    study = ablate.load(STUDY.parent / f"{name}.toml")
    code.open_folder(STUDY.parent)
    dataset = sources.load(study.base.data, STUDY.parent)
    rows, classes = splits.split(dataset, study.base.data, 1), len(dataset.classes)
    blueprint = draw(study.base, dataset.shape, classes, STUDY.parent)
    data, scaling = run_data.tensors(dataset), run_data.scaling(dataset, rows.train, blueprint.shape)
    for way, xla in (("baseline", True), ("without XLA", False)):
        program = Program(way, study.base, dataset.x.shape[1], classes, xla=xla, blueprint=blueprint)
        program.load(study.base, 1, data, scaling, rows)
        epoch = functools.partial(program.epoch, run_data.batch_order(rows.train, 1, 0))
        work[f"{name}, {way}"] = (epoch, flops(program.model, rows))
    return work


def main() -> None:
    """Time products and epochs in turn and print rates and ratios."""
    names = sys.argv[1:]
    matrices = [tf.random.normal((SIZE, SIZE)) for _ in range(2)]
    product = tf.function(lambda: tf.reduce_sum(matrices[0] @ matrices[1]))
    work: Work = {f"{SIZE} x {SIZE} product": (lambda: product().numpy(), 2 * SIZE**3)}
    for part in map(convolving, names) if names else [dense()]:
        work |= part
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for repeat in range(REPEATS + 1):
        for name, (function, _) in work.items():
            started = time.process_time()
            function()
            if repeat:  # the first compiles
                seconds[name].append(time.process_time() - started)
    print("| | seconds | GFLOP/s | of the product | times the baseline's epoch |")
    print("|---|---|---|---|---|")
    reference, *_ = seconds
    for name, values in seconds.items():
        rates = [work[name][1] / value / 1e9 for value in values]
        shares = [
            rate / (work[reference][1] / other / 1e9) for rate, other in zip(rates, seconds[reference], strict=True)
        ]
        baseline = f"{name.partition(',')[0]}, baseline"
        ratio = statistics.median(
            value / other for value, other in zip(values, seconds.get(baseline, values), strict=True)
        )
        cells = [statistics.median(each) for each in (values, rates, shares)]
        print(f"| {name} | {cells[0]:.3f} | {cells[1]:.1f} | {cells[2]:.2f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
