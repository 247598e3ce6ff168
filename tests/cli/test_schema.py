"""`ablate schema`: the JSON Schema of a study file, whole and alone on stdout."""

import json

from ablate.studies.file import json_schema
from tests.commands import ablate


def test_it_prints_the_schema_and_nothing_else() -> None:
    done = ablate("schema")
    assert (done.exit_code, done.stderr) == (0, "")
    assert json.loads(done.stdout) == json_schema()
