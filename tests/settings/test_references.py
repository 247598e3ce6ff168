"""Which texts name a function."""

import pytest

from ablate.settings.references import is_reference


@pytest.mark.parametrize("text", ["models:make", "package.models:make_cnn", "_private:_f"])
def test_a_module_and_a_function(text: str):
    assert is_reference(text)


@pytest.mark.parametrize("text", ["digits", "data.csv", "models:", ":make", "a-b:c", "a:b:c", "C:/data.csv", "a:b\n"])
def test_other_texts(text: str):
    assert not is_reference(text)
