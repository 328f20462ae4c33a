"""A node verifies its journals by itself, once a day as long as it is up: no change waits to be looked for.

`up` starts the command that does, of the version that runs, as it does for what root alone may delete
(`engines.retention_look`). That takes a fifth of a core at most, behind everything else, and so hours where
journals are large: it has a thread of its own, and ends with the node. One that does not end by itself is
ended after a day, and written down as not done.
"""

import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from trunkward.engines.installed import in_use, this_installation
from trunkward.engines.verified_state import (
    Outcome,
    is_due,
    not_good,
    read_verified,
    tell,
    write_verified,
)
from trunkward.settings import Paths

#: Seconds from the moment a node is ready to the first time somebody asks whether it is due, and between two.
_FIRST_S, _EVERY_S = 300.0, 600.0
#: Seconds after which a look is ended that has not ended by itself: what it reads others may write.
_MOST_S = 86_400.0
#: Characters of what a command said that are kept.
_MOST_SAID = 500
_COMMAND = ("-I", "-m", "trunkward.cli.verify_journals")


class Verifying:
    """The looks of one node that is up."""

    def __init__(self, paths: Paths, say: Callable[[str], None]) -> None:
        """Nothing is looked at yet. `say` hears of what is not as it was written, and of looks not done."""
        self._paths, self._say = paths, say
        self._ended = threading.Event()
        self._running: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Looks until the end, in a thread of its own."""
        if (verified := read_verified(self._paths)) is not None:
            with suppress(OSError):  # the next look tells
                tell(self._paths, verified.told)
        threading.Thread(target=self._look_daily, name="verifying", daemon=True).start()

    def end(self) -> None:
        """Ends; what a look had come to is looked at again by the next one."""
        self._ended.set()
        if (running := self._running) is not None:
            running.terminate()

    def _look_daily(self) -> None:
        wait_s = _FIRST_S
        while not self._ended.wait(wait_s):
            wait_s = _EVERY_S
            # a standard output that is closed, say; the next look comes
            with suppress(Exception, SystemExit):
                verified = read_verified(self._paths)
                if is_due(verified.told if verified else None, time.time()) and (said := self._looked()):
                    self._say(said)

    def _looked(self) -> str:
        """What is not as it was written, or why it was not looked; "": neither."""
        try:
            used = in_use(self._paths)
            python = (used.now if used is not None else this_installation()).python
            self._running = subprocess.Popen(
                [python, *_COMMAND],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                # Ctrl-C is for the node
                start_new_session=True,
            )
        except Exception as problem:  # whatever it is: it is said, and looked at again
            return f"{type(problem).__name__}: {problem}"
        if self._ended.is_set():  # in this very moment
            self._running.terminate()
        words, is_late = _words(self._running)
        code, self._running = self._running.returncode, None
        if self._ended.is_set():
            return ""
        said = "; ".join(line.strip() for line in words.split("\n") if line.strip())[-_MOST_SAID:]
        if code >= 0:
            return said or (f"it ended with {code}" if code else "")
        late = f"it had not ended after {_MOST_S / 3600:.0f} hours"
        why = f"the look was ended: {late if is_late else f'signal {-code}'}"
        before = read_verified(self._paths)
        write_verified(self._paths, not_good(before, Outcome.NOT_DONE, why, time.time()))
        return why


def _words(running: subprocess.Popen[bytes]) -> tuple[str, bool]:
    """What it said until its end; and whether that did not come by itself in time."""
    try:
        said, is_late = running.communicate(timeout=_MOST_S)[1], False
    except subprocess.TimeoutExpired:
        running.kill()
        said, is_late = running.communicate()[1], True
    return said.decode(errors="replace"), is_late
