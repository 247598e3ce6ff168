"""What goes between the scheduler and its workers can be sent to another process."""

import json
import math
import pickle
from pathlib import Path

from ablate.execution.assignment import Outcome
from tests.execution.test_worker import assigned
from tests.execution.test_worker import folder as folder  # noqa: PLC0414 - a fixture


def test_assignments_and_outcomes_can_be_sent_to_another_process(folder: Path) -> None:
    assignment = assigned(folder)
    assert pickle.loads(pickle.dumps(assignment)) == assignment
    outcome = Outcome(assignment.key, "failed", "odd")
    sent = pickle.loads(pickle.dumps(outcome))
    assert (sent.key, sent.status, sent.message) == (assignment.key, "failed", "odd")
    assert math.isnan(sent.score)
    assert json.dumps(assignment.settings)
