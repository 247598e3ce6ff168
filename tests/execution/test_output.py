"""The end of what processes print is kept, fit to be shown."""

import os
import subprocess
import sys

import pytest

from ablate.execution.output import TAIL, Tail, clean


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("\x1b[1;31mred\x1b[0m \x1b]0;title\x07bell", "red bell"),
        ("10%\r20%\r\n", "10%\n20%\n"),
        ("nul\x00 c1\x9b override\u202e lone\ud800", "nul\ufffd c1\ufffd override\ufffd lone\ufffd"),
        ("naïve 漢字 🙂", "naïve 漢字 🙂"),
    ],
)
def test_a_terminal_is_shown_text_and_nothing_to_obey(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_the_end_is_kept_however_much_is_printed() -> None:
    tail = Tail()
    code = "import os, sys\nfor _ in range(300): os.write(int(sys.argv[1]), b'x' * 99_999 + b'\\n')"
    writer = tail.writer.fileno()
    subprocess.run([sys.executable, "-c", code, str(writer)], pass_fds=[writer], check=True)
    os.write(writer, "the last wörds\xff".encode("latin-1"))
    text = tail.text()
    assert len(text) == TAIL
    assert text.endswith("the last w\ufffdrds\ufffd")
    assert set(text[: TAIL // 2]) <= {"x", "\n"}
    tail.begin()
    assert tail.text() == ""
    tail.close()


def test_a_process_that_outlives_the_reader_does_not_block_it() -> None:
    tail = Tail()
    writer = tail.writer.fileno()
    with subprocess.Popen(["sleep", "60"], pass_fds=[writer]) as process:
        tail.close()
        process.kill()
