"""Data and a workshop that the training tests share, so that programs are compiled once per session."""

from pathlib import Path

import pytest
import tensorflow as tf

from ablate.data import sources
from ablate.data.sources import Dataset
from ablate.settings.run import Data
from ablate.training.workshop import Workshop

tf.get_logger().setLevel("ERROR")


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return sources.load(Data(source="digits"), Path())


@pytest.fixture(scope="session")
def workshop() -> Workshop:
    return Workshop()
