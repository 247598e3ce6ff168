"""Where statements of TOML begin and end, in one pass."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablate.settings import signs

TEXT = '''\
a = 1 # a [ in a comment
b = [
  "]", # not the end
  { c = [1,
    2] },
  3
]
[x."y.z"]
d = """
e = 1
\\""" """
f = \'\'\'
]\'\'\'
g = [[1, 2], [3]]
'''


def test_statements_are_found_with_the_ends_of_their_entries() -> None:
    found = list(signs.statements(TEXT))
    assert [each.line for each in found] == [1, 2, 8, 9, 12, 14]
    assert [each.ends for each in found] == [(), (3, 5, 6), (8,), (), (), (14, 14)]
    merged: dict[str, object] = {}
    for each in found:
        if not each.text.startswith("["):
            merged |= tomllib.loads(each.text)
    assert merged == {
        key: value for key, value in (tomllib.loads(TEXT) | tomllib.loads(TEXT)["x"]["y.z"]).items() if key != "x"
    }


@given(st.text(alphabet="[]{}\"'#,=\n\\ a.1", max_size=60))
def test_any_text_is_passed_through(text: str) -> None:
    for each in signs.statements(text):
        assert each.text in text


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 101, "a = " + "{ b = " * 101, ".".join("a" * 102) + " = 1", "[" + ".".join("a" * 102) + "]"]
)
def test_what_is_nested_too_deeply_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        signs.check_depth(text)


def test_dots_and_brackets_in_texts_do_not_count() -> None:
    signs.check_depth(f'a = "{"[." * 300}"\nb = [{", ".join(["1.5"] * 300)}]\n# {"[" * 300}\n' + "c.d = 1\n" * 300)
