"""Encodings are read where they are certain, and named where they are not."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ablate.settings.run import Data
from tests.tables.test_dialect import FRAME, load, problems


@pytest.mark.parametrize(
    ("encoding", "keys"),
    [
        ("utf-8", {}),
        ("utf-8-sig", {}),
        ("utf-16", {}),
        ("utf-16-le", {}),
        ("cp949", {"encoding": "cp949"}),
        ("utf-8", {"encoding": "UTF-8"}),
    ],
)
def test_encodings_that_are_certain_or_named_are_read(tmp_path: Path, encoding: str, keys: dict[str, Any]) -> None:
    korean = FRAME.rename(columns={"kind": "종류"}).replace({"x": "정상", "y": "의심", "z": "사기"})
    dataset = load(tmp_path, korean.to_csv(index=False).encode(encoding), label="종류", **keys)
    assert dataset.classes == ("사기", "의심", "정상")
    np.testing.assert_array_equal(dataset.x, FRAME[["weight", "height"]].to_numpy(np.float32))


@pytest.mark.parametrize(
    ("encoding", "texts", "likely"),
    [
        ("cp949", ["정상", "의심", "사기"], "cp949"),
        ("cp1252", ["é", "grün", "Straße"], "cp1252"),
        ("shift_jis", ["せいじょう", "うたがい", "さぎです"], "shift_jis"),
    ],
)
def test_an_encoding_that_is_not_certain_is_an_error_that_names_the_likely_one(
    tmp_path: Path, encoding: str, texts: list[str], likely: str
) -> None:
    text = FRAME.replace(dict(zip("xyz", texts, strict=True))).to_csv(index=False)
    (problem,) = problems(tmp_path, text.encode(encoding))
    first = text.encode(encoding).index(texts[0].encode(encoding)[0]) + 1
    assert problem == (
        f"data.encoding: t.csv is not UTF-8: byte {first} does not fit; its encoding is likely {likely}: "
        f'set data.encoding = "{likely}"'
    )
    assert set(load(tmp_path, text.encode(encoding), encoding=likely).classes) == set(texts)


def test_a_wrong_encoding_is_refused(tmp_path: Path) -> None:
    korean = FRAME.replace({"x": "정상"}).to_csv(index=False)
    assert "is not in this encoding: byte" in problems(tmp_path, korean.encode("cp949"), encoding="utf-8")[0]
    assert "it is utf-8-sig" in problems(tmp_path, korean.encode("utf-8-sig"), encoding="cp1252")[0]
    with pytest.raises(ValueError, match="no such encoding"):
        Data(source="t.csv", label="kind", encoding="korean-9")


def test_a_byte_far_into_the_file_is_seen(tmp_path: Path) -> None:
    text = FRAME.to_csv(index=False) + "".join(f"{n},1,x\n" for n in range(200_000)) + "1,1,é\n"
    assert "its encoding is likely cp1252" in problems(tmp_path, text.encode("latin-1"))[0]
