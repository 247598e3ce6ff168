"""As much of TensorFlow as a worker process uses itself."""

import logging

get_logger = logging.getLogger
