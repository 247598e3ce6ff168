"""Words and numbers: signs, units, and no claim beyond the evidence."""

import math

import pytest

from ablate.report import wording


def test_numbers_have_a_true_minus_and_no_negative_zero():
    assert wording.number(-1.234) == "−1.23"
    assert wording.number(-0.001) == "0.00"
    assert wording.number(math.nan) == "–"


def test_differences_of_shares_are_in_points():
    assert wording.signed(0.0264, "test_accuracy") == "+2.64"
    assert wording.signed(-0.5, "test_loss") == "−0.5000"


def test_undecided_names_what_would_be_missed():
    row = {"metric": "test_accuracy", "n": 10, "dropped": 0, "mean": 0.001, "low": -0.002, "high": 0.004}
    text = wording.undecided(row | {"detectable": 0.005})
    assert "below 0.50 points would often be missed" in text
    assert "no effect" not in text


def test_undecided_says_when_runs_were_lost():
    row = {"metric": "gap", "n": 5, "dropped": 5, "mean": 0.1, "low": 0.0, "high": 0.2, "detectable": 0.1}
    assert "5 pairs lost a run" in wording.undecided(row)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("/home/jane/data.npz", "~/data.npz"),
        ("open /root/x and /Users/joe/y", "open ~/x and ~/y"),
        (r"C:\Users\joe\x.csv", r"~\x.csv"),
        ("/data/rooted /homes", "/data/rooted /homes"),
        ("/home/jürgen/x and '/home/Jane Doe'", "~/x and '~'"),
        (r"C:\Users\Jane Doe\x.csv", r"~\x.csv"),
        ("/home/o'brien/x '/home/o'\"'\"'brien/y'", "~/x '~/y'"),
        ("/home/jane and /home/joe/y are not '/x'", "~ and ~/y are not '/x'"),
        ("-c /home/jane -o out/x", "-c ~ -o out/x"),
        ("PATH=/home/jane:/home/joe/bin", "PATH=~:~/bin"),
    ],
)
def test_home_folders_are_taken_out(text, clean):
    assert wording.redact(text) == clean


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb\nc\u00a0d − é 👩\u200d💻", "a\tb\nc\u00a0d − é 👩\u200d💻"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("gpj\u202e.exe", "gpj\\u202e.exe"),
        ("\udcff\ufffe", "\\udcff\\ufffe"),
    ],
    ids=ascii,
)
def test_unseen_characters_are_spelt_out(text, shown):
    assert wording.visible(text) == shown
