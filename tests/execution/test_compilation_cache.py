"""XLA's cache: later processes compile nothing, damaged entries do no harm, and it stays small."""

import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ablate import api
from ablate.execution import compilation_cache
from ablate.execution.scheduler import Options
from tests.conftest import STUDIES
from tests.execution.test_runs import contents

PROGRAMS = ["underfitting.batch_norm=[false, true]", "study.replicates=1"]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv(compilation_cache.SWITCH, str(folder))
    return folder


def entries(cache: Path) -> dict[str, tuple[int, float]]:
    return {path.name: (path.stat().st_size, path.stat().st_mtime) for path in cache.rglob("*.pb.*")}


def run(out: Path, *overrides: str) -> dict[str, Any]:
    study = api.load(STUDIES / "tiny.toml", [*PROGRAMS, *overrides])
    outcomes = api.run_plan(api.make_plan(study, out=out), Options(jobs=1))
    assert {outcome.status for outcome in outcomes.values()} == {"ok"}
    return contents(out)


@pytest.mark.slow
def test_another_process_compiles_nothing_anew_in_whatever_order(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And it finds the same, bit for bit, as one that compiles and one that has no cache."""
    first = run(tmp_path / "1")
    filled = entries(cache)
    assert len(filled) == 2
    assert [path.name for path in cache.rglob("lent-*")] == []
    backwards = run(tmp_path / "2", "underfitting.batch_norm=[true, false]")
    assert entries(cache) == filled
    common = first.keys() & backwards.keys()
    assert len(common) == 2  # the two baselines have changed places
    assert all(first[key] == backwards[key] for key in common)
    monkeypatch.setenv(compilation_cache.SWITCH, "off")
    assert run(tmp_path / "3") == first
    assert entries(cache) == filled


def compile_something(*contents: bytes) -> list[str]:
    """What XLA leaves in the folder that it is lent, with other content; returns the names."""
    names = [f"xla_compile_cache__{number}__XLA_CPU_JIT.pb" for number in range(len(contents))]
    with compilation_cache.lent() as folder:
        assert folder is not None
        for name, content in zip(names, contents, strict=True):
            (folder / name).write_bytes(content)
    return names


def test_what_was_compiled_is_lent_again_and_damaged_entries_are_removed(cache: Path) -> None:
    names = compile_something(b"one program", b"another program", b"a third")
    (shelf,) = (cache / "ablate-xla").iterdir()
    truncated, flipped = (next(shelf.glob(f"{name}.*")) for name in names[:2])
    truncated.write_bytes(b"one")
    flipped.write_bytes(b"anothes program")
    (shelf / "xla_compile_cache__1__2__XLA_CPU_JIT.pb.0123").write_bytes(b"")
    with compilation_cache.lent() as folder:
        assert folder is not None
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == {names[2]: b"a third"}
        assert len(entries(cache)) == 1


@pytest.mark.slow
def test_damaged_entries_are_removed_before_xla_reads_them(cache: Path, tmp_path: Path) -> None:
    expected = run(tmp_path / "1")
    truncated, flipped = cache.rglob("*.pb.*")
    truncated.write_bytes(truncated.read_bytes()[:1000])
    content = bytearray(flipped.read_bytes())
    content[len(content) // 2] ^= 0x10
    flipped.write_bytes(content)
    foreign = truncated.with_name("xla_compile_cache__1__2__XLA_CPU_JIT.pb.0123")
    foreign.write_bytes(b"")
    assert run(tmp_path / "2") == expected
    mended = list(cache.rglob("*.pb.*"))
    assert len(mended) == 2
    assert all(hashlib.sha256(path.read_bytes()).hexdigest().startswith(path.suffix[1:]) for path in mended)


def test_it_keeps_to_its_limit_and_drops_the_oldest(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    older, newer = compile_something(b"x" * 60, b"y" * 60)
    (shelf,) = (cache / "ablate-xla").iterdir()
    os.utime(next(shelf.glob(f"{older}.*")), (1, 1))
    monkeypatch.setattr(compilation_cache, "LIMIT", 100)
    with compilation_cache.lent():
        pass
    assert [name.rpartition(".")[0] for name in entries(cache)] == [newer]


def test_what_dead_processes_and_old_versions_left_is_cleared_and_nothing_else(cache: Path) -> None:
    with compilation_cache.lent() as folder:
        assert folder is not None
        shelf = folder.parent
    leftovers = [shelf / "lent-1-00000000", shelf.parent / "2.19.0-0123456789ab"]
    others = [cache / "mine", shelf.parent / "notes"]
    for path in (*leftovers, *others):
        path.mkdir()
        (path / "file").write_text("x")
        os.utime(path, (1, 1))
    with compilation_cache.lent():
        pass
    assert [path.exists() for path in (*leftovers, *others)] == [False, False, True, True]


def test_programs_for_other_instructions_are_kept_apart(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """XLA's flags choose the instructions; they come in the environment, or in a file that it names."""
    shelves = set()
    for flags in ("", "--xla_cpu_max_isa=AVX2", "--xla_cpu_max_isa=SSE4_2"):
        monkeypatch.setenv("XLA_FLAGS", flags)
        with compilation_cache.lent() as folder:
            assert folder is not None
            shelves.add(folder.parent)
    file = tmp_path / "flags"
    for isa in ("AVX2", "SSE4_2"):
        file.write_text(f"--xla_cpu_max_isa={isa}\n")
        monkeypatch.setenv("XLA_FLAGS", str(file))
        with compilation_cache.lent() as folder:
            assert folder is not None
            shelves.add(folder.parent)
    assert len(shelves) == 5


def test_a_place_that_cannot_be_used_is_done_without(cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    with compilation_cache.lent() as folder:
        assert folder is None


@pytest.mark.slow
def test_two_at_once_share_it(cache: Path, tmp_path: Path) -> None:
    def command(number: int) -> subprocess.CompletedProcess[str]:
        arguments = ["run", "--quiet", "-j1", "-c", STUDIES / "tiny.toml", "-o", tmp_path / str(number)]
        arguments += [part for override in PROGRAMS for part in ("-S", override)]
        return subprocess.run(
            [sys.executable, "-m", "ablate", *map(str, arguments)], capture_output=True, text=True, check=False
        )

    with ThreadPoolExecutor() as pool:
        finished = list(pool.map(command, range(2)))
    assert [process.returncode for process in finished] == [0, 0], finished[0].stderr + finished[1].stderr
    assert len({name.rpartition(".")[0] for name in entries(cache)}) == 2
    assert contents(tmp_path / "0") == contents(tmp_path / "1")


@pytest.mark.slow
def test_flags_of_the_users_are_kept(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own"
    own.mkdir()
    monkeypatch.setenv("TF_XLA_FLAGS", f"--tf_xla_persistent_cache_directory={own}")
    run(tmp_path / "out")
    assert entries(cache) == {}
    assert len(list(own.glob("*.pb"))) == 2


def test_workers_start_while_the_study_is_planned_unless_all_is_done(cache: Path, tmp_path: Path) -> None:
    study = api.load(STUDIES / "tiny.toml", PROGRAMS)
    with api.early_lanes(study, 1, out=tmp_path) as lanes:
        assert lanes is not None
        assert len(list(cache.rglob("lent-*"))) == 1
        outcomes = api.run_plan(api.make_plan(study, out=tmp_path), Options(jobs=1), lanes=lanes)
    assert len(outcomes) == 3
    with api.early_lanes(study, 2, out=tmp_path) as lanes:
        assert lanes is None
    with api.early_lanes(study, 2, out=tmp_path / "new", max_runs=2) as lanes:
        assert lanes is None


def test_workers_that_were_started_for_nothing_are_not_waited_for(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their TensorFlow is one that is never done with its import."""
    (tmp_path / "tensorflow").mkdir()
    (tmp_path / "tensorflow" / "__init__.py").write_text("import time\ntime.sleep(100_000)\n")
    monkeypatch.syspath_prepend(tmp_path)  # the workers' path as well
    study = api.load(STUDIES / "tiny.toml", PROGRAMS)
    with pytest.raises(RuntimeError, match="planning failed"), api.early_lanes(study, 2, out=tmp_path):
        raise RuntimeError("planning failed")
    assert list(cache.rglob("lent-*")) == []
