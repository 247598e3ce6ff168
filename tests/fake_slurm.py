"""A SLURM of one machine: sbatch, srun, squeue, scancel and scontrol over real processes.

Its state is a folder: one file for each task of an array, with the number of the process that leads it.
"""

import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

COMMANDS = ("sbatch", "srun", "squeue", "scancel", "scontrol")


def install(folder: Path) -> dict[str, str]:
    """Make the commands, and return what the environment has to say for them to be found."""
    (folder / "bin").mkdir(parents=True)
    (folder / "state").mkdir()
    for name in COMMANDS:
        path = folder / "bin" / name
        path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "{Path(__file__).resolve()}" {name} "$@"\n')
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {"PATH": path, "FAKE_SLURM": str(folder / "state")}


def state() -> Path:
    return Path(os.environ["FAKE_SLURM"])


def refuses() -> bool:
    return os.environ.get("FAKE_SLURM_REFUSES") == "yes"


def sbatch(script: str) -> None:
    text = Path(script).read_text()
    if refuses():
        sys.exit("sbatch: error: Batch job submission failed: Invalid account specified")
    number = str(100 + len(list(state().glob("*.script"))))
    (state() / f"{number}.script").write_text(text)
    array = re.search(r"--array=0-(\d+)", text)
    for task in range(int(array[1]) + 1) if array else [None]:
        start(number, task)
    sys.stdout.write(f"Submitted batch job {number}\n")


def start(number: str, task: int | None) -> None:
    name = number if task is None else f"{number}_{task}"
    own = {"SLURM_JOB_ID": number if task is None else f"{number}{task:02}"}
    own |= {} if task is None else {"SLURM_ARRAY_JOB_ID": number, "SLURM_ARRAY_TASK_ID": str(task)}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")} | own
    script = state() / f"{number}.script"
    process = subprocess.Popen(
        ["/bin/bash", str(script)], env=environment, start_new_session=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    (state() / f"{name}.task").write_text(str(process.pid))


def srun(*arguments: str) -> None:
    """Run what follows the options here, with its output in their files."""
    rest = list(arguments)
    places = {}
    while rest[0].startswith("--"):
        option = rest.pop(0)
        if option in {"--output", "--error"}:
            places[option] = rest.pop(0)
    task = os.environ.get("SLURM_ARRAY_TASK_ID", "")
    job = os.environ.get("SLURM_ARRAY_JOB_ID") or os.environ["SLURM_JOB_ID"]
    for number, option in ((1, "--output"), (2, "--error")):
        path = places[option].replace("%A", job).replace("%a", task).replace("%j", job).replace("%t", "0")
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666), number)
    os.execvp(rest[0], rest)


def tasks(number: str) -> dict[str, int]:
    """Living tasks of a job, with the processes that lead them."""
    found = {}
    for path in state().glob("*.task"):
        if path.stem == number or path.stem.startswith(f"{number}_"):
            process = int(path.read_text())
            try:
                kind = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
            except FileNotFoundError:
                continue
            if kind != "Z":
                found[path.stem] = process
    return found


def squeue(*arguments: str) -> None:
    number = arguments[arguments.index("--jobs") + 1]
    living = tasks(number)
    if not living:
        sys.exit("slurm_load_jobs error: Invalid job id specified")
    sys.stdout.write("RUNNING\n" * len(living))


def members(leader: int) -> list[int]:
    """All processes of a task, whatever session they made for themselves: as a control group has them."""
    found, grown = {leader}, True
    while grown:
        grown = False
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal() and int(entry.name) not in found:
                try:
                    parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                except OSError:
                    continue
                if parent in found:
                    found.add(int(entry.name))
                    grown = True
    return sorted(found)


def scancel(*arguments: str) -> None:
    """Tell every process of a job; a script that is told ends when its program has."""
    if "--state=PENDING" in arguments:
        return
    number = signal.SIGTERM
    rest = list(arguments)
    if "--signal" in rest:
        place = rest.index("--signal")
        number = getattr(signal, f"SIG{rest[place + 1].removeprefix('SIG')}")
        del rest[place : place + 2]
    for job in rest:
        for leader in tasks(job).values():
            for process in members(leader):
                if process != leader:  # bash would leave its program alone
                    try:
                        os.kill(process, number)
                    except ProcessLookupError:
                        continue


def scontrol(command: str, job: str) -> None:
    assert command == "requeue"
    number, _, task = job.partition("_")
    if os.fork():
        return
    os.setsid()  # whoever asked goes on to its end, and then the job begins again
    while tasks(job):
        time.sleep(0.05)
    start(number, int(task) if task else None)
    os._exit(0)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
