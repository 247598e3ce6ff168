"""What is found while a table is read: all of it at once, each thing once, with the file's name."""

import pytest

from ablate.errors import StudyError
from ablate.tables.options import Findings


def test_nothing_wrong_stops_nothing() -> None:
    findings = Findings(file="t.csv")
    findings.note("odd")
    findings.stop_if_wrong()
    assert findings.notes == ["odd"]


def test_every_problem_names_the_file_once_and_is_there_once() -> None:
    findings = Findings(file="t.csv")
    for message in ("column a is empty", "column a is empty", "t.csv has no rows"):
        findings.wrong("source", message, '"t.csv"')
    findings.wrong("label", "is missing")
    with pytest.raises(StudyError) as caught:
        findings.stop_if_wrong()
    assert [str(problem) for problem in caught.value.problems] == [
        'data.source = "t.csv": t.csv: column a is empty',
        'data.source = "t.csv": t.csv has no rows',
        "data.label: t.csv: is missing",
    ]
