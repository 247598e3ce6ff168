"""Whether a model of the user's may take whole numbers as they are, such as tokens: seen in its source or file."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from ablate.settings.run import RunSettings
from ablate.usercode import builders, code, model_files

LAYERS = ("IntegerLookup", "CategoryEncoding", "Hashing", "HashedCrossing")  # and whatever is called an embedding
_ONE_HOT = ("OneHot", "one_hot")
_WHOLE = re.compile(r"u?int(8|16|32|64)")
_IN_FILE = re.compile(rf'"class_name":\s*"({"|".join((*LAYERS, *_ONE_HOT))}|\w*Embedding)"|"dtype":\s*"u?int\d+"')


def may_take(settings: RunSettings, folder: Path) -> bool:
    """Whether a builder's source, or a model file, names a layer that takes whole numbers, or an input of a whole type.

    What really happens to the features is decided where the model is made; this only says that it may.

    Args:
        settings: of a treatment.
        folder: of the study.

    Raises:
        StudyError: there is no such function or file, or it cannot be read.
    """
    if settings.model.file is not None:
        return _IN_FILE.search(model_files.config(settings.model.file, folder)) is not None
    if settings.model.builder is None:
        return False
    files = code.files(settings.model.builder, folder, builders.KEY)
    return any(_is_named(name) for file in files for name in _names(ast.parse(file.read_bytes())))


def _is_named(name: str) -> bool:
    return "Embedding" in name or name in LAYERS or name in _ONE_HOT or name == "dtype=int"


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
                yield name
            case ast.keyword(arg="dtype", value=ast.Constant(value=name) | ast.Attribute(attr=name)):
                yield "dtype=int" if _WHOLE.fullmatch(str(name)) else ""
            case _:
                pass
