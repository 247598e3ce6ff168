"""The page needs nothing but itself: no network, no script, no style sheet, no origin of its own."""

import re

import pytest

from ablate.report.findings import Findings
from ablate.report.page import html as report
from tests import invented
from tests.browser.pages import CI_POLICY, SNAPSHOTS, colours, dark, pixels, rendered

SECTIONS = ("verdict", "claims", "failures", "treatments", "effects", "gap", "learning", "distributions", "runs")
DROPOUTS = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
HOST = '<!doctype html><title>host</title><iframe {sandbox} width="1000" height="700" src="{address}"></iframe>'


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_nothing_is_asked_for_and_the_console_stays_silent(visit, name):
    found = visit(rendered(name))
    assert (found.requests, found.complaints) == ([], [])


def test_a_request_and_a_refused_script_are_seen(visit):
    """The check above can fail: an injected script and picture break the policy, and the console says so."""
    injected = '<img src="https://example.org/x.png" alt=""><script>document.title = "x"</script></body>'
    found = visit(rendered("none").replace("</body>", injected))
    assert len(found.complaints) == 2
    assert found.page.title() != "x"
    without = re.sub(r"<meta http-equiv[^>]*>", "", rendered("none"))
    assert visit(without.replace("</body>", injected)).requests == ["https://example.org/x.png"]


def test_without_scripts_everything_can_be_read_and_nothing_is_dead(visit):
    page = visit(rendered("usual"), java_script_enabled=False).page
    for section in SECTIONS:
        assert page.locator(f"#{section} h2").is_visible(), section
    assert page.locator("#verdict .findings li").first.is_visible()
    rows = page.locator("#run-table tbody tr")
    assert all(row.is_visible() for row in rows.all())
    assert rows.count() == 18
    figures = page.locator(".canvas > :is(svg, img)")
    assert figures.count() > 4
    assert all(figure.is_visible() for figure in figures.all())
    assert not [each for each in page.locator("button, input, select").all() if each.is_visible()]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_under_the_policy_of_a_ci_server_figures_and_text_can_be_seen(context, serve, scheme):
    address = serve(rendered("usual"), Content_Security_Policy=CI_POLICY)
    page = context(offline=False, color_scheme=scheme).new_page()
    page.goto(address)
    assert page.evaluate("getComputedStyle(document.body).maxWidth") == "none"
    assert page.locator("h1").evaluate("each => getComputedStyle(each).lineHeight") == "normal"  # no style sheet
    top = pixels(page)
    ground = top[3, 3].astype(int)
    written = (abs(top.astype(int) - ground).max(axis=2) > 120).mean()
    assert 0.005 < written < 0.4
    assert black_figures(page) == []
    assert page.locator(".canvas > img").count() == 0  # that policy refuses them
    for section in SECTIONS:
        assert page.locator(f"#{section} h2").is_visible(), section


def test_effects_of_many_replicates_are_seen_under_that_policy_as_well(context, serve):
    many = invented.snapshot(study={"name": "many", "replicates": 60}, overfitting={"dropout": DROPOUTS})
    page = context(offline=False).new_page()
    page.goto(serve(report.render(Findings(many)), Content_Security_Policy=CI_POLICY))
    assert "of a level's replicates" in page.locator("#effects figure .note").first.inner_text()
    sizes = [each.bounding_box() for each in page.locator("#effects .canvas > *, #gap .canvas > *").all()]
    assert len(sizes) > 2
    assert all(size["width"] > 300 and size["height"] > 100 for size in sizes)


def test_a_figure_that_needs_a_style_is_seen_to_be_black(context, serve):
    """The check above can fail: with its colours in `style=` a figure is a black box under that policy."""
    styled = re.sub(r' (fill|stroke)="([^"]*)"', r' style="\1: \2"', rendered("usual"))
    page = context(offline=False).new_page()
    page.goto(serve(styled, Content_Security_Policy=CI_POLICY))
    assert black_figures(page)


def black_figures(page):
    """The titles of figures that are mostly black, or of hardly any colours; pictures that are refused have no size."""
    found = []
    for figure in page.locator(".canvas > svg").all():
        seen = pixels(figure)
        if dark(seen) > 0.2 or colours(seen) < 4:
            found.append(figure.locator("title").first.text_content())
    return found


@pytest.mark.parametrize("sandbox", ["", "sandbox", 'sandbox="allow-scripts"'])
def test_it_works_in_a_frame(context, serve, sandbox):
    """In a sandbox there is no storage and the address belongs to somebody else: touching either may throw."""
    page = context(offline=False).new_page()
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(serve(HOST.format(sandbox=sandbox, address=serve(rendered("usual")))))
    frame = page.frame_locator("iframe")
    frame.locator("#runs").scroll_into_view_if_needed()
    assert frame.locator("#run-table tbody tr").first.is_visible()
    if sandbox != "sandbox":
        frame.locator("#filter").fill("dropout")
        assert "6 of 18" in frame.locator("#shown").inner_text()
    assert complaints == []
