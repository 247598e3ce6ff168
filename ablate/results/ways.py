"""Ways: which trainer makes the epochs of a structure, measured once and kept, so that all its runs have the same."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ablate.errors import StoreError
from ablate.reading import parse_json, wrong
from ablate.results import files
from ablate.results.store import Store

FOLDER = "ways"
LARGEST = 10_000  # bytes of a file
_LONGEST = 300  # characters of a reason


@dataclass(frozen=True)
class Way:
    """How the runs of a structure are trained.

    Attributes:
        trainer: `compiled` or `graph`.
        why: what was measured, in words.
    """

    trainer: Literal["compiled", "graph"]
    why: str

    def to_json(self) -> bytes:
        """The way as a JSON document."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_json(cls, content: bytes) -> "Way":
        """Read a way back.

        Raises:
            DamagedError: the document is none.
        """
        try:
            return cls(**vars(_Document.model_validate(parse_json(content))))
        except ValidationError as error:
            raise files.DamagedError(f"not a way: {wrong(error)}") from None
        except ValueError as error:
            raise files.DamagedError(f"not a way: {error}") from None


class _Document(BaseModel):
    """A `Way` as it is written; what validates it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    trainer: Literal["compiled", "graph"]
    why: Annotated[str, Field(max_length=_LONGEST)]


def find(store: Store, key: str) -> Way | None:
    """The way that the runs of a structure have here, or `None`; a damaged one is set aside.

    Args:
        store: the results folder.
        key: names the structure; a SHA-256 in hexadecimal.

    Raises:
        StoreError: it cannot be read.
    """
    path = store.root / FOLDER / f"{key}.json"
    try:
        return read(path)
    except FileNotFoundError:
        return None
    except files.DamagedError:
        store.set_aside(path)
        return None


def keep(store: Store, key: str, way: Way) -> Way:
    """Keep the way of a structure unless it has one here; the one that it has from now on.

    Raises:
        StoreError: it cannot be written.
    """
    path = files.place(store.root, FOLDER, f"{key}.json")
    while not files.publish(path, way.to_json()):
        if found := find(store, key):
            return found
        if files.is_there(path):
            raise StoreError(f"{path} is damaged and cannot be replaced; remove it")
    return way


def read(path: Path) -> Way:
    """The way in a file.

    Raises:
        FileNotFoundError: there is none.
        DamagedError: it is not what its name says.
        StoreError: it cannot be read.
    """
    with suppress(NotADirectoryError):
        return Way.from_json(files.kept(path, folders=1, most=LARGEST))
    raise FileNotFoundError(path)
