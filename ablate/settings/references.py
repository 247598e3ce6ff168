"""References to code of the user's, as study files write them: `"module:function"`."""

import re
from typing import Annotated

from pydantic import Field

_PATTERN = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$"
Reference = Annotated[str, Field(pattern=_PATTERN)]


def is_reference(text: str) -> bool:
    """Whether a text names a function."""
    return re.fullmatch(_PATTERN, text) is not None
