"""Templates: shipped ones, files of the user's in their place, and a sandbox around both."""

import base64
import hashlib
from html import unescape

import pytest

from ablate import shipped
from ablate.errors import AblateError
from ablate.report.findings import Findings
from ablate.report.page import html as page
from ablate.report.page import templates


@pytest.fixture
def own(tmp_path):
    """Writes a file of the user's and returns its folder."""

    def write(name, text):
        path = tmp_path / "own" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return tmp_path / "own"

    return write


def test_one_section_is_replaced_and_the_others_stay(make, own):
    folder = own("sections/glossary.html.j2", "<p>Ask {{ page.header.name }}'s owner.</p>")
    html = page.render(Findings(make()), template_dir=folder)
    assert "<p>Ask invented's owner.</p>" in html
    assert 'id="glossary-heading"' not in html
    assert 'id="verdict-heading"' in html


def test_a_section_can_be_added_to(make, own):
    text = '{% include "shipped/sections/verdict.html.j2" %}<p>For {{ page.header.name }} only.</p>'
    html = page.render(Findings(make()), template_dir=own("sections/verdict.html.j2", text))
    assert html.index('id="verdict-heading"') < html.index("<p>For invented only.</p>")


def test_a_style_sheet_of_ones_own_is_allowed_by_the_policy(make, own):
    css = "body { background: url('/home/jane/a.png') } /* \x1b */"
    html = page.render(Findings(make()), template_dir=own("report.css", css))
    assert f"<style>{css}</style>" in html
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in unescape(html)


def test_what_a_template_prints_names_no_home_folder(make, own):
    folder = own("sections/glossary.html.j2", "<i>{{ page.header.name ~ ': /home/jane/x\x1b' }}</i>")
    assert "<i>invented: ~/x\\x1b</i>" in page.render(Findings(make()), template_dir=folder)


def test_what_a_template_prints_is_escaped(make, own):
    snapshot = make(factors={"data.source": ["digits", "<b>"]})
    folder = own("sections/glossary.html.j2", "{{ page.runs_data }}{{ page.treatments[-1].name }}")
    with pytest.raises(AblateError, match="has no attribute 'runs_data'"):
        page.render(Findings(snapshot), template_dir=folder)
    own("sections/glossary.html.j2", "<i>{{ page.treatments[-1].name }}</i>")
    assert "<i>data.source=&lt;b&gt;</i>" in page.render(Findings(snapshot), template_dir=folder)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{ page.__class__.__mro__ }}", "access to attribute '__class__' of 'Page' object is unsafe"),
        ("{{ ''.__class__ }}", "access to attribute '__class__' of 'str' object is unsafe"),
        ("{{ page.embedded.clear() }}", "access to attribute 'clear' of 'dict' object is unsafe"),
        ("{% include '../../secret' %}", "secret"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("line\n{% if %}", r"glossary.html.j2, line 2: Expected an expression"),
        ("{{ page.nothing }}", "has no attribute 'nothing'"),
    ],
)
def test_a_template_that_goes_wrong_is_an_error_in_words(make, own, text, words):
    folder = own("sections/glossary.html.j2", text)
    (folder.parent / "secret").write_text("secret")
    with pytest.raises(AblateError, match=words):
        page.render(Findings(make()), template_dir=folder)


def test_a_folder_that_replaces_nothing_is_refused(tmp_path, own):
    with pytest.raises(AblateError, match="is no folder"):
        templates.Templates(tmp_path / "absent")
    with pytest.raises(AblateError, match="holds no template"):
        templates.Templates(tmp_path)
    folder = own("sections/verdct.html.j2", "")
    with pytest.raises(AblateError, match=r"takes the place of no template; did you mean 'sections/verdict\.html\.j2'"):
        templates.Templates(folder)


def test_the_shipped_templates_may_be_links(make, own, tmp_path, monkeypatch):
    """Some installers link the files of a package, or its folders, to a cache."""
    folder_of_ours, package = shipped.path("templates"), tmp_path / "site" / "ablate"
    (package / "_templates").mkdir(parents=True)
    for path in folder_of_ours.iterdir():
        (package / "_templates" / path.name).symlink_to(path)
    expected = page.render(Findings(make()))
    monkeypatch.setattr(shipped.resources, "files", lambda _: package)
    assert shipped.path("templates") == package / "_templates"
    assert page.render(Findings(make())) == expected
    folder = own("sections/glossary.html.j2", '{% include "shipped/sections/glossary.html.j2" %}<p>And ours.</p>')
    assert "<p>And ours.</p>" in page.render(Findings(make()), template_dir=folder)


def test_links_are_not_followed(make, own, tmp_path):
    (tmp_path / "secret").write_text("secret")
    for name, target in (("sections/glossary.html.j2", tmp_path / "secret"), ("report.css", "/dev/zero")):
        folder = own(name, "")
        (folder / name).unlink()
        (folder / name).symlink_to(target)
        with pytest.raises(AblateError, match="cannot be read: it is a symbolic link"):
            page.render(Findings(make()), template_dir=folder)
        (folder / name).unlink()
