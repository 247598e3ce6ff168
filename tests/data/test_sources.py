"""Data sets: found where they should be, read as they are, refused with a reason."""

import io
import os
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ablate import reading
from ablate.data import sources
from ablate.errors import StudyError
from ablate.settings.run import Data

GOOD = "a,b,kind\n" + "".join(f"{n},{n * n},{'xyz'[n % 3]}\n" for n in range(30))


def arrays(**changes: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {
        "x_train": rng.integers(0, 256, (30, 2, 2), dtype=np.uint8),
        "y_train": np.arange(30) % 3,
        "x_test": rng.integers(0, 256, (9, 2, 2), dtype=np.uint8),
        "y_test": np.arange(9) % 3,
        **changes,
    }


def npz(folder: Path, **content: Any) -> Data:
    np.savez(folder / "d.npz", **content)
    return Data(source="d.npz")


def test_digits_are_bundled() -> None:
    dataset = sources.load(Data(source="digits"), Path())
    assert dataset.x.shape == (1797, 64)
    assert (len(dataset.train), len(dataset.test), len(dataset.classes)) == (1437, 360, 10)
    assert (dataset.scale, dataset.divisor) == ("divide", 16.0)
    assert set(dataset.train).isdisjoint(dataset.test)


def test_an_npz_with_keras_keys_keeps_its_test_part_and_its_bytes(tmp_path: Path) -> None:
    content = arrays()
    dataset = sources.load(npz(tmp_path, **content), tmp_path)
    assert dataset.x.dtype == np.uint8
    assert dataset.x.shape == (39, 4)
    assert (dataset.scale, dataset.divisor) == ("divide", 255.0)
    np.testing.assert_array_equal(dataset.x[dataset.test], content["x_test"].reshape(9, 4))
    np.testing.assert_array_equal(dataset.y[dataset.test], content["y_test"])


def test_an_npz_without_a_test_part_gets_a_fixed_one(tmp_path: Path) -> None:
    content = arrays()
    data = npz(tmp_path, x_train=content["x_train"].astype(np.float32), y_train=content["y_train"])
    first, second = (sources.load(data, tmp_path) for _ in range(2))
    assert len(first.test) == 6
    np.testing.assert_array_equal(first.test, second.test)
    assert first.scale == "none"


def test_one_hot_labels_are_classes(tmp_path: Path) -> None:
    content = arrays()
    one_hot = {name: np.eye(3)[content[name]] for name in ("y_train", "y_test")}
    assert sources.load(npz(tmp_path, **{**content, **one_hot}), tmp_path).y.tolist() == [
        *content["y_train"],
        *content["y_test"],
    ]


def test_a_table_has_a_label_column(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(GOOD)
    dataset = sources.load(Data(source="t.csv", label="kind"), tmp_path)
    assert dataset.classes == ("x", "y", "z")
    assert dataset.x.shape == (30, 2)
    assert dataset.scale == "standard"


@pytest.mark.parametrize(
    ("text", "label", "key", "message"),
    [
        (GOOD, "knid", "data.label", "did you mean 'kind'"),
        (GOOD, None, "data.label", "is required"),
        (
            GOOD.replace("3,9,x", "three,9,x"),
            "kind",
            "data.source",
            "column a holds numbers, and 'three' in 1 of 30 rows, the first in row 4",
        ),
        (GOOD.replace("3,9,x", ",9,x"), "kind", "data.missing", "column a: 1 of 30 values is missing, the first in"),
        (GOOD.replace("3,9,x", "3,9,"), "kind", "data.label", "1 row has no label, the first row 4"),
        (GOOD.replace("0,0,x", "0,0,rare"), "kind", "data.source", "class rare has 1 rows"),
        (GOOD.replace(",y\n", ",x\n").replace(",z\n", ",x\n"), "kind", "data.source", "has 1 class"),
        ("", "kind", "data.source", "is empty"),
        ("a,b,kind\n", "kind", "data.source", "holds no rows"),
        (GOOD, "b", "data.source", "class 0 has 1 rows"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(
    tmp_path: Path, text: str, label: str | None, key: str, message: str
) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(StudyError) as caught:
        sources.load(Data(source="t.csv", label=label), tmp_path)
    assert caught.value.problems[0].key == key
    assert message in caught.value.problems[0].message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_train": np.arange(29) % 3}, "one row of features a label"),
        ({"y_train": np.arange(30) % 3 / 2}, "different numbers with fractions"),
        ({"x_train": np.full((30, 2, 2), np.inf), "x_test": np.zeros((9, 2, 2))}, "120 of 156 feature values"),
        ({"x_train": np.array([{}] * 30, dtype=object)}, "cannot be read"),
        ({"x_train": np.array([["a"]] * 30), "x_test": np.array([["a"]] * 9)}, "should be numbers"),
        ({"x_train": np.full((30, 2, 2), 1e39), "x_test": np.zeros((9, 2, 2))}, "NaN, infinite or too large"),
        ({"y_train": np.array(3)}, r"y_train \(\): one row of features a label"),
        ({"y_train": np.full((30, 3), 1 / 3)}, "rows with a single 1 among zeros"),
        ({"y_train": np.zeros((30, 3))}, "rows with a single 1 among zeros"),
        ({"y_train": np.zeros(30, int), "y_test": np.zeros(9, int)}, "has 1 class"),
        ({"y_test": np.repeat([0, 1, 7], 3)}, "labels that y_train has not, and no network can learn them: 7"),
        (
            {"x_test": np.zeros((9, 3, 2), np.uint8)},
            r"of x_train have shape \(2, 2\), of x_test \(3, 2\)",
        ),
        ({"x_test": np.zeros((0, 2, 2), np.uint8), "y_test": np.zeros(0, int)}, "x_test holds no rows"),
    ],
)
def test_arrays_that_cannot_be_used_say_why(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(StudyError, match=message):
        sources.load(npz(tmp_path, **arrays(**changes)), tmp_path)


def test_missing_arrays_are_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no array y_train; it holds x_train"):
        sources.load(npz(tmp_path, x_train=np.zeros((3, 2))), tmp_path)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    data = npz(tmp_path, **arrays())
    path = tmp_path / "d.npz"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(StudyError, match="cannot be read"):
        sources.load(data, tmp_path)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"x_train": 60_000, "y_train": 10}, "unpacks to 60,010 bytes, more than the 50,000 .* x_train is compressed"),
        ({"x_train": 10, "y_train": 60_000}, "unpacks to 60,010 bytes, more than the 50,000 that memory allows$"),
    ],
)
def test_an_archive_is_measured_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sizes: dict[str, int], message: str
) -> None:
    monkeypatch.setattr(reading, "memory_limit", lambda: 50_000)
    with zipfile.ZipFile(tmp_path / "d.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, size in sizes.items():
            archive.writestr(f"{name}.npy", bytes(size))
    with pytest.raises(StudyError, match=message):
        sources.load(Data(source="d.npz"), tmp_path)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("digit", "did you mean 'digits'?"),
        ("mnsit", "did you mean 'mnist'?"),
        ("a.feather", "allowed: digits, wine"),
        ("a.parquet", "no such file"),
        ("nowhere.npz", "no such file"),
        ("~nobody-of-that-name/x.npz", "cannot be read"),
    ],
)
def test_an_unknown_source_says_what_is_known(tmp_path: Path, source: str, expected: str) -> None:
    with pytest.raises(StudyError) as caught:
        sources.load(Data(source=source), tmp_path)
    assert expected in caught.value.problems[0].message


def test_a_chosen_folder_comes_before_every_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen, cache = tmp_path / "chosen", tmp_path / "keras" / "datasets"
    for folder, rows in ((chosen, 30), (cache, 60)):
        folder.mkdir(parents=True)
        np.savez(folder / "mnist.npz", x_train=np.zeros((rows, 4), np.uint8), y_train=np.arange(rows) % 3)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("ABLATE_DATA", str(chosen))
    assert len(sources.load(Data(source="mnist"), tmp_path).x) == 30
    monkeypatch.delenv("ABLATE_DATA")
    assert len(sources.load(Data(source="mnist"), tmp_path).x) == 60


@pytest.fixture
def stand_in_for_keras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package `keras` whose loader makes its arrays up, or fails like the real one without a network."""
    package = tmp_path / "stand-in" / "keras"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from keras import datasets\n")
    (package / "datasets.py").write_text(
        "import os\n"
        "import numpy as np\n"
        "class mnist:\n"
        "    @staticmethod\n"
        "    def load_data():\n"
        "        if 'OFFLINE' in os.environ:\n"
        "            raise OSError('URL fetch failure: no route to host')\n"
        "        part = np.zeros((30, 28, 28), np.uint8), np.arange(30) % 3\n"
        "        return part, part\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "no-keras"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("ABLATE_DATA", raising=False)
    return package


@pytest.mark.usefixtures("stand_in_for_keras")
def test_what_is_not_here_is_downloaded_once_by_keras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(sources.load(Data(source="mnist"), tmp_path).test) == 30
    monkeypatch.setenv("OFFLINE", "1")
    assert len(sources.load(Data(source="mnist"), tmp_path).test) == 30


@pytest.mark.usefixtures("stand_in_for_keras")
def test_without_a_network_the_error_says_what_to_put_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFLINE", "1")
    with pytest.raises(StudyError, match=r"no route to host.*Put mnist\.npz .*ABLATE_DATA"):
        sources.load(Data(source="mnist"), tmp_path)


def test_the_real_mnist_has_its_canonical_shape(mnist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ABLATE_DATA", str(mnist))
    dataset = sources.load(Data(source="mnist"), Path())
    assert (dataset.x.shape, dataset.x.dtype) == ((70_000, 784), np.uint8)
    assert (len(dataset.train), len(dataset.test)) == (60_000, 10_000)


def test_reading_data_imports_no_tensorflow() -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from ablate.data import sources; from ablate.settings.run import Data\n"
        "sources.load(Data(source='digits'), Path()); sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], env=os.environ, check=False).returncode == 0


def test_a_header_that_claims_more_than_there_is_takes_no_memory(tmp_path: Path) -> None:
    """An archive of a hundred bytes whose array says it has a trillion rows."""
    np.save(tmp_path / "x.npy", np.zeros((3, 2)))
    small = (tmp_path / "x.npy").read_bytes()
    large = small.replace(b"(3, 2), }          ", b"(999999999999, 2)}")[: len(small)]
    assert large != small
    with zipfile.ZipFile(tmp_path / "d.npz", "w") as archive:
        archive.writestr("x_train.npy", large)
        archive.writestr("y_train.npy", small)
    with pytest.raises(StudyError, match=r"cannot be read|does not fit into memory"):
        sources.load(Data(source="d.npz"), tmp_path)


def test_a_table_is_measured_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "memory_limit", lambda: 100)
    (tmp_path / "t.csv").write_text(GOOD)
    with pytest.raises(StudyError, match="more than the 100 that memory allows for a table"):
        sources.load(Data(source="t.csv", label="kind"), tmp_path)


def test_a_parquet_table_is_read_as_a_csv_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    import pandas as pd
    import pyarrow as pa

    (tmp_path / "t.csv").write_text(GOOD)
    table = pd.read_csv(tmp_path / "t.csv")
    parquet.write_table(pa.Table.from_pandas(table), tmp_path / "t.parquet")
    found, other = (sources.load(Data(source=f"t.{kind}", label="kind"), tmp_path) for kind in ("parquet", "csv"))
    assert found.digest == other.digest
    with pytest.raises(StudyError, match=r"data.label: is required for a table"):
        sources.load(Data(source="t.parquet"), tmp_path)
    with pytest.raises(StudyError, match=r"data.label = .*t.parquet has no such column; did you mean 'kind'"):
        sources.load(Data(source="t.parquet", label="knid"), tmp_path)
    (tmp_path / "broken.parquet").write_bytes((tmp_path / "t.parquet").read_bytes()[:-20])
    with pytest.raises(StudyError, match=r"data.source = .*cannot be read"):
        sources.load(Data(source="broken.parquet", label="kind"), tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(reading, "memory_limit", lambda: 100)
        with pytest.raises(StudyError, match=r"more than the 100 that memory allows for a table"):
            sources.load(Data(source="t.parquet", label="kind"), tmp_path)


def test_parquet_without_pyarrow_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t.parquet").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(StudyError, match=r"needs pyarrow: install that package, or save the table as .csv"):
        sources.load(Data(source="t.parquet", label="kind"), tmp_path)


def test_the_shape_of_an_example_is_kept(tmp_path: Path) -> None:
    assert sources.load(Data(source="digits"), tmp_path).shape == (8, 8)
    assert sources.load(Data(source="iris"), tmp_path).shape == (4,)
    content = arrays()
    rows = {key: x.reshape(len(x), -1) if x.ndim > 1 else x for key, x in content.items()}
    flat, shaped = (sources.load(npz(tmp_path, **each), tmp_path) for each in (rows, content))
    assert (flat.shape, shaped.shape) == ((4,), (2, 2))
    assert shaped.digest == flat.digest


def test_keys_of_tables_are_refused_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(StudyError) as caught:
        sources.load(Data(source="digits", drop=["a"], separator=";"), tmp_path)
    assert [str(problem) for problem in caught.value.problems] == [
        'data.drop = ["a"]: is for tables (.csv, .parquet) alone; remove the key',
        'data.separator = ";": is for tables (.csv, .parquet) alone; remove the key',
    ]


@pytest.mark.parametrize(
    "header",
    [
        "(" * 90,
        "'''",
        "  x\n y",
        "[" * 5000,
        "{'descr':'<f4','fortran_order':False,'shape':(" + "9" * 4000 + ",)}",
        "\0",
    ],
    ids=["brackets", "quotes", "indented", "nested", "nines", "nul"],
)
def test_whatever_a_header_makes_its_reader_raise_is_one_clear_error(tmp_path: Path, header: str) -> None:
    members = {f"{name}.npy": io.BytesIO() for name in ("x_train", "y_train")}
    for file in members.values():
        np.save(file, np.zeros((4, 2)))
    members["x_train.npy"] = io.BytesIO(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
    with zipfile.ZipFile(tmp_path / "d.npz", "w") as archive:
        for name, file in members.items():
            archive.writestr(name, file.getvalue())
    with pytest.raises(StudyError, match=r"data\.source = .d\.npz.: cannot be read: \S"):
        sources.load(Data(source="d.npz"), tmp_path)
