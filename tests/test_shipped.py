"""Where shipped files are found: in an installed package, and in a checkout."""

from pathlib import Path

import pytest

from ablate import shipped


def test_files_of_the_checkout_are_there():
    assert (shipped.path("templates") / "report.css").is_file()
    assert shipped.path("ablations.toml").is_file()


def test_files_inside_the_package_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    package = tmp_path / "ablate"
    (package / "_templates").mkdir(parents=True)
    monkeypatch.setattr(shipped.resources, "files", lambda _: package)
    assert shipped.path("templates") == package / "_templates"
    assert shipped.path("templates", "page.html") == package / "_templates" / "page.html"
    assert shipped.path("ablations.toml") == package / "_templates" / "ablations.toml"
    (package / "_templates").rmdir()
    assert shipped.path("templates", "page.html") == tmp_path / "templates" / "page.html"
