"""The gate as JUnit XML, as CI servers read it: one test case per claim and one per treatment."""

import io
import re
from collections.abc import Iterable, Iterator

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite
from junitparser.junitparser import FinalResult

from ablate.report import answers, wording
from ablate.report.nightly import comparison, gate
from ablate.report.nightly.gate import Night
from ablate.text import clean

LONGEST_MESSAGE = 2_000  # characters; servers show it in a list
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(night: Night) -> bytes:
    """The XML document.

    Claims come first. A case is a failure for a refuted claim or a regression, an error where runs failed or are
    missing, nothing was measured, or the stored baseline is not comparable, and skipped where it is inconclusive.
    """
    suite = TestSuite(safe(night.findings.snapshot.study.name))
    for name, entry in _properties(night).items():
        suite.add_property(safe(name), safe(entry))
    return _document(suite, [*_claims(night), *_treatments(night)])


def nothing(reason: str) -> bytes:
    """The document where there is no study to speak of: one case, an error."""
    case = TestCase("results", "ablate.studies", 0.0)
    case.result = [_result(Error, reason, "nothing measured")]
    return _document(TestSuite("ablate"), [case])


def _document(suite: TestSuite, cases: Iterable[TestCase]) -> bytes:
    for case in cases:
        suite.add_testcase(case)
    document = JUnitXml(f"ablate check: {suite.name}")
    document.add_testsuite(suite)
    suite.update_statistics()  # type: ignore[no-untyped-call]
    for count in ("tests", "failures", "errors", "time"):  # schemas know no `skipped` there
        setattr(document, count, getattr(suite, count))
    content = io.BytesIO()
    document.write(content)
    return content.getvalue() + b"\n"


def safe(text: str) -> str:
    """A text without the characters that XML 1.0 cannot hold, nor those that a terminal would obey."""
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", clean(text))


def _properties(night: Night) -> dict[str, str]:
    snapshot, found = night.findings.snapshot, night.comparison
    facts = {"study": snapshot.study.name, "verdict": night.headline, "metric": snapshot.study.primary}
    if found is not None:
        facts["metric compared"] = found.metric
        facts["floor"] = comparison.floor_text(found.metric, found.floor)
    facts |= {f"version of {name}": version for name, version in night.findings.baseline.versions.items()}
    return facts | {f"note {number}": note for number, note in enumerate(night.notes, 1)}


def _case(night: Night, kind: str, name: str, seconds: float, result: FinalResult | None, out: str = "") -> TestCase:
    case = TestCase(safe(name), safe(f"{night.findings.snapshot.study.name}.{kind}"), round(seconds, 3))
    if result is not None:
        case.result = [result]
    if out:
        case.system_out = safe(out)
    return case


def _claims(night: Night) -> Iterator[TestCase]:
    for row in answers.claim_rows(night.findings.claims):
        message = f"{row.verdict}: {row.found}; expected {row.expected}" + (f"; {row.more}" if row.more else "")
        result: FinalResult | None = None
        if not night.findings.snapshot.records:
            result = _result(Error, "nothing was measured", "nothing measured")
        elif row.verdict == "refuted":
            result = _result(Failure, message, "refuted claim")
        elif row.verdict == "inconclusive":
            result = _result(Skipped, message, "inconclusive")
        yield _case(night, "claims", row.says, 0.0, result, message)


def _treatments(night: Night) -> Iterator[TestCase]:
    runs = night.findings.snapshot.runs
    seconds = runs.groupby("treatment", sort=False)["seconds"].sum()
    for name in night.treatments:
        result, out = _treatment(night, name)
        yield _case(night, "treatments", name, float(seconds.get(name, 0.0)), result, out)


def _treatment(night: Night, name: str) -> tuple[FinalResult | None, str]:
    """The result of a treatment, the gravest if there are several, and what there is to read."""
    if name in night.troubles:
        found = night.troubles[name]
        kind = "failed run" if found.failed else "missing run"
        return _result(Error, gate.trouble(found), kind, found.log), ""
    if night.obstacles:
        return _result(Error, "; ".join(night.obstacles), "not comparable"), ""
    if night.comparison is None:
        return None, ""
    own = night.comparison.by_treatment.get(name)
    if own is None:
        return _result(Skipped, "not in the stored baseline: nothing to compare it with", "inconclusive"), ""
    message = f"{own['verdict']}: {wording.metric_name(night.comparison.metric)} {comparison.told(own)}"
    match own["verdict"]:
        case "regression":
            return _result(Failure, message, "regression"), message
        case "inconclusive":
            return _result(Skipped, message, "inconclusive"), message
        case _:
            return None, message


def _result(kind: type[FinalResult], message: str, type_: str, text: str = "") -> FinalResult:
    result = kind(safe(wording.cut(wording.redact(message), LONGEST_MESSAGE)), type_)
    if text:
        result.text = safe(wording.redact(text))
    return result
