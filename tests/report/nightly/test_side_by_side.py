"""Two results in Markdown, rendered as a pull request shows them."""

from dataclasses import replace

from ablate.report.findings import Findings
from ablate.report.nightly import side_by_side
from ablate.report.nightly.comparison import compare
from tests.report.nightly.test_gate import shifted
from tests.report.nightly.test_summary import render, rows


def test_two_results_side_by_side_fit_a_comment(make, monkeypatch):
    one = Findings(make()).baseline
    other = Findings(make(training={"epochs": 6, "batch_size": 64}, study={"name": "b", "replicates": 5})).baseline
    html = render(side_by_side.render(compare(one, other, strict=False), "reports/a", "<b>.json"))
    assert "<h1>&lt;b&gt;.json against reports/a: 3 fine</h1>" in html
    assert "seeds only in A: 6" in html
    assert "changed: study: invented, now b" in html
    assert ["<code>training.batch_size</code>", "<code>32</code>", "<code>64</code>"] in [row[:3] for row in rows(html)]
    dropout = [0.0, *(round(0.001 * step, 3) for step in range(1, 60))]
    many = Findings(make(study={"name": "c", "replicates": 1}, overfitting={"dropout": dropout})).baseline
    assert side_by_side.LIMIT < 65_536
    monkeypatch.setattr(side_by_side, "LIMIT", 3_000)
    cut = side_by_side.render(compare(many, many), "a", "b")
    assert len(cut.encode()) <= 3_000
    assert cut.endswith("*Cut here to stay below 3,000 bytes; 'ablate compare' has the rest.*\n")


def test_the_heading_counts_what_became_of_the_treatments(make):
    stored = Findings(make()).baseline
    found = compare(shifted(stored, 0.05, ["dropout=0.5"]), stored)
    text = side_by_side.render(found, "then", "now")
    heading = text.splitlines()[0]
    assert heading.startswith("# now against then: ")
    assert sorted(heading.partition(": ")[2].split(", ")) == ["1 regression", "2 fine"]
    assert "Settings that differ" not in text


def test_nothing_in_common_is_said_and_home_folders_are_not(make):
    stored = Findings(make()).baseline
    gone = replace(stored, treatments={"renamed": stored.treatments["baseline"]})
    text = side_by_side.render(compare(gone, stored), "/home/jane/a.json", "b")
    assert text.startswith("# b against ~/a.json: no treatment to compare\n")
    assert "- treatments only in A: renamed" in text
    assert "jane" not in text
