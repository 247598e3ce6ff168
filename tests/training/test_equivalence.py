"""What is taken to train identically does, bit for bit."""

import inspect

import pytest

from ablate.data.sources import Dataset
from ablate.settings.equivalence import KERAS_DEFAULTS
from ablate.settings.levels import INITIALIZERS, OPTIMIZERS
from ablate.training import model as plain_model
from ablate.training.workshop import Workshop
from tests.conftest import study_of
from tests.settings.test_equivalence import SAME, Sections
from tests.training.test_program import facts, train


@pytest.mark.parametrize(("one", "other"), SAME)
def test_equal_essences_train_identically(digits: Dataset, workshop: Workshop, one: Sections, other: Sections) -> None:
    first, second = study_of(**one).base, study_of(**other).base
    assert facts(train(first, digits, workshop)) == facts(train(second, digits, workshop))


@pytest.mark.parametrize("name", KERAS_DEFAULTS)
def test_the_defaults_are_those_of_keras(name: str) -> None:
    factor = "optimizer" if name in OPTIMIZERS else "init"
    model = plain_model.build(study_of(underfitting={factor: name}).base, 4, 3, 1)
    made = model.optimizer if name in OPTIMIZERS else model.get_layer("dense_1").kernel_initializer
    parameters = inspect.signature(type(made)).parameters
    known = (OPTIMIZERS if name in OPTIMIZERS else INITIALIZERS)[name]
    defaults = {key: parameters[key].default for key in known if parameters[key].default is not None}
    assert KERAS_DEFAULTS[name] == defaults
