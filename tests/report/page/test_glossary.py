"""The glossary: the words of the page, the remedies that are varied, and the limits of this study."""

from ablate.report.page import glossary
from ablate.settings.remedies import REMEDIES
from ablate.settings.thresholds import DEFAULTS, Thresholds


def names(factors):
    return {term.name for term in glossary.terms(factors, DEFAULTS)}


def test_remedies_are_explained_where_they_are_varied_alone_or_linked():
    title = f"{REMEDIES['dropout'].title} (dropout)"
    assert title in names(["dropout"])
    assert title in names(["dropout+model.activation"])
    assert title not in names(["l2", "model.activation"])
    assert names(REMEDIES) - names([]) == {f"{remedy.title} ({name})" for name, remedy in REMEDIES.items()}


def test_every_term_is_there_once_and_is_a_sentence():
    found = glossary.terms(REMEDIES, DEFAULTS)
    assert len({term.name for term in found}) == len(found)
    assert all(term.text.endswith(".") for term in found)


def test_diagnoses_have_the_limits_of_the_study():
    found = {term.name: term.text for term in glossary.terms([], Thresholds(gap=0.07))}
    assert "over 7 points above validation accuracy" in found["overfit"]
