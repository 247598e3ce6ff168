"""What a page carries inside comes back as it was put in, and nothing else is taken for it."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from ablate.errors import AblateError, StoreError
from ablate.report import page
from ablate.report.findings import Findings
from ablate.results import embedded, export
from ablate.results.embedded import thinned
from ablate.study import spec


@pytest.fixture
def written(make, tmp_path):
    """A page of a study with a diverged and a failed run, and the snapshot that it was made of."""
    snapshot = make(diverged=(1,), failed=(2,))
    path = tmp_path / "mail.html"
    path.write_text(page.render(Findings(snapshot)), encoding="utf-8")
    return path, snapshot


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
    refused(b"\xff\xfe", "is not UTF-8 text")
    refused(html.replace('"format":1', '"format":2'), "written by a newer version of ablate")
    refused(re.sub(r'(id="data-runs">).{40}', r"\1", html), "is damaged")
    refused(re.sub(r'(id="data-runs">[^<]{40})[^<]*', r"\1", html), "cut off, or far larger")
    columns = embedded.packed('{"columns": ["seed"], "rows": []}')
    refused(re.sub(r'(id="data-runs">)[^<]*', rf"\1{columns}", html), "is damaged")
    path.unlink()
    with pytest.raises(StoreError, match="cannot be read: No such file"):
        embedded.read(path)


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
