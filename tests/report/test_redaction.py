"""Home folders are taken out of a study's values before the page is made of them, and its levels stay apart."""

import json
import re
from dataclasses import replace

import pytest

from ablate.report import redaction
from ablate.report.findings import Findings
from ablate.report.page import html as page
from ablate.results import embedded
from ablate.results.identity import data_name
from ablate.studies import design, spec

HOMES = ["/home/jürgen/a.npz", "/home/Jane Doe/b.npz", "/home/o'brien/c.npz", "C:\\Users\\Jane Doe\\d.npz"]
SAME = ["/home/ann/x.npz", "/home/bob/x.npz", "~/x.npz", "/home/cid/x.npz"]
NAMES = re.compile(r"rgen|jane|\bdoe\b|brien|\bann\b|\bbob\b|\bcid\b|/home|users", re.IGNORECASE)


def strip(html):
    """A page without its style sheet and script, which are the same for every study."""
    return re.sub(r"<style>.*?</style>|<script>.*?</script>", "", html, flags=re.DOTALL)


@pytest.fixture
def homes(make):
    """A snapshot with home folders wherever a study can name one."""
    claim = {
        "says": "It is better than /home/jürgen/a.npz",
        "metric": "test_accuracy",
        "treatment": {"data.source": HOMES[1]},
        "against": {"data.source": HOMES[0]},
        "expect": "higher",
    }
    factors = {"data.source": [*HOMES, *SAME]}
    return make(data={"source": HOMES[0]}, factors=factors, overfitting={}, failed=(2,), claim=[claim], path=HOMES[2])


def test_a_study_without_home_folders_is_left_alone(make):
    snapshot = make()
    assert redaction.without_homes(snapshot) is snapshot


def test_no_part_of_a_name_is_left_however_it_is_written(homes, tmp_path):
    html = page.render(Findings(homes), command="ablate run -c '/home/Jane Doe/study.toml'")
    assert NAMES.findall(strip(html)) == []
    path = tmp_path / "page.html"
    path.write_text(html, encoding="utf-8")
    found = embedded.read(path)
    carried = found.study + found.runs.to_csv() + found.histories.to_csv() + "".join(found.identity.data)
    assert NAMES.findall(carried) == []


def test_a_model_file_that_takes_tokens_goes_by_the_name_of_the_page(homes):
    """Its name is in the identity, beside its digest."""
    identity = replace(homes.identity, files={HOMES[0]: "d"}, tokens=(HOMES[0],))
    clean = redaction.without_homes(replace(homes, identity=identity)).identity
    assert clean.tokens == tuple(clean.files) == ("~/a.npz",)


def test_levels_that_become_equal_are_numbered(homes):
    clean = redaction.without_homes(homes)
    labels = ["~/a.npz", "~/b.npz", "~/c.npz", "~\\d.npz", "~/x.npz (2)", "~/x.npz (3)", "~/x.npz", "~/x.npz (4)"]
    assert clean.levels["data.source"] == labels
    names = {run.treatment.name for run in homes.planned}
    assert len({run.treatment.name for run in clean.planned}) == len(names)
    assert [run.key for run in clean.planned] == [run.key for run in homes.planned]
    assert {run.treatment.settings.data.source for run in clean.planned} == set(labels)
    assert {data_name(run.treatment.settings.data) for run in clean.planned} == set(clean.identity.data)
    assert list(clean.largest_class.values()) == list(homes.largest_class.values())


def test_the_study_inside_has_the_levels_of_the_page(homes, tmp_path):
    content = page.contents(Findings(homes))
    (tmp_path / "study.toml").write_text(content.embedded["study"]["study"], encoding="utf-8")
    study = spec.load(tmp_path / "study.toml")
    assert {each.name for each in design.treatments(study)} == {row.name for row in content.treatments}
    assert len(content.details["treatments"]) == len(content.treatments)
    for row in content.runs:
        own = content.details["treatments"][row.place]
        level = content.details["factors"]["data.source"][own["levels"][1]]
        assert level in row.treatment or row.treatment.startswith(("baseline", "batch_norm"))
        assert f"--only data.source={level}" in own["command"].replace("'", "")
    json.dumps(content.details)


def test_claims_compare_what_they_compared(homes):
    before, after = Findings(homes).claims, Findings(redaction.without_homes(homes)).claims
    assert after["says"][0] == "It is better than ~/a.npz"
    assert before.drop(columns="says").equals(after.drop(columns="says"))
