"""What a notebook shows of results: how far the study is, its answer in a sentence, two figures and the effects."""

from html import escape

from ablate.report import verdict
from ablate.report.figures import effects, gap
from ablate.report.findings import Findings


def render(findings: Findings) -> str:
    """The results as a piece of HTML without scripts or styles; nothing in a name is markup."""
    snapshot = findings.snapshot
    total = len({run.key for run in snapshot.planned})
    head = f"<p><b>{escape(snapshot.study.name)}</b>: {total - snapshot.missing:,} of {total:,} runs finished</p>"
    if not snapshot.records:
        return head
    answer, table = verdict.verdict(findings), findings.effects()
    sentences = escape(" ".join(filter(None, (answer.best, answer.headline, answer.sure))))
    drawn = [gap.figure(findings.ok, snapshot.study.measured.score)]
    if table["n"].sum():
        drawn.insert(0, effects.figure(table, findings.differences(snapshot.study.primary)))
    figures = "".join(
        f"<figure>{each.markup}<figcaption>{escape(each.description)}</figcaption></figure>" for each in drawn if each
    )
    return f"{head}<p>{sentences}</p>{figures}{table.to_html(index=False)}"
