"""The networks of a study side by side, as text: one row a layer, one column for every different network."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ablate.execution.assignment import Network

WIDTH = 160  # of a table, in columns of text; further networks follow in a table of their own
MOST_NAMES = 3
ABSENT = "-"
Networks = Mapping[tuple[str, ...], "Network"]


def document(networks: Networks) -> list[dict[str, Any]]:
    """The same for JSON."""
    return [
        {
            "treatments": list(names),
            "layers": [{"layer": layer, "is": text} for layer, text in network.layers],
            "remedies": dict(network.remedies),
        }
        for names, network in networks.items()
    ]


def tables(networks: Networks) -> Iterator[str]:
    """Lines of text: the networks side by side, then where the remedies of each went and where not."""
    rows = _rows([dict(network.layers) for network in networks.values()])
    first = [("layer", *rows)]
    columns = [_column(names, dict(network.layers), rows) for names, network in networks.items()]
    while columns:
        taken = first[:]
        while columns and (len(taken) == 1 or _width([*taken, columns[0]]) <= WIDTH):
            taken.append(columns.pop(0))
        yield from _lines(taken)
        yield ""
    for names, network in networks.items():
        for remedy, text in network.remedies.items():
            yield f"{_title(names)}: {remedy} in {text}"


def _rows(networks: Sequence[Mapping[str, str]]) -> list[str]:
    """The layers of all networks, each behind the one that it follows where it is first met."""
    rows: list[str] = []
    for network in networks:
        place = 0
        for layer in network:
            if layer in rows:
                place = max(place, rows.index(layer) + 1)
            else:
                rows.insert(place, layer)
                place += 1
    return rows


def _column(names: tuple[str, ...], layers: Mapping[str, str], rows: Sequence[str]) -> tuple[str, ...]:
    return (_title(names), *(layers.get(row, ABSENT) for row in rows))


def _title(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def _width(columns: Sequence[Sequence[str]]) -> int:
    return sum(max(map(len, column)) + 2 for column in columns)


def _lines(columns: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in columns]
    for cells in zip(*columns, strict=True):
        if set(cells[1:]) == {ABSENT}:
            continue  # it is in networks of another table
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()
