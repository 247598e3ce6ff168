"""Fixtures of the report's tests: snapshots made by hand."""

from collections.abc import Callable

import pytest

from ablate.results.record import Probe
from ablate.results.snapshot import Snapshot
from tests import invented

Make = Callable[..., Snapshot]


@pytest.fixture
def make() -> Make:
    """The function `invented.snapshot`."""
    return invented.snapshot


@pytest.fixture
def make_probe() -> Callable[..., Probe]:
    """The function `invented.probe`."""
    return invented.probe
