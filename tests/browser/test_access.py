"""Everybody can read and work the page: axe finds nothing, a phone needs no sideways scrolling, a keyboard suffices."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.pages import colours, dark, pixels, rendered, shows_focus

PHONE = {"width": 360, "height": 780}
DESK = {"width": 1280, "height": 900}
UNFOLD = "for (const each of document.querySelectorAll('details')) each.open = true"
# Elements that reach beyond the window without being inside a region that scrolls.
OVERFLOWING = """() => [...document.querySelectorAll("main *, nav *")].filter((each) => {
  if (each.getBoundingClientRect().right <= innerWidth + 1) return false;
  for (let up = each; up; up = up.parentElement)
    if (["auto", "scroll", "hidden"].includes(getComputedStyle(up).overflowX)) return false;
  return true;
}).map((each) => each.outerHTML.slice(0, 120))"""


def violations(page):
    """What axe objects to: rule, and the first elements that break it."""
    found = Axe().run(page).response["violations"]
    return [(each["id"], [node["html"][:160] for node in each["nodes"][:3]]) for each in found]


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(visit, scheme, viewport):
    page = visit(rendered("usual"), color_scheme=scheme, viewport=viewport).page
    assert violations(page) == []
    page.evaluate(UNFOLD)
    page.locator("#run-table .open").first.click()
    page.locator("#run-table .run svg").wait_for()
    assert violations(page) == []


@pytest.mark.parametrize("name", ["none", "one", "diverged"])
def test_axe_finds_nothing_where_there_is_little_to_show(visit, name):
    assert violations(visit(rendered(name)).page) == []


def test_axe_finds_pale_text_and_a_table_that_cannot_be_scrolled(visit):
    """The check above can fail."""
    page = visit(rendered("usual"), viewport=PHONE).page
    page.evaluate("document.querySelector('h1').style.color = '#ccc'")
    page.evaluate("for (const each of document.querySelectorAll('#effects .scroll')) each.removeAttribute('tabindex')")
    page.evaluate("for (const each of document.querySelectorAll('#effects button')) each.remove()")
    assert {rule for rule, _ in violations(page)} >= {"color-contrast", "scrollable-region-focusable"}


@pytest.mark.parametrize("width", [1200, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_drawn_in_light_and_dark(visit, scheme, width):
    page = visit(rendered("usual"), color_scheme=scheme, viewport={"width": width, "height": 1200}).page
    seen = pixels(page)
    ground = seen[5, 5].mean()
    assert ground < 80 if scheme == "dark" else ground > 200
    assert colours(seen) > 200
    assert dark(page_figures := pixels(page.locator("#effects .canvas"))) < 0.2
    assert colours(page_figures) > 20


@pytest.mark.parametrize("name", ["usual", "grid"])
def test_a_phone_scrolls_tables_and_not_the_page(visit, name):
    page = visit(rendered(name), viewport=PHONE, has_touch=True, is_mobile=True).page
    page.evaluate(UNFOLD)
    page.locator("#run-table .open").first.click()
    page.locator("#run-table .run svg").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.evaluate(OVERFLOWING) == []
    regions = page.locator("[role=region]")
    wide = [each for each in regions.all() if each.evaluate("each => each.scrollWidth > each.clientWidth")]
    assert len(wide) > 3
    for region in wide:
        region.evaluate("each => { each.scrollLeft = 50 }")
        assert region.evaluate("each => each.scrollLeft") > 0


def test_a_run_opened_on_a_phone_is_as_wide_as_the_window(visit):
    page = visit(rendered("usual"), viewport=PHONE, has_touch=True, is_mobile=True).page
    page.locator("#run-table .open").first.tap()
    page.locator("#run-table .run pre").wait_for()
    region = page.locator("#runs .scroll").first
    for scrolled in (0, 300):
        region.evaluate("(each, to) => { each.scrollLeft = to }", scrolled)
        for part in page.locator("#run-table .run, #run-table .run > div > *").all():
            box = part.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= PHONE["width"]


@pytest.mark.parametrize("width", [360, 550, 900, 1300, 1500])
def test_the_menu_covers_no_heading(visit, width):
    page = visit(rendered("usual"), viewport={"width": width, "height": 700}, reduced_motion="reduce").page
    for name in ("effects", "learning", "runs"):
        page.locator(f"nav a[href='#{name}']").click()
        heading = page.locator(f"#{name}-heading").bounding_box()
        menu = page.locator("nav").bounding_box()
        assert 0 <= heading["y"] < 100
        assert width > 1376 or heading["y"] >= menu["y"] + menu["height"]


def test_what_is_too_wide_is_seen(visit):
    """The check above can fail."""
    page = visit(rendered("none"), viewport=PHONE).page
    page.evaluate("document.querySelector('#verdict .lead').style.width = '500px'")
    assert page.evaluate("document.documentElement.scrollWidth") > PHONE["width"]
    assert len(page.evaluate(OVERFLOWING)) == 1


def test_the_first_tab_offers_to_skip_the_contents(visit):
    page = visit(rendered("usual")).page
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the verdict"
    assert page.locator(":focus").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.url.endswith("#verdict")


def test_every_place_that_takes_the_focus_shows_it(visit):
    page = visit(rendered("usual")).page
    page.evaluate(UNFOLD)
    seen = set()
    for _ in range(300):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break
        assert shows_focus(page), page.evaluate("document.activeElement.outerHTML.slice(0, 120)")
        seen.add(page.evaluate("document.activeElement.tagName"))
    assert seen >= {"A", "BUTTON", "INPUT", "SUMMARY", "DIV"}
