"""Bringing results together: nothing from elsewhere is larger than was asked for."""

from pathlib import Path

from ablate.results import merging, models
from ablate.results.store import Store
from tests.results.builders import network, record

GOOD = "aa" * 32


def test_very_large_networks_are_left_whatever_their_record_says(tmp_path: Path) -> None:
    source, target = Store(tmp_path / "source"), Store(tmp_path / "target")
    source.prepare()
    source.write("study.toml", b"")
    source.commit(record(GOOD, result={**record().result, "parameters": 2**50}))
    models.keep_model(source, GOOD, lambda path: path.write_bytes(network()))
    size = models.model_path(source, GOOD, "keras").stat().st_size
    found = merging.merge(source, target, size - 1)
    assert [(each.kind, each.path.name) for each in found.refused] == [("large", f"{GOOD}.keras")]
    assert models.keys(target, "keras") == set()
    assert merging.merge(source, Store(tmp_path / "other"), size).refused == ()
    assert models.keys(Store(tmp_path / "other"), "keras") == {GOOD}
