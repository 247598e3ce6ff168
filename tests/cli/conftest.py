"""Results that the commands of this room are asked about, made by hand."""

from pathlib import Path

import pytest

from tests import invented

CLAIM = {"says": "Batch norm helps", "metric": "test_accuracy", "treatment": {"batch_norm": True}}
CLAIM |= {"against": {"batch_norm": False}, "expect": "higher"}


@pytest.fixture(scope="package")
def invented_results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of results with one study in it, of which a run failed and one diverged; to be read, not changed."""
    folder = tmp_path_factory.mktemp("reports")
    invented.kept(invented.snapshot(failed=(2,), diverged=(3,), claim=[CLAIM]), folder)
    return folder
