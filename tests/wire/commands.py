"""Commands of the project, each a process of its own that was forked from one which has loaded them already.

Loading them takes most of what a command costs. A person waits for it once; the tests give two thousand. What
is run is the installed command from its `main` on: its arguments, environment, output and exit code.
"""

import multiprocessing
import os
import pkgutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import trunkward.cli

_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(
    [f"trunkward.cli.{each.name}" for each in pkgutil.iter_modules(trunkward.cli.__path__)]
)


def run_command(
    arguments: Sequence[str], environment: Mapping[str, str], within_s: float, login: int | None
) -> subprocess.CompletedProcess[str]:
    """What a command says and how it ends. `login`: as the kernel keeps it; None: nobody's.

    Raises `subprocess.TimeoutExpired` for one that was killed because it had not ended in time.
    """
    with tempfile.TemporaryDirectory() as scratch:
        out, err = Path(scratch, "out"), Path(scratch, "err")
        process = _FORKING.Process(
            target=_command, args=(list(arguments), dict(environment), str(out), str(err), login)
        )
        process.start()
        process.join(within_s)
        late = process.is_alive()
        if late:
            process.kill()
            process.join()
        said, complained = (file.read_text() if file.exists() else "" for file in (out, err))
    if late:
        raise subprocess.TimeoutExpired(["trunkward", *arguments], within_s, said, complained)
    assert process.exitcode is not None
    return subprocess.CompletedProcess(["trunkward", *arguments], process.exitcode, said, complained)


def _command(
    arguments: list[str], environment: dict[str, str], out: str, err: str, login: int | None
) -> None:
    from trunkward.cli.main import main

    for file, descriptor in ((out, 1), (err, 2)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), descriptor)
    os.environ.clear()
    os.environ.update(environment)
    if login is not None:
        Path("/proc/self/loginuid").write_text(str(login))  # what a login does (pam_loginuid)
    sys.argv = ["trunkward", *arguments]
    main()
