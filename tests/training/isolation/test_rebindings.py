"""Names of the libraries that code of the user's binds anew are found, and bound as before."""

import math
from collections.abc import Iterator

import keras
import numpy as np
import pytest

from ablate.training.isolation.rebindings import Rebindings


@pytest.fixture(scope="module")
def rebindings() -> Iterator[Rebindings]:
    found = Rebindings()
    yield found
    found.put({})


def test_nothing_changed_is_nothing_found(rebindings: Rebindings) -> None:
    assert rebindings.changed() == {}


def test_a_function_a_method_and_a_new_name_are_found_and_put_back(rebindings: Rebindings) -> None:
    mean, call = np.mean, keras.layers.Dense.call
    np.mean = np.median
    keras.layers.Dense.call = print
    math.mine = 1  # type: ignore[attr-defined]
    found = rebindings.changed()
    assert {name for _, name in found} == {"mean", "call", "mine"}
    rebindings.put({})
    assert (np.mean, keras.layers.Dense.call, hasattr(math, "mine")) == (mean, call, False)
    assert rebindings.changed() == {}


def test_a_state_of_before_is_brought_back_without_what_came_later(rebindings: Rebindings) -> None:
    np.mean = np.median
    wanted = rebindings.changed()
    np.sum = np.prod
    rebindings.put(wanted)
    assert np.mean is np.median
    assert rebindings.changed() == wanted
    rebindings.put({})
    assert rebindings.changed() == {}


def test_a_name_that_is_gone_comes_back(rebindings: Rebindings) -> None:
    sum_of = np.sum
    del np.sum
    assert [name for _, name in rebindings.changed()] == ["sum"]
    rebindings.put({})
    assert np.sum is sum_of


def test_a_table_of_keras_is_refilled_in_place(rebindings: Rebindings) -> None:
    table = keras.src.activations.ALL_OBJECTS_DICT
    relu = table["relu"]
    table["relu"] = keras.activations.elu
    table["mine"] = print
    assert {name for _, name in rebindings.changed()} == {"ALL_OBJECTS_DICT"}
    rebindings.put({})
    assert table is keras.src.activations.ALL_OBJECTS_DICT
    assert (table["relu"], "mine" in table) == (relu, False)


def test_a_module_that_is_imported_later_is_no_change(rebindings: Rebindings) -> None:
    np.mine = math  # type: ignore[attr-defined]  # as an import of a submodule does
    try:
        assert rebindings.changed() == {}
    finally:
        del np.mine  # type: ignore[attr-defined]
