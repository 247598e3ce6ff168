"""Whatever a study's levels, claims, failures and machine are called: it is shown as text, and does nothing."""

import re
from functools import cache

import markupsafe
import pytest

from ablate.report.findings import Findings
from ablate.report.page import html as report
from ablate.results.record import Failure
from tests import invented
from tests.browser.pages import CI_POLICY, CLAIM

EVIL = (
    "<script>document.title = 'owned'</script>",
    "</script><script>alert(1)</script>",
    "</title></style></textarea></pre><img src=x onerror=alert(1)>",
    "{{7*7}}{% raw %}${7*7}#{7*7}",
    "javascript:alert(1)",
    "\"' onmouseover='alert(1)' x=\"",
    "<!--<script>&lt;b&gt;&amp;",
    "]]></svg><svg onload=alert(1)>",
    "$\\frac{1}{0}$",
)
UNSEEN = "a\x00b\x07c\x1b[31md\x85e\u2028f\u202eg\u2066h\ufffei"  # controls, separators, direction, no character at all
SHOWN = "a\\x00b\\x07c\\x1b[31md\\x85e\\u2028f\\u202eg\\u2066h\\ufffei"


@cache
def rendered():
    """The page of a study that holds the texts above wherever a study can hold text."""
    evil = "\n".join(EVIL)
    failure = Failure(f"{EVIL[0]}{EVIL[1]}{UNSEEN}", f"{evil}\n{UNSEEN}", "2026-01-01T00:00:00+00:00")
    snapshot = invented.snapshot(
        failed=(2,),
        failure=failure,
        path=f" {EVIL[1]}{EVIL[5]}{UNSEEN}",
        study={"name": "hostile", "replicates": 2},
        data={"source": "digits", "label": EVIL[0]},
        factors={"data.source": ["digits", *EVIL, UNSEEN]},
        claim=[{**CLAIM, "says": says} for says in (*EVIL, UNSEEN)],
        overfitting={},
    )
    return report.render(Findings(snapshot), command=f"ablate run --config '{EVIL[1]}{UNSEEN}'")


def test_nothing_is_executed(visit):
    found = visit(rendered())
    page = found.page
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    buttons = page.locator("#run-table .open")
    for number in range(buttons.count()):
        buttons.nth(number).click()
        page.locator("#run-table .run").nth(number).wait_for()
    page.locator("#filter").fill(EVIL[0])
    assert page.title() == "hostile – ablation study"
    assert (found.dialogs, found.requests, found.complaints) == ([], [], [])
    addresses = page.locator("a").evaluate_all("all => all.map((each) => each.getAttribute('href'))")
    assert all(address.startswith("#") for address in addresses)
    attributes = page.locator("*").evaluate_all("all => all.flatMap((each) => each.getAttributeNames())")
    assert not [name for name in attributes if name.startswith("on")]


def test_everything_is_shown_as_text(visit):
    page = visit(rendered()).page
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    for section in ("#claims", "#failures", "#provenance", "header"):
        text = page.locator(section).text_content()
        for evil in EVIL[:2]:
            assert evil in text, section
    for evil in EVIL:
        for section in ("#claims", "#failures pre", "#effects", "#treatments", "#run-table"):
            assert evil in page.locator(section).first.text_content(), section


def test_what_cannot_be_seen_is_spelt_out(visit):
    """Such characters end a terminal's line, turn the order of reading around or are no HTML at all."""
    page = visit(rendered()).page
    for section in ("#claims", "#failures li p", "#provenance", "header", "#effects"):
        assert SHOWN in page.locator(section).first.text_content(), section
    assert not set(rendered()) & set(UNSEEN) - set(SHOWN)


@pytest.mark.parametrize("policy", ["", CI_POLICY, "default-src 'self' 'unsafe-inline'"])
def test_it_is_as_harmless_on_a_server(context, serve, policy):
    page = context(offline=False).new_page()
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.goto(serve(rendered(), **({"Content_Security_Policy": policy} if policy else {})))
    assert page.title() == "hostile – ablation study"
    assert dialogs == []


def test_what_is_not_escaped_is_seen(visit):
    """The checks above can fail: a single place that is not escaped, in a page without its policy."""
    escaped = str(markupsafe.escape(EVIL[0]))
    assert escaped in rendered()
    careless = re.sub(r"<meta http-equiv[^>]*>", "", rendered()).replace(escaped, EVIL[0])
    assert visit(careless).page.title() == "owned"
