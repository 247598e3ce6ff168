"""JUnit XML, read by a library that CI tools use, and looked at for what servers need."""

from xml.etree import ElementTree as ET

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped

from ablate.report.findings import Findings
from ablate.report.nightly import junit
from ablate.report.nightly.gate import Night
from tests.report.nightly.test_gate import REFUTED, SUPPORTED, UNDECIDED, shifted

BAD = "\x00\x1b[31m<&>\"' ]]> \ufffe é"


def read(night):
    return JUnitXml.fromstring(junit.render(night))


def results(document):
    """What every case came to, by its class and name."""
    (suite,) = document
    return {
        (case.classname, case.name): (case.result[0].__class__, case.result[0].type) if case.result else None
        for case in suite
    }


def test_claims_and_treatments_are_cases(make):
    before = shifted(Findings(make()).baseline, 0.05, ["dropout=0.5"])
    night = Night(Findings(make(claim=[SUPPORTED, REFUTED, UNDECIDED])), before, wanted=True)
    document = read(night)
    assert results(document) == {
        ("invented.claims", "Batch norm helps"): None,
        ("invented.claims", "Batch norm hurts"): (Failure, "refuted claim"),
        ("invented.claims", "Dropout helps"): (Skipped, "inconclusive"),
        ("invented.treatments", "baseline"): None,
        ("invented.treatments", "batch_norm=true"): None,
        ("invented.treatments", "dropout=0.5"): (Failure, "regression"),
    }
    assert (document.tests, document.failures, document.errors) == (6, 2, 0)
    (suite,) = document
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (6, 2, 0, 1)
    messages = [case.result[0].message for case in suite if case.result]
    assert all("(95% interval " in message for message in messages)
    facts = {each.name: each.value for each in suite.properties()}
    assert facts["study"] == "invented"
    assert facts["verdict"] == "1 regression, 1 claim refuted"
    assert facts["version of keras"] == "3.15.1"
    assert facts["floor"] == "0.5 points"


def test_failed_and_missing_runs_are_errors_with_their_log(make):
    document = read(Night(Findings(make(finished=16, failed=(3, 4)))))
    found = results(document)
    assert found["invented.treatments", "baseline"] == (Error, "failed run")
    assert found["invented.treatments", "batch_norm=true"] == (Error, "failed run")
    assert found["invented.treatments", "dropout=0.5"] == (Error, "missing run")
    (suite,) = document
    first = next(case for case in suite if case.name == "baseline").result[0]
    assert "out of memory <b>" in first.message
    assert "MemoryError" in first.text
    assert "somebody" not in first.text


def test_what_is_not_comparable_is_never_green(make):
    stored = Findings(make()).baseline
    other = Night(Findings(make(training={"epochs": 6, "batch_size": 64})), stored, wanted=True)
    absent = Night(Findings(make()), wanted=True)
    empty = Night(Findings(make(finished=0, claim=[SUPPORTED])), wanted=True)
    for night in (other, absent, empty):
        document = read(night)
        assert document.errors == document.tests > 0


def test_new_treatments_and_too_few_seeds_are_skipped(make):
    stored = shifted(Findings(make(overfitting={"dropout": [0.0, 0.1]})).baseline, 0.05)
    now = make(study={"name": "invented", "replicates": 3})
    document = read(Night(Findings(now), stored, wanted=True))
    assert set(results(document).values()) == {(Skipped, "inconclusive")}
    (suite,) = document
    messages = {case.name: case.result[0].message for case in suite}
    assert messages["dropout=0.5"] == "not in the stored baseline: nothing to compare it with"
    assert "only 3 common replicates" in messages["baseline"]


def test_the_document_has_the_shape_that_servers_need(make):
    content = junit.render(Night(Findings(make(claim=[UNDECIDED]))))
    assert content.lower().startswith(b"<?xml version='1.0' encoding='utf-8'?>")
    root = ET.fromstring(content)
    assert root.tag == "testsuites"
    (suite,) = root
    assert suite.tag == "testsuite"
    for each in (root, suite):
        assert {"name", "tests", "failures", "errors", "time"} <= each.attrib.keys()
    assert "skipped" in suite.attrib
    assert "skipped" not in root.attrib, "the schema that Jenkins checks by has none there"
    cases = suite.findall("testcase")
    assert len(cases) == int(suite.attrib["tests"]) == 4
    for case in cases:
        assert case.attrib["name"]
        assert case.attrib["classname"].count(".") == 1
        assert float(case.attrib["time"]) >= 0
        assert len([each for each in case if each.tag in ("failure", "error", "skipped")]) <= 1
    assert len({(case.attrib["classname"], case.attrib["name"]) for case in cases}) == len(cases)


def test_any_text_makes_a_document_that_parses(make):
    now = make(claim=[{**UNDECIDED, "says": BAD}], factors={"data.source": ["digits", BAD]})
    document = junit.render(Night(Findings(now)))
    (suite,) = JUnitXml.fromstring(document)
    names = [case.name for case in suite]
    assert names[0] == "\ufffd<&>\"' ]]> \ufffd é"
    assert b"\x1b" not in document
    assert junit.safe("tab\there\rline\x0b\ud800") == "tab\there\nline\ufffd\ufffd"


@pytest.mark.parametrize("reason", ["no results in reports/x; 'ablate run' makes them", BAD])
def test_without_a_study_there_is_one_error(reason):
    document = JUnitXml.fromstring(junit.nothing(reason))
    assert (document.tests, document.errors) == (1, 1)
