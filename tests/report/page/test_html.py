"""The page: complete for every kind of study, self-contained, safe, and the same twice."""

import base64
import hashlib
import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ablate.report.findings import Findings
from ablate.report.page import html as page
from ablate.report.page import sections

GOLDEN = Path(__file__).parents[2] / "golden"
VOID = {"wbr", "meta", "input", "img", "link", "br", "hr"}


def render(snapshot, **options):
    """The page of a snapshot."""
    return page.render(Findings(snapshot), **options)


class Outline(HTMLParser):
    """Collects what a page refers to, and checks that its elements are nested."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.sections: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.attributes += attrs
        found = dict(attrs)
        self.ids += [found["id"]] if "id" in found else []
        self.references += [found[name] for name in ("href", "src") if name in found]
        self.sections += [found["id"]] if tag == "section" else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_it_has_every_section_in_order(make):
    outline = Outline(render(make(study={"name": "crossed", "design": "grid", "replicates": 2})))
    assert outline.sections == [
        "verdict", "treatments", "effects", "combinations", "gap", "learning", "distributions", "runs", "glossary",
        "provenance", "downloads",
    ]  # fmt: skip
    assert not outline.open


def test_a_design_that_tells_nothing_of_combinations_has_no_section_that_says_so(make):
    html = render(make())
    assert "combinations" not in Outline(html).sections
    assert 'href="#combinations"' not in html


@pytest.mark.parametrize(
    "case",
    [
        {"finished": 0},
        {"finished": 1},
        {"finished": 7},
        {"diverged": (1, 4), "failed": (2,)},
        {"diverged": tuple(range(18))},
        {"failed": tuple(range(18))},
        {"overfitting": {}},
        {"overfitting": {}, "underfitting": {}},
        {"study": {"name": "once", "replicates": 1}},
        {"study": {"name": "crossed", "design": "grid", "replicates": 2}},
        {"study": {"name": "losses", "primary": "val_loss", "replicates": 5}},
        {"training": {"epochs": 6}, "factors": {"model.activation": ["relu", "tanh"]}},
    ],
    ids=str,
)
def test_every_kind_of_study_makes_a_page(make, case):
    outline = Outline(render(make(**case)))
    assert not outline.open
    assert len(outline.ids) == len(set(outline.ids))


def test_nothing_is_requested_and_every_link_leads_somewhere(make):
    html = render(make(diverged=(1,), failed=(2,)))
    outline = Outline(html)
    for reference in outline.references:
        assert reference.startswith(("#", "data:image/png;base64,"))
        assert not reference.startswith("#") or reference[1:] in outline.ids
    assert not re.search(r"https?://|@import|url\((?!#)", html.replace("http://www.w3.org/2000/svg", ""))


def test_no_element_needs_an_inline_style_or_handler(make):
    for name, _ in Outline(render(make())).attributes:
        assert name != "style"
        assert not name.startswith("on")


def test_the_policy_allows_exactly_the_style_and_script_of_the_page(make):
    html = render(make())
    policy = unescape(re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html).group(1))
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        text = re.search(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL).group(1)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


def test_two_renderings_are_the_same_bytes(make):
    assert render(make(diverged=(1,))) == render(make(diverged=(1,)))


def test_hostile_labels_stay_text(make):
    label = "<script>alert(1)</script>{{7*7}}$x$"
    snapshot = make(factors={"data.source": ["digits", label]})
    html = render(snapshot, command=f"ablate run {label}")
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{7*7}}$x$" in html
    assert not Outline(html).open


def test_home_folders_are_not_shown(make):
    html = render(make(failed=(2,)), command="ablate run -c /Users/jane/study.toml")
    assert "somebody" not in html
    assert "jane" not in html
    assert "~/study.toml" in html


def test_what_the_script_reads_is_json_without_nan(make):
    snapshot = make(diverged=(1,))
    html = render(snapshot)
    blocks = re.findall(r'<script type="application/json" id="data-(\w+)">(.*?)</script>', html, re.DOTALL)
    data = {name: json.loads(text, parse_constant=pytest.fail) for name, text in blocks}
    assert data.keys() == {"study", "details"}
    known = data["details"]
    assert known["factors"] == {"batch_norm": ["false", "true"], "dropout": ["0", "0.5"]}
    names = list(dict.fromkeys(snapshot.runs["treatment"]))
    assert len(known["treatments"]) == len(names)
    own = known["treatments"][names.index("dropout=0.5")]
    assert own["levels"] == [0, 1]
    assert own["settings"] == {"dropout": "0.5"}
    assert known["settings"]["model.hidden"] == "[8, 4]"
    assert own["command"].endswith("--only batch_norm=false --only dropout=0.5 -S 'study.seeds=[")


def test_the_failures_listed_are_capped(make):
    snapshot = make(study={"name": "many", "replicates": 12}, diverged=tuple(range(30)))
    found = page.contents(Findings(snapshot))
    assert len(found.failures) == sections.MOST_FAILURES
    assert found.failure_count == 30


def test_what_a_reader_must_know_first_is_on_the_page(make):
    html = render(make(finished=7, data={"source": "digits", "validation": "test"}))
    assert "Validated on the test set" in html
    assert "7 of 18 finished" in html


def of_golden(number):
    """The page of the records of a schema."""
    from ablate import api

    results = api.open_results(GOLDEN / f"store-{number}" / "study.toml")
    return unescape(re.sub(r"<[^>]*>", "", render(results.snapshot))), render(results.snapshot)


def test_a_study_with_metrics_shows_what_is_taken_for_what():
    words, html = of_golden(3)
    outline = Outline(html)
    assert outline.sections.index("effects") < outline.sections.index("classes") < outline.sections.index("gap")
    assert {"figure-confusion", "figure-calibration"} <= set(outline.ids)
    assert "Which classes are taken for which" in words
    assert "baseline: most often mistaken are" in words
    assert "How sure, and how often right" in words
    assert len(outline.ids) == len(set(outline.ids))


def test_a_study_without_has_no_such_section():
    words, html = of_golden(2)
    assert "classes" not in Outline(html).sections
    assert "one class only" not in words.partition("Glossary")[0]


def test_what_guessing_gives_stands_beside_accuracies(make):
    from dataclasses import replace

    words = re.sub(r"<[^>]*>", "", render(make()))
    assert "10.0% of the rows; always answering it is right that often" in words
    assert "Always answering the largest class" not in words  # ten equal classes mislead nobody
    made = make()
    facts = {name: replace(each, classes=2, largest_class=0.97) for name, each in made.identity.data.items()}
    uneven = replace(made, identity=replace(made.identity, data=facts))
    said = re.sub(r"<[^>]*>", "", render(uneven))
    assert "Always answering the largest class would have an accuracy of 97.0%; in the test set, baseline has" in said
    assert "metrics = [" in said
