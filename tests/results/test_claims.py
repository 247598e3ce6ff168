"""Claims are seen by other processes and end with the process that made them."""

import subprocess
import sys
from pathlib import Path

from ablate.results.claims import Claims

KEY, OTHER = "ab" * 32, "cd" * 32
HOLD = """
import pathlib, sys, time
from ablate.results.claims import Claims
claims = Claims(pathlib.Path(sys.argv[1]))
print(claims.take(sys.argv[2]), flush=True)
time.sleep(600)
"""


def test_a_claim_is_seen_by_others_until_it_is_given_back(tmp_path: Path) -> None:
    mine = Claims(tmp_path)
    assert mine.take(KEY)
    assert mine.take(KEY)
    with subprocess.Popen([sys.executable, "-c", HOLD, tmp_path, KEY], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == "False"
        other.kill()
    mine.give_back(KEY)
    mine.close()


def test_a_claim_ends_with_a_killed_process(tmp_path: Path) -> None:
    mine = Claims(tmp_path)
    with subprocess.Popen([sys.executable, "-c", HOLD, tmp_path, KEY], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == "True"
        assert not mine.take(KEY)
        assert mine.take(OTHER)
        other.kill()
    assert mine.take(KEY)
    mine.close()
