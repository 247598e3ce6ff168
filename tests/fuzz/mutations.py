"""How files are spoiled: values of JSON and TOML documents, and bytes."""

import copy
import json
from typing import Any

from hypothesis import strategies as st

TEXTS = (
    "",
    " ",
    "\x1b[31mred\x1b]0;title\x07",
    "\x9b31m",
    "\u202eesrever\u2066",
    "\ud800",
    "\x00",
    "\n  supported  a line of its own",
    "=1+1",
    "-1",
    "../../outside",
    "/dev/zero",
    "evil:rows",
    "evil",
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}",
    "NaN",
    "Infinity",
    "1e999",
    "a" * 3_000,
    ".".join("a" * 300),
)
NUMBERS = (0, 1, -1, 2**31, 2**53, 2**63, 2**64, 10**30, 10**400, 0.0, -0.0, 0.5, 1e-308, 1e308, -1e308, 1e39)
SIGNS = (
    b"[", b"]", b"{", b"}", b'"', b"'", b"\\", b"\x00", b"\xff", b"\xed\xa0\x80", b",", b":", b"=", b"#", b"\n", b"<",
    b"<a=", b"<!--", b"</script", b"<script", b'"""', b"null", b"NaN", b"1e999", b"PK\x01\x02", b"{%", b"{{", b"%}",
    b"evil:rows", b"[[exclude]]", b"\\ud800", b"- ", b"0", b"9" * 50,
)  # fmt: skip


WIDE = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")  # which readers of JSON may guess


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def values() -> st.SearchStrategy[Any]:
    """What is put in the place of a value: of another kind, out of any range, nested, or text to be wary of."""
    return st.one_of(
        st.sampled_from(TEXTS),
        st.sampled_from(NUMBERS),
        st.none(),
        st.booleans(),
        st.floats(),
        st.integers(),
        st.text(max_size=20),
        st.sampled_from([[], {}, [[]], {"": {}}, ["a", 1], _nested(30), _nested(150), list(range(500))]),
    )


@st.composite
def spoiled(draw: st.DrawFn, document: Any) -> Any:
    """A document with one to three of its values replaced, removed, doubled or renamed."""
    found = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        found = _once(draw, found)
    return found


def _once(draw: st.DrawFn, document: Any) -> Any:
    parent, key, here = None, None, document
    while isinstance(here, dict | list) and here and (parent is None or draw(st.integers(0, 3))):
        keys = list(here) if isinstance(here, dict) else range(len(here))
        parent, key = here, draw(st.sampled_from(keys))
        here = parent[key]
    if parent is None:
        return draw(values())
    match draw(st.sampled_from(["replace", "replace", "replace", "remove", "rename", "double"])):
        case "replace":
            parent[key] = draw(values())
        case "remove":
            del parent[key]
        case "rename" if isinstance(parent, dict):
            parent[draw(st.sampled_from(TEXTS) | st.text(max_size=10))] = parent.pop(key)
        case _ if isinstance(parent, list):
            parent.extend([copy.deepcopy(here)] * draw(st.sampled_from([1, 2, 300])))
        case _:
            parent[f"{key}2"] = copy.deepcopy(here)
    return document


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Bytes with one to four places changed, cut out, repeated or written over, or written in another encoding."""
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(content)))
        end = min(len(content), place + draw(st.sampled_from([0, 1, 2, 10, 200])))
        sign = draw(st.sampled_from(SIGNS) | st.binary(max_size=4))
        match draw(st.sampled_from(["insert", "write", "cut", "truncate", "many", "encode"])):
            case "insert":
                content = content[:place] + sign + content[place:]
            case "write":
                content = content[:place] + sign + content[end:]
            case "cut":
                content = content[:place] + content[end:]
            case "truncate":
                content = content[:place]
            case "encode":
                content = content.decode("utf-8", "replace").encode(draw(st.sampled_from(WIDE)))
            case _:
                content = content[:place] + sign * draw(st.sampled_from([50, 2_000, 40_000])) + content[place:]
    return content


def as_json(document: Any) -> bytes:
    """JSON as no writer of ours makes it: with NaN, infinities and halves of characters."""
    return json.dumps(document).encode()
