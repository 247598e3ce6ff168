"""In which encoding a text file is written: read where that is certain, else the likely ones are named."""

import codecs
from pathlib import Path

from ablate import reading
from ablate.tables.options import Findings

_BLOCK = 2**20  # bytes
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_DOUBLE = 2  # bytes of a common sign in any of them; a rare one is spelt in more, or not at all
# Encodings, each with the smaller one that has its common signs, and with the signs that a text in it is full of.
_EAST_ASIAN = (
    ("cp949", "euc_kr", "가", "힣"),
    ("shift_jis", "shift_jis", "ぁ", "ヶ"),
    ("gb18030", "gb2312", "一", "鿿"),
)


def find(path: Path, wanted: str | None, findings: Findings) -> str:
    """The encoding of a file: the one that the study names, or UTF-8 or UTF-16 where the file shows that it is.

    Args:
        path: the file.
        wanted: `data.encoding`, if the study has it.
        findings: hears of a file that is in another encoding, with the likely one.

    Raises:
        OSError: the file cannot be read.
    """
    with reading.opened(path) as file:
        beginning = file.read(_BLOCK)
    marked = next((name for mark, name in _MARKS if beginning.startswith(mark)), None)
    if wanted and marked and not _is_alike(wanted, marked):
        findings.wrong("encoding", f"{path.name} says in its first bytes that it is {marked}", f'"{wanted}"')
        return marked
    encoding = marked if marked and wanted in (None, "utf-8") else wanted or _wide(beginning) or "utf-8"
    where = _first_that_is_not(path, encoding)
    if where is None:
        return encoding
    if wanted:
        findings.wrong(
            "encoding", f"{path.name} is not in this encoding: byte {where + 1:,} does not fit", f'"{wanted}"'
        )
    else:
        likely = _likely(path, where)
        findings.wrong(
            "encoding",
            f"{path.name} is not UTF-8: byte {where + 1:,} does not fit; its encoding is likely {likely}: "
            f'set data.encoding = "{likely}"',
        )
    return encoding


def _wide(beginning: bytes) -> str | None:
    """UTF-16 without a mark, if it is that: Latin letters and separators have a zero byte each, on one side."""
    zeros = {place % 2 for place, byte in enumerate(beginning[:1024]) if byte == 0}
    if len(zeros) != 1:
        return None
    return "utf-16-le" if zeros == {1} else "utf-16-be"


def _is_alike(one: str, other: str) -> bool:
    return codecs.lookup(one).name.split("-")[:2] == codecs.lookup(other).name.split("-")[:2]


def _first_that_is_not(path: Path, encoding: str) -> int | None:
    """Place of the first byte that does not fit an encoding; `None` if all do."""
    decoder = codecs.getincrementaldecoder(encoding)()
    done = 0
    with reading.opened(path) as file:
        while True:
            block = file.read(_BLOCK)
            held = len(decoder.getstate()[0])
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                return done - held + error.start
            done += len(block)
            if not block:
                return None


def _likely(path: Path, where: int) -> str:
    """The encoding that makes the most sense of the text around the first byte that is not UTF-8."""
    with reading.opened(path) as file:
        file.seek(max(0, where - 2))
        around = file.read(_BLOCK)
    around = around[: around.rfind(b"\n") + 1] or around
    around = around[around.find(b"\n") + 1 :] if b"\n" in around[:-1] and where > 2 else around
    shares = {"cp1252": 0.5}
    for name, common, first, last in _EAST_ASIAN:
        try:
            foreign = [sign for sign in around.decode(name) if not sign.isascii()]
        except UnicodeDecodeError:
            continue
        fitting = [sign for sign in foreign if first <= sign <= last and len(sign.encode(common, "ignore")) == _DOUBLE]
        shares[name] = len(fitting) / max(1, len(foreign))
    return max(shares, key=shares.__getitem__)
