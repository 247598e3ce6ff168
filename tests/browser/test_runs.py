"""The table of runs: sorted and filtered with a keyboard, opened for details, its state kept in the address."""

import json
import re
import shlex

import pytest

from tests.browser.pages import rendered, shows_focus, tab_to

ROWS = "#run-table tbody tr:not(.details):visible"


@pytest.fixture
def page(visit):
    """The page of 18 runs, one of them failed and one diverged."""
    return visit(rendered("usual")).page


def place(page, head):
    """The place of a column, from 1."""
    heads = [text.strip(" ↑↓") for text in page.locator("#run-table thead th").all_inner_texts()]
    return heads.index(head) + 1


def column(page, head):
    """The numbers of a column from top to bottom, without the missing ones."""
    cells = page.locator(f"{ROWS} > :nth-child({place(page, head)})").all_inner_texts()
    return [float(text.replace("−", "-")) for text in cells if text not in {"–", ""}]


@pytest.mark.parametrize("head", ["Test, %", "Gap, points", "Seed"])
def test_a_keyboard_sorts(page, head):
    button = tab_to(page, f"#run-table th:nth-child({place(page, head)}) button")
    assert shows_focus(page)
    for key, order in (("Enter", "ascending"), ("Space", "descending")):
        page.keyboard.press(key)
        header = page.locator(f"#run-table thead th:nth-child({place(page, head)})")
        assert header.get_attribute("aria-sort") == order
        assert page.locator("[aria-sort]").count() == 1
        values = column(page, head)
        assert values == sorted(values, reverse=order == "descending")
        assert len(values) > 15
        assert button.evaluate("each => each === document.activeElement")


def test_missing_numbers_stay_last(page):
    header = page.locator(f"#run-table thead th:nth-child({place(page, 'Test, %')}) button")
    for _ in range(2):
        header.click()
        assert page.locator(f"{ROWS} > :nth-child({place(page, 'Test, %')})").last.inner_text() == "–"


def test_a_keyboard_filters(page):
    tab_to(page, "#filter")
    assert shows_focus(page)
    page.keyboard.type("dropout")
    assert page.locator("#shown").inner_text() == "6 of 18 runs shown"
    assert page.locator(ROWS).count() == 6
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    assert page.locator(ROWS).count() == 18


def test_a_keyboard_filters_by_level(page):
    tab_to(page, "#factors label:nth-child(2) select")
    assert shows_focus(page)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.locator(ROWS).count() == 6
    assert all("dropout=0.5" in text for text in page.locator(f"{ROWS} > th").all_inner_texts())


def test_a_keyboard_opens_the_details_of_a_run_and_closes_them(page):
    row = "#run-table tbody tr:nth-child(5)"
    seed = page.locator(f"{row} > :nth-child({place(page, 'Seed')})").inner_text()
    treatment = page.locator(f"{row} th").inner_text()
    button = tab_to(page, f"{row} .open")
    assert shows_focus(page)
    page.keyboard.press("Enter")
    details = page.locator("#run-table tr.details")
    details.locator("svg[role=img]").wait_for()
    assert button.get_attribute("aria-expanded") == "true"
    text = details.inner_text()
    assert f"{treatment}, seed {seed}" in text
    assert re.search(r"training\.epochs\s+6", text)
    command = shlex.split(details.locator("pre").inner_text())
    assert command[:2] == ["ablate", "run"]
    assert command[-1] == f"study.seeds=[{seed}]"
    page.keyboard.press("Enter")
    assert details.count() == 0
    assert button.get_attribute("aria-expanded") == "false"


@pytest.mark.parametrize("status", ["diverged", "failed"])
def test_runs_without_all_numbers_open_as_well(visit, status):
    found = visit(rendered("usual"))
    page = found.page
    page.locator("#filter").fill(status)
    page.locator(f"{ROWS} .open").click()
    page.locator("#run-table .run pre").wait_for()
    assert "NaN" not in page.locator("#run-table .run").inner_text()
    assert found.complaints == []


def test_filters_and_order_are_kept_in_the_address(visit):
    found = visit(rendered("usual"))
    page = found.page
    page.locator("#filter").fill("dropout")
    page.locator("#factors select").nth(1).select_option("0.5")
    page.locator(f"#run-table thead th:nth-child({place(page, 'Seed')}) button").click(click_count=2)
    again = page.context.new_page()
    again.goto(page.url)
    assert again.locator("#filter").input_value() == "dropout"
    assert again.locator("#factors select").nth(1).input_value() == "0.5"
    assert column(again, "Seed") == [6, 5, 4, 3, 2, 1]
    assert found.complaints == []


@pytest.mark.parametrize(
    "state", ["only.dropout=nonsense", "sort=99.up", "sort=x", "text=%3Cb%3E", "%E0%A4%A", "only.x=1"]
)
def test_an_address_that_somebody_made_up_does_no_harm(visit, state):
    found = visit(rendered("usual"))
    again = found.page.context.new_page()
    complaints = []
    again.on("pageerror", lambda error: complaints.append(str(error)))
    again.goto(f"{found.page.url}#runs&{state}")
    assert re.fullmatch(r"\d+ of 18 runs shown", again.locator("#shown").inner_text())
    assert complaints == []


def test_every_link_of_the_menu_keeps_filters_and_open_runs(page):
    page.locator("#filter").fill("dropout")
    page.locator(f"{ROWS} .open").first.click()
    page.locator("#run-table .run pre").wait_for()
    page.locator("nav a[href='#glossary']").click()
    page.wait_for_url("**#glossary&text=dropout")
    assert page.locator("#run-table .run").count() == 1
    page.reload()
    assert page.locator("#filter").input_value() == "dropout"
    assert page.locator(ROWS).count() == 6
    page.locator("#filter").fill("")
    assert page.url.endswith("#runs")


def test_an_address_replaces_all_that_was_set_before(page):
    seeds = column(page, "Seed")
    page.locator("#filter").fill("dropout")
    page.locator("#factors select").nth(1).select_option("0.5")
    page.locator(f"#run-table thead th:nth-child({place(page, 'Seed')}) button").click(click_count=2)
    page.evaluate("location.hash = '#runs&text=baseline&only.dropout=nonsense'")
    page.wait_for_function("document.getElementById('filter').value === 'baseline'")
    assert page.locator("#factors select").nth(1).evaluate("each => each.selectedIndex") == 0
    assert page.locator("[aria-sort]").count() == 0
    assert page.locator("#shown").inner_text() == "6 of 18 runs shown"
    page.locator("#filter").fill("")
    assert column(page, "Seed") == seeds
    page.go_back()
    page.wait_for_function("document.getElementById('filter').value === 'dropout'")
    assert column(page, "Seed") == [6, 5, 4, 3, 2, 1]


def test_runs_whose_levels_hide_a_home_folder_are_told_apart(visit):
    found = visit(rendered("homes"))
    page = found.page
    for level, command in (("~/d.npz", "'data.source=~/d.npz'"), ("~/x.npz (2)", "'data.source=~/x.npz (2)'")):
        page.locator("#factors select").nth(1).select_option(level)
        assert page.locator(ROWS).count() == 6
        page.locator(f"{ROWS} .open").first.click()
        assert command in page.locator("#run-table .run pre").inner_text()
        assert re.search(
            rf"data\.source\s+{re.escape(json.dumps(level))}", page.locator("#run-table .run").inner_text()
        )
    page.locator("#factors select").nth(1).select_option(index=5)  # it ends with a blank
    assert page.locator(ROWS).count() == 6
    assert not re.search("rgen|ann/|bob/", page.content())
    assert found.complaints == []


def test_what_is_below_the_smallest_number_shown_comes_before_it(page):
    cells = page.locator("#effects tbody tr > :nth-child(8)")
    cells.first.evaluate("each => { each.textContent = '0.0001' }")
    cells.last.evaluate("each => { each.textContent = '< 0.0001' }")
    header = page.locator("#effects table[data-sortable]").first.locator("thead th:nth-child(8) button")
    for wanted in (["< 0.0001", "0.0001"], ["0.0001", "< 0.0001"]):
        header.click()
        assert page.locator("#effects table").first.locator("tbody tr > :nth-child(8)").all_inner_texts() == wanted


def test_a_browser_that_cannot_unpack_says_so(visit):
    found = visit(rendered("usual"))
    page = found.page
    page.evaluate("delete window.DecompressionStream")
    page.locator(f"{ROWS} .open").first.click()
    page.get_by_role("button", name="Runs as CSV").click()
    for place in ("#run-table .details", "#download-status"):
        page.locator(place).filter(has_text="cannot unpack the tables inside this page").wait_for()
    assert found.complaints == []


def test_the_tables_can_be_downloaded(page):
    for button, heads in (("Runs as CSV", "batch_norm,dropout,treatment,seed"), ("Histories as CSV", "treatment,seed")):
        with page.expect_download() as download:
            page.get_by_role("button", name=button).click()
        lines = download.value.path().read_text().splitlines()
        assert lines[0].startswith(heads)
        assert len(lines) > 18
