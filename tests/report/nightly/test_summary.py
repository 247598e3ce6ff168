"""The summary of a night, rendered as a CI server does."""

import re

from markdown_it import MarkdownIt

from ablate.report.findings import Findings
from ablate.report.nightly import summary
from ablate.report.nightly.gate import Night
from tests.report.nightly.test_gate import REFUTED, SUPPORTED, shifted

LIMIT = 900_000


def render(markdown):
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown)


def rows(html):
    return [re.findall(r"<td>(.*?)</td>", row) for row in re.findall(r"<tr>\n<td>.*?</tr>", html, re.DOTALL)]


def test_it_says_what_is_wrong_and_shows_the_same_figures_as_the_analysis(make):
    snapshot = make(claim=[SUPPORTED, REFUTED])
    before = shifted(Findings(snapshot).baseline, 0.05, ["dropout=0.5"])
    night = Night(Findings(snapshot), before, wanted=True)
    text = summary.render(night, page="report.html", link="https://ci.example/run#artifacts", limit=LIMIT)
    html = render(text)
    assert "<h1>🔴 invented: 1 regression, 1 claim refuted</h1>" in html
    assert "<li>Regression: dropout=0.5: −" in html
    assert "<li>Refuted: Batch norm hurts</li>" in html
    assert "18 of 18 runs finished. batch_norm=true" in html
    assert '<a href="https://ci.example/run#artifacts">report.html</a>' in html
    heads = re.findall(r"<h2>(.*?)</h2>", html)
    assert heads == ["Claims", "Against the stored baseline", "Effects on test accuracy"]
    table = rows(html)
    assert [row[2] for row in table[:2]] == ["supported", "refuted"]
    assert table[2][:2] == ["<code>dropout=0.5</code>", "<strong>regression</strong>"]
    effect = Findings(snapshot).effects().to_dict("records")[0]
    assert table[-2][3] == f"{effect['mean'] * 100:+.2f}".replace("-", "−")


def test_a_green_night_has_a_green_heading_and_no_list(make):
    text = summary.render(Night(Findings(make(claim=[SUPPORTED]))), limit=LIMIT)
    assert text.startswith("# 🟢 invented: nothing is wrong\n\n18 of 18 runs finished.")
    assert "The page" not in text


def test_failures_and_what_is_missing_are_listed(make):
    text = summary.render(Night(Findings(make(finished=16, failed=(3,)))), page="a_b.html", limit=LIMIT)
    html = render(text)
    assert "<h2>Failed and missing runs</h2>" in html
    assert "out of memory &lt;b&gt;" in html
    assert "The page: a_b.html" in html


def test_nothing_measured_is_a_summary_too(make):
    text = summary.render(Night(Findings(make(finished=0))), limit=LIMIT)
    assert text.startswith("# 🔴 invented: nothing was measured")
    assert "Claims" not in text
    assert "- No results in ~/x" in summary.nothing("no results in /home/somebody/x")


def test_names_from_the_study_are_never_markup(make):
    name = "a|b`c<img src=x>\n@team"
    html = render(summary.render(Night(Findings(make(factors={"data.source": ["digits", name]}))), limit=LIMIT))
    assert "<img" not in html
    assert len({len(row) for row in rows(html)}) == 1


def test_a_large_study_is_cut_and_says_so(make):
    dropout = [0.0, *(round(0.001 * step, 3) for step in range(1, 60))]
    night = Night(Findings(make(study={"name": "invented", "replicates": 2}, overfitting={"dropout": dropout})))
    text = summary.render(night, limit=3000)
    assert len(text.encode()) <= 3000
    assert text.endswith("*Cut here to stay below 3,000 bytes; the page has the rest.*\n")
