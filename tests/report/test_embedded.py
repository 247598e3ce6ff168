"""What a page carries inside comes back as it was put in, and nothing else is taken for it."""

import json
import re
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from ablate.errors import AblateError, StoreError
from ablate.report.findings import Findings
from ablate.report.page import html as page
from ablate.results import embedded, export
from ablate.results.embedded import thinned
from ablate.studies import spec
from tests import invented

DATA = '{"source":"digits"}'
FACTS = {"digest": "d", "rows": 1, "features": 1, "classes": 2, "largest_class": 0.5}


@pytest.fixture(scope="module")
def rendered():
    """A page of a study with a diverged and a failed run, and the snapshot that it was made of."""
    snapshot = invented.snapshot(diverged=(1,), failed=(2,))
    return page.render(Findings(snapshot)), snapshot


@pytest.fixture
def written(rendered, tmp_path):
    """That page in a file, and its snapshot."""
    path = tmp_path / "mail.html"
    path.write_text(rendered[0], encoding="utf-8")
    return path, rendered[1]


def test_study_identity_and_runs_come_back_exactly(written, tmp_path):
    path, snapshot = written
    found = embedded.read(path)
    (tmp_path / "study.toml").write_text(found.study)
    assert spec.load(tmp_path / "study.toml").document() == snapshot.study.document()
    assert found.identity == snapshot.identity
    finite = snapshot.runs.replace([np.inf, -np.inf], np.nan)
    pd.testing.assert_frame_equal(found.runs, finite, check_dtype=False)
    assert list(found.runs.dtypes) == list(snapshot.runs.dtypes)
    kept = snapshot.histories[list(found.histories.columns)]
    pd.testing.assert_frame_equal(found.histories, kept, rtol=1e-4, check_dtype=False)


def test_extract_writes_the_study_and_both_tables(written, tmp_path):
    path, snapshot = written
    paths = export.extract(path)
    assert [each.name for each in paths] == ["study.toml", "runs.csv", "histories.csv"]
    assert {each.parent for each in paths} == {tmp_path / "mail"}
    assert paths[1].read_text() == export.to_csv(snapshot.runs)
    with pytest.raises(AblateError, match="is there already; --force replaces it"):
        export.extract(path)
    export.extract(path, replace=True)


def test_a_study_without_a_finished_run_comes_back(make, tmp_path):
    path = tmp_path / "empty.html"
    path.write_text(page.render(Findings(make(finished=0))), encoding="utf-8")
    found = embedded.read(path)
    assert found.runs.empty
    assert found.histories.empty


def test_other_files_are_refused_in_words(written, tmp_path):
    path, _ = written
    html = path.read_text()

    def refused(text, words):
        path.write_text(text) if isinstance(text, str) else path.write_bytes(text)
        with pytest.raises(StoreError, match=words):
            embedded.read(path)

    refused("<p>hello", "is no page that 'ablate report' wrote: it holds no study and no runs and no histories")
    refused(b"\xff\xfe", "is no page that 'ablate report' wrote")
    refused(html.replace('"format":1', '"format":2'), "written by a newer version of ablate")
    refused(re.sub(r'(id="data-runs">).{40}', r"\1", html), "is damaged")
    refused(re.sub(r'(id="data-runs">[^<]{40})[^<]*', r"\1", html), "cut off, or far larger")
    path.unlink()
    with pytest.raises(StoreError, match="cannot be read: No such file"):
        embedded.read(path)


@pytest.mark.parametrize(
    ("part", "keys", "value", "words"),
    [
        ("study", ["format"], "1", "format should be a whole number from 1"),
        ("study", ["study"], 5, "the study should be text, not 5"),
        ("study", ["study"], None, "the study should be text, not None"),
        ("study", ["study"], "name = '\ud800'", "half a character"),
        ("study", ["identity"], [], "the identity: the document: input should be a valid dictionary"),
        ("study", ["identity", "libraries"], {"keras": 3}, "libraries.keras: input should be a valid string"),
        ("study", ["identity", "data"], {DATA: {"digest": 1}}, "digest: input should be a valid string"),
        (
            "study",
            ["identity", "data"],
            {DATA: {"digest": "", "rows": -1}},
            "rows: input should be greater than or equal to 0",
        ),
        (
            "study",
            ["identity", "data"],
            {DATA: FACTS | {"shape": [8, "8"]}},
            "shape.1: input should be a valid integer",
        ),
        (
            "study",
            ["identity", "data"],
            {DATA: FACTS | {"summary": "100 rows"}},
            "summary: input should be a valid list",
        ),
        (
            "study",
            ["identity", "data"],
            {DATA: FACTS | {"notes": ["odd", 1]}},
            "notes.1: input should be a valid string",
        ),
        ("study", ["identity", "files"], {"a.keras": None}, "files.a.keras: input should be a valid string"),
        ("study", ["identity", "data"], {"digits": FACTS}, "data.digits"),
        ("study", ["identity", "data"], {DATA: {}}, "digest: field required"),
        ("runs", ["columns"], ["seed"], "runs has no column treatment, run, trainer"),
        ("runs", ["columns", 0], "treatment", "runs has two columns 'treatment'"),
        ("runs", ["columns", 0], 7, "the columns of runs should be a list of names"),
        ("runs", ["rows"], {}, "the rows of runs should be a list"),
        ("runs", ["rows", 1], [1], "row 2 of runs should be a list of"),
        ("runs", ["rows", 0, "seed"], 10**30, r"row 1 of runs, seed, should be a whole number from 0 to 4294967295"),
        ("runs", ["rows", 0, "treatment"], ["a"], r"row 1 of runs, treatment, should be text, not \['a'\]"),
        ("runs", ["rows", 0, "status"], "good", "status, should be 'ok', 'diverged' or 'failed'"),
        ("runs", ["rows", 0, "test_loss"], True, "test_loss, should be a finite number or null"),
        ("runs", ["rows", 0, "test_loss"], float("inf"), "Infinity is no number that JSON has"),
        ("runs", ["rows", 0, "best_epoch"], 1.5, "best_epoch, should be a whole number from 0"),
        ("histories", ["columns", 2], "loss", "the columns of histories should be row, epoch, train_loss"),
        ("histories", ["rows", 0, "row"], 10**30, "row 1 of histories, row, should be a whole number from 0 to 17"),
        ("histories", ["rows", 0, "row"], -1, "row 1 of histories, row, should be a whole number from 0 to 17"),
        ("histories", ["rows", 0, "val_loss"], 10**400, "val_loss, should be a finite number or null"),
    ],
    ids=str,
)
def test_what_no_page_holds_is_refused_in_words(written, part, keys, value, words):
    path, snapshot = written
    document = embedded.content(snapshot)
    *steps, last = keys
    place = document[part]
    for step in steps:
        place = place[step]
    place[document[part]["columns"].index(last) if len(steps) > 1 and part != "study" else last] = value
    packed = embedded.packed(json.dumps(document[part]))
    block = rf'\1<script type="application/gzip" id="data-{part}">{packed}</script>'
    pattern = rf'()<script type="[a-z/]*" id="data-{part}">[^<]*</script>'
    path.write_text(re.sub(pattern, block, path.read_text()))
    with pytest.raises(StoreError, match=f"is damaged: .*{words}"):
        embedded.read(path)


def test_a_small_page_takes_little_memory(written):
    """Its blocks may unpack to so much together, and others than its own are not unpacked."""
    path, _ = written
    html = path.read_text()
    large = embedded.packed(" " * 20_000_000)
    block = '<script type="application/gzip" id="data-{}">{}</script>'
    path.write_text(html + "".join(block.format(f"more-{number}", large) for number in range(50)))
    tracemalloc.start()
    embedded.read(path)
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    path.write_text(html + block.format("runs", large))
    with pytest.raises(StoreError, match="it holds two tables of runs"):
        embedded.read(path)
    path.write_text(
        re.sub(r'<script type="application/gzip" id="data-runs">[^<]*</script>', block.format("runs", large), html)
    )
    with pytest.raises(StoreError, match="far larger than any page's"):
        embedded.read(path)
    tracemalloc.stop()


def test_a_page_without_an_ending_is_extracted_beside_itself(written, tmp_path):
    path, _ = written
    bare = path.rename(tmp_path / "mail")
    assert export.extract(bare)[0] == tmp_path / "mail-extracted" / "study.toml"
    page_beside_a_file = bare.rename(tmp_path / "mail.html")
    (tmp_path / "mail").write_text("")
    with pytest.raises(AblateError, match=r"mail is a file; name a folder for what is inside .*mail\.html"):
        export.extract(page_beside_a_file)


def test_many_runs_have_fewer_epochs_and_a_limit(make, monkeypatch):
    snapshot = make()
    monkeypatch.setattr(embedded, "MOST_HISTORY_ROWS", 3 * len(snapshot.runs))
    monkeypatch.setattr(embedded, "MOST_RUNS", 10)
    content = embedded.content(snapshot)
    assert len(content["runs"]["rows"]) == 10
    assert content["histories"]["epochs"] == 5 == content["histories"]["rows"][-1][1] - 1
    assert len(content["histories"]["rows"]) == 50
    json.dumps(content, allow_nan=False)


def test_long_histories_are_thinned_with_both_ends_kept():
    assert thinned(500, 20)[0] == 0
    assert thinned(500, 20)[-1] == 499
    assert len(thinned(500, 20)) == 20
    assert thinned(3, 20) == [0, 1, 2]
    assert thinned(0, 20) == []


def test_home_folders_are_not_carried_along(make, tmp_path):
    path = tmp_path / "page.html"
    snapshot = make(factors={"data.source": ["digits", "/home/jane/digits.npz"]})
    path.write_text(page.render(Findings(snapshot)), encoding="utf-8")
    found = embedded.read(path)
    assert "jane" not in found.runs.to_csv() + found.histories.to_csv() + found.study + path.read_text()
    assert "~/digits.npz" in set(found.runs["data.source"])
