"""The notebook of the examples, executed cell by cell as a reader does."""

import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[1] / "examples" / "notebook.ipynb"


def test_it_is_kept_without_outputs() -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


@pytest.mark.slow  # a kernel and two workers import TensorFlow: half a minute of processor time
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_it_runs_from_the_first_cell_to_the_last(tmp_path: Path) -> None:
    notebook = nbformat.read(NOTEBOOK, 4)
    NotebookClient(notebook, timeout=500, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    shown = [
        output["data"]["text/html"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "text/html" in output.get("data", {})
    ]
    assert any("<progress" in html and "12 of 12 runs" in html for html in shown)
    assert any("12 of 12 runs finished" in html and html.count("<svg") == 2 for html in shown)
    assert (tmp_path / "notebook.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert (tmp_path / "notebook.toml").is_file()
