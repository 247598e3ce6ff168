"""Whether a network may look whole numbers up, by what its source or its file names."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ablate.settings.run import RunSettings
from ablate.studies import spec
from ablate.usercode import model_files, tokens

BUILDER = "import keras\n{imported}\ndef build(input_shape, classes):\n    return {made}\n"


def settings(model: dict[str, Any]) -> RunSettings:
    document = {"study": {"name": "s"}, "data": {"source": "digits"}, "model": model, "training": {"epochs": 1}}
    return spec.build(document, Path("ablations.toml")).base


def by_builder(folder: Path, made: str, imported: str = "") -> RunSettings:
    (folder / "mine.py").write_text(BUILDER.format(made=made, imported=imported))
    return settings({"builder": "mine:build"})


def by_file(folder: Path, config: Any) -> RunSettings:
    with zipfile.ZipFile(folder / "a.keras", "w") as archive:
        for name in model_files.MEMBERS:
            archive.writestr(name, json.dumps(config if name == model_files.CONFIG else {}))
    return settings({"file": "a.keras"})


@pytest.mark.parametrize(
    ("made", "imported", "may"),
    [
        ("keras.layers.Embedding(9, 2)", "", True),
        ("Embedding(9, 2)", "from keras.layers import Embedding", True),
        ("E(9, 2)", "from keras.layers import Embedding as E", True),
        ("TokensAndPositionsEmbedding(9)", "from more import TokensAndPositionsEmbedding", True),
        ("keras.layers.Hashing(9)", "", True),
        ("keras.ops.one_hot(x, 9)", "", True),
        ("keras.Input((4,), dtype='int32')", "", True),
        ("keras.Input((4,), dtype=keras.backend.uint8)", "", True),
        ("keras.Input((4,), dtype='float32')", "", False),
        ("keras.layers.Dense(9)", "", False),
        ("keras.layers.Dense(9)  # no Embedding", "", False),
        ("helper.layer()", "import helper", True),  # a module of the study's own folder
    ],
)
def test_a_builder_names_what_looks_up(tmp_path: Path, made: str, imported: str, may: bool) -> None:
    (tmp_path / "helper.py").write_text("import keras\n\n\ndef layer():\n    return keras.layers.Embedding(9, 2)\n")
    assert tokens.may_take(by_builder(tmp_path, made, imported), tmp_path) is may


@pytest.mark.parametrize(
    ("config", "may"),
    [
        ({"layers": [{"class_name": "Embedding", "config": {"dtype": "float32"}}]}, True),
        ({"layers": [{"class_name": "CategoryEncoding"}]}, True),
        ({"layers": [{"class_name": "InputLayer", "config": {"dtype": "int32"}}]}, True),
        ({"layers": [{"class_name": "Dense", "config": {"name": "Embedding", "dtype": "float32"}}]}, False),
    ],
    ids=["embedding", "categories", "whole input", "name alone"],
)
def test_a_file_holds_what_looks_up(tmp_path: Path, config: Any, may: bool) -> None:
    assert tokens.may_take(by_file(tmp_path, config), tmp_path) is may


def test_hidden_layers_take_numbers_alone(tmp_path: Path) -> None:
    assert tokens.may_take(settings({"hidden": [4]}), tmp_path) is False
