"""A tree that learns nothing."""

from typing import Any, Self


class DecisionTreeClassifier:
    """With arguments of any kind."""

    def __init__(self, **_: Any) -> None:
        pass

    def fit(self, *_: Any) -> Self:
        """Nothing."""
        return self

    def predict(self, rows: Any) -> Any:
        """As many as there are rows."""
        return rows


class DecisionTreeRegressor(DecisionTreeClassifier):
    """Likewise."""
