"""Seeds: the same for the same purpose and place, for ever; different for every other."""

import itertools

import pytest

from ablate.settings.seeds import Stream, derive


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ((1, Stream.SPLIT), 1835504127),
        ((1, Stream.ORDER, 7), 880097667),
        ((2**32 - 1, Stream.INIT, 3, 1), 278202619),
    ],
    ids=str,
)
def test_a_seed_never_changes(place: tuple[int, ...], expected: int) -> None:
    """Records of every age were made with these."""
    assert derive(*place) == expected  # type: ignore[arg-type]


def test_the_streams_keep_their_numbers() -> None:
    names = ["SPLIT", "SUBSET", "SAMPLE", "ORDER", "INIT", "DROPOUT", "CODE"]
    assert {stream.name: stream.value for stream in Stream} == dict(zip(names, itertools.count(), strict=False))


def test_no_two_purposes_and_no_two_places_share_a_seed() -> None:
    places = list(itertools.product(range(4), repeat=2))
    found = [derive(seed, stream, *place) for seed in range(3) for stream in Stream for place in places]
    assert len(set(found)) == len(found) == 3 * len(Stream) * 16
    assert all(0 <= seed < 2**32 for seed in found)
