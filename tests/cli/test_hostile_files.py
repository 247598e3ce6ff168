"""Study files that nobody writes on purpose: a clear error and exit code 2, or a safe label; never a traceback."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from ablate.cli import main

HEAD = '[study]\nname = "x"\n[data]\nsource = "iris"\n[model]\nhidden = [4]\n[training]\nepochs = 1\n'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (HEAD + "epochs = 2\n", "line 9"),
        (HEAD + f"batch_size = {'[' * 20_000}{']' * 20_000}\n", "nested"),
        (HEAD + "[overfitting]\nl2 = [0.0, 1e400]\n", "finite"),
        (HEAD + "[overfitting]\nl1 = nan\n", "finite"),
        (HEAD.replace('"x"', '"../x"'), "letter or digit"),
        (HEAD.replace('"x"', f'"{"n" * 300}"'), "at most 100"),
        (HEAD.replace('"x"', '"a\\u0007b"'), "letter or digit"),
        (HEAD.replace('"iris"', '"\\u001b[31m.csv"'), "data.source"),
        (HEAD + '[underfitting]\noptimizer = "\\u001b[31madam"\n', "unknown optimizer"),
        (HEAD + f"[underfitting]\n{'o' * 300} = 1\n", "unknown key"),
        (HEAD + "[study]\n", "line 9"),
        (HEAD + "a\x00 = 1\n", "line 9"),
    ],
)
def test_a_hostile_file_is_an_error_with_its_place(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "ablations.toml"
    path.write_text(content, encoding="utf-8")
    result = CliRunner().invoke(main, ["plan", "-c", str(path), "-o", str(tmp_path)])
    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert "\x1b" not in result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr) < 5000


@pytest.mark.parametrize("content", [HEAD.encode() + b"# \xff\xfe\n", HEAD.encode("utf-16")])
def test_bytes_that_are_not_utf8_are_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ablations.toml"
    path.write_bytes(content)
    result = CliRunner().invoke(main, ["plan", "-c", str(path), "-o", str(tmp_path)])
    assert result.exit_code == 2
    assert "UTF-8" in result.stderr


def test_a_byte_order_mark_is_read_over(tmp_path: Path) -> None:
    path = tmp_path / "ablations.toml"
    path.write_bytes(b"\xef\xbb\xbf" + HEAD.encode())
    assert CliRunner().invoke(main, ["plan", "-c", str(path), "-o", str(tmp_path)]).exit_code == 0


def test_names_in_a_table_are_shown_as_text(tmp_path: Path) -> None:
    """Names of columns, categories and classes reach the terminal in what was read and in what is odd."""
    bad = "\x1b[31mred\x1b]0;title\x07"
    rows = "".join(f"{number},{number % 7},{bad}{number % 2},{bad}{number % 3}\n" for number in range(60))
    (tmp_path / "t.csv").write_text(f"{bad} id,size,{bad} text,kind\n{rows}")
    (tmp_path / "ablations.toml").write_text(HEAD.replace('"iris"', '"t.csv"\nlabel = "kind"'))
    result = CliRunner().invoke(main, ["plan", "-c", str(tmp_path / "ablations.toml"), "-o", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "id counts the rows" in result.stderr
    assert "3 classes: " in result.stderr
    assert "\x1b" not in result.output
    assert "\x07" not in result.output
