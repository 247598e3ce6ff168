"""Where a key stands in its file."""

from ablate.errors import Problem
from ablate.studies import lines

TEXT = """\
# a study
[study]
name = "a"

[underfitting]
init = [
    "zeros",   # with ] in a comment
    { name = "random_normal", stddev = 1.0 },

    "ones",
]
note = \"\"\"
[study]
name = 1
\"\"\"

[[claim]]
says = "x"
[[claim]]
treatment = { a = 1, b.c = 2 }
[factors]
model.activation = ["relu"]
"training.batch_size" = [1]
"""


def test_keys_tables_and_entries_have_their_lines() -> None:
    found = lines.locate(TEXT)
    expected = {
        "study": 2,
        "study.name": 3,
        "underfitting.init": 6,
        "underfitting.init[0]": 7,
        "underfitting.init[1]": 8,
        "underfitting.init[2]": 10,
        "underfitting.note": 12,
        "claim[0]": 17,
        "claim[0].says": 18,
        "claim[1]": 19,
        "claim[1].treatment.a": 20,
        "claim[1].treatment.b.c": 20,
        "factors.model.activation": 22,
        'factors."training.batch_size"': 23,
    }
    assert expected.items() <= found.items()


def test_a_problem_has_the_line_of_the_nearest_thing_around_it() -> None:
    problems = [Problem(key, "") for key in ("underfitting.init[1].std", "study.named", "data.source", "")]
    assert [problem.line for problem in lines.with_lines(problems, lines.locate(TEXT))] == [8, 2, None, None]


def test_a_file_that_is_no_toml_has_the_lines_before_the_mistake() -> None:
    assert lines.locate("[a]\nb = 1\nc = = 2\nd = 3\n") == {"a": 1, "a.b": 2}
