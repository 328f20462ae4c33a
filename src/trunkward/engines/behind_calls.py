"""Work of seconds that no call may wait for: what does it stands back on the processor.

On the disk it goes a piece at a time (`engines.whole_file`).
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future

#: How far behind calls it stands (nice(2)): beside a busy process it gets a tenth of a core.
NICE = 10


def stand_back() -> None:
    """Lets the calling thread run after others, for good: only root may come forward again (setpriority(2)).

    So do threads and processes it starts from then on.
    """
    os.nice(NICE)


def done_behind[T](work: Callable[[], T]) -> T:
    """What `work` gives, or raises, done in a thread that stands back; the process does not stay for it."""
    done = Future[T]()

    def run() -> None:
        stand_back()
        try:
            done.set_result(work())
        except BaseException as problem:  # theirs, who wait for it
            done.set_exception(problem)

    threading.Thread(target=run, name="behind calls", daemon=True).start()
    return done.result()
