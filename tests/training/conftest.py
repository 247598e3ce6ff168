"""Data and a workshop that the training tests share, so that programs are compiled once per session."""

from pathlib import Path

import pytest
import tensorflow as tf

from ablate.study import sources
from ablate.study.settings import Data
from ablate.study.sources import Dataset
from ablate.training.workshop import Workshop

tf.get_logger().setLevel("ERROR")


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return sources.load(Data(source="digits"), Path())


@pytest.fixture(scope="session")
def workshop() -> Workshop:
    return Workshop()
