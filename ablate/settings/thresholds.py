"""`[diagnosis]`: where the labels of runs and the findings about layers begin."""

from typing import Annotated

from pydantic import BaseModel, Field

from ablate.settings.levels import STRICT

Share = Annotated[float, Field(ge=0, le=1)]


class Thresholds(BaseModel):
    """Where the diagnoses of runs and the findings about layers begin; shares, not percent.

    Attributes:
        untrained: share of the way from guessing the largest class to no errors that training must exceed.
        improving: relative fall of the validation loss that counts as still improving ...
        improving_span: ... over this last share of the epochs.
        underfit: how far training accuracy may stay below the best treatment's mean.
        gap: generalization gap that counts.
        loss_rise: relative rise of the validation loss above its minimum that counts (Prechelt's GL / 100).
        saturated: share of saturated outputs from which a layer is called saturated.
        dead: share of units without any output from which a layer is called dying.
        fading: factor by which the spread of activations may fall from the first hidden layer to the last, and its
            inverse may rise.
        normal_distance: distance of a layer's weights from a normal shape (Kolmogorov's, 0 to 1) that counts.
    """

    model_config = STRICT

    untrained: Share = 0.1
    improving: Share = 0.02
    improving_span: Share = 0.2
    underfit: Share = 0.02
    gap: Share = 0.02
    loss_rise: Annotated[float, Field(ge=0)] = 0.05
    saturated: Share = 0.5
    dead: Share = 0.3
    fading: Annotated[float, Field(gt=0, le=1)] = 0.1
    normal_distance: Share = 0.1


DEFAULTS = Thresholds()
