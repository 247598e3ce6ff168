"""What a page carries inside, packed; reading a page back is tested beside the page, in tests/report."""

import base64
import gzip
import json

import pytest

from ablate.results import embedded
from tests import invented


def test_the_same_content_is_packed_into_the_same_text() -> None:
    packed = embedded.packed("naïve")
    assert gzip.decompress(base64.b64decode(packed)).decode() == "naïve"
    assert embedded.packed("naïve") == packed


def test_the_content_is_strict_json_in_three_parts() -> None:
    content = embedded.content(invented.snapshot(diverged=(1,), failed=(2,)))
    assert content.keys() == {"study", "runs", "histories"}
    assert json.loads(json.dumps(content, allow_nan=False), parse_constant=pytest.fail)["study"]["format"] == 1
    assert len(content["runs"]["rows"]) == 18
