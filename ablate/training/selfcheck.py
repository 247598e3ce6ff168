"""Says as JSON whether TensorFlow works here; run as `python -m ablate.training.selfcheck`, in a process of its own."""

import json
import sys
import time


def main() -> None:
    """Print one JSON document: versions, GPUs, seconds of the import, and how far off a compiled product is."""
    began = time.monotonic()
    import keras  # noqa: PLC0415 - the import is what is measured
    import numpy as np  # noqa: PLC0415
    import tensorflow as tf  # noqa: PLC0415

    seconds = time.monotonic() - began
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    product = tf.function(lambda x: tf.matmul(x, x, transpose_b=True), jit_compile=True)
    found = {
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "gpus": [device.name for device in tf.config.list_physical_devices("GPU")],
        "seconds": seconds,
        "error": float(np.abs(product(values).numpy() - values @ values.T).max()),
    }
    sys.stdout.write(f"{json.dumps(found)}\n")


if __name__ == "__main__":
    main()
