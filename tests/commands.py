"""Commands in this process: every other process would import pandas and scipy anew, which takes seconds.

What is about processes themselves (streams, signals, kills) is started for real; see `tests/faults` and
`tests/cli/test_streams.py`.
"""

from pathlib import Path

from click.testing import CliRunner, Result

from ablate.cli import main
from tests.conftest import STUDIES

TINY = str(STUDIES / "tiny.toml")


def ablate(*arguments: object, **environment: str) -> Result:
    """What a command says and the code it ends with.

    Args:
        *arguments: of the command line.
        **environment: variables that it finds.
    """
    return CliRunner().invoke(main, [*map(str, arguments)], env={"GITHUB_STEP_SUMMARY": "", **environment})


def train_tiny(out: Path, *arguments: object) -> Path:
    """Run the tiny study into a folder, and return that folder."""
    done = ablate("run", "-c", TINY, "-o", out, *arguments)
    assert done.exit_code == 0, done.output
    return out
