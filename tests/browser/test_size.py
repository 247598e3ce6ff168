"""Large studies make pages that can be mailed and opened: bounded, the same twice, open about what they leave out."""

import pytest

from ablate.report.findings import Findings
from ablate.report.page import html as report
from tests import invented

MOST_BYTES = 1_000_000  # for 500 runs of 50 epochs
MOST_BYTES_EVER = 5_000_000


@pytest.fixture(scope="module")
def many():
    """The page of 500 runs."""
    return report.render(Findings(invented.large(50)))


@pytest.fixture(scope="module")
def too_many():
    """The page of 5,000 runs."""
    return report.render(Findings(invented.large(500)))


def test_500_runs_of_50_epochs_fit_into_a_megabyte(many):
    assert len(many.encode()) <= MOST_BYTES


def test_500_runs_are_the_same_bytes_twice(many):
    assert report.render(Findings(invented.large(50))) == many


def test_500_runs_are_shown_and_filtered(visit, many):
    found = visit(many)
    page = found.page
    assert (found.requests, found.complaints) == ([], [])
    assert page.locator("#shown").inner_text() == "100 of 500 runs shown"
    page.locator("#all").click()
    assert page.locator("#run-table tbody tr:visible").count() == 500
    page.locator("#filter").fill("init=he_normal dropout=0.5")
    assert page.locator("#shown").inner_text() == "20 of 500 runs shown"


@pytest.mark.slow
def test_5000_runs_are_bounded_and_open_and_say_what_they_leave_out(visit, too_many):
    assert len(too_many.encode()) <= MOST_BYTES_EVER
    found = visit(too_many)
    page = found.page
    assert (found.requests, found.complaints) == ([], [])
    assert "5000 of 5000" in page.locator("header").inner_text()
    rows = page.locator("#run-table tbody tr").count()
    assert rows < 5000
    assert f"The first {rows} of 5000 runs are listed" in page.locator("#runs").inner_text().replace(",", "")
    page.locator("#filter").fill("dropout")
    assert page.locator("#run-table tbody tr:visible").count() == 100
