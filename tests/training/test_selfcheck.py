"""The self-check: one JSON document about a TensorFlow that works."""

import json

import pytest

from ablate.training import selfcheck


def test_a_compiled_product_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    selfcheck.main()
    found = json.loads(capsys.readouterr().out)
    assert found["error"] == 0.0
    assert isinstance(found["gpus"], list)
