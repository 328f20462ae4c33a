"""A bare Kamailio with `cnxcc`, whose clock is the simulation's.

Time comes from a file (`libfaketime`), so it stands still until it is set. `cnxcc` looks at its calls in a
process of its own, which sleeps for `credit_check_period`; a signal ends that sleep, so a check takes place
when its second has come, and what it sends has been sent when the process sleeps again.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from bench.process import tail
from bench.system import SystemFailedError

_TEMPLATE = Path(__file__).with_name("cnxcc.cfg")
_PATIENCE_S = 30.0


class SteppedKamailio:
    """Started, it stands at `port` and sends calls to `carrier`; its clock begins with `now_s`, since 1970.

    Raises:
        SystemFailedError: it has not come up.
    """

    def __init__(self, port: int, carrier: int, now_s: int) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="tw-cnxcc-", dir="/tmp"))
        self._clock = os.open(self._home / "clock", os.O_WRONLY | os.O_CREAT)
        self.set_clock(now_s)
        text = _TEMPLATE.read_text()
        for name, value in {"PORT": port, "CARRIER": carrier, "DIRECTORY": self._home}.items():
            text = text.replace(f"@{name}@", str(value))
        configuration = self._home / "kamailio.cfg"
        configuration.write_text(text)
        faked = {
            "LD_PRELOAD": "/usr/$LIB/faketime/libfaketime.so.1",  # ld.so knows $LIB
            "FAKETIME_TIMESTAMP_FILE": str(self._home / "clock"),
            "FAKETIME_FMT": "%s",
            "FAKETIME_NO_CACHE": "1",
        }
        # not the default memory manager: `__alloc_new_credit_data` sets sizeof(data_t) bytes of a call_t to
        # 0, which are 8 too many, and at a customer's first call that one ends Kamailio for it; with this
        # one they hit what is only printed (`alloc_info`)
        command = ["/usr/sbin/kamailio", "-DD", "-E", "-x", "tlsf", "-m", "64", "-M", "8"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, "-f", str(configuration), "-Y", str(self._home)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | faked,
            )  # fmt: skip
        try:
            self._checker = self._process_of("CNXCC TB TIMER")
            self._await_sleep(0)
        except BaseException:
            self.close()
            raise

    @property
    def _log(self) -> Path:
        return self._home / "kamailio.log"

    def set_clock(self, now_s: int) -> None:
        """What `time()` says there from now on."""
        os.pwrite(self._clock, str(now_s).encode(), 0)

    def check(self) -> None:
        """`check_calls_by_money`, once; it has sent its BYEs when this returns."""
        slept, _ = self._sleeps()
        os.kill(self._checker, signal.SIGHUP)
        self._await_sleep(slept)

    def failed(self, what: str) -> SystemFailedError:
        """What went wrong, with the end of its log."""
        state = self._process.poll()
        ended = "" if state is None else f", ended with {state}"
        return SystemFailedError(f"kamailio with cnxcc{ended}: {what}\n{tail(self._log)}")

    def close(self) -> None:
        """Ends it."""
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._clock)
        shutil.rmtree(self._home, ignore_errors=True)

    def _process_of(self, name: str) -> int:
        """The process id of one of its processes."""
        until = time.monotonic() + _PATIENCE_S
        while time.monotonic() < until and self._process.poll() is None:
            said = subprocess.run(
                ["/usr/sbin/kamcmd", "-s", f"unix:{self._home}/ctl.sock", "core.ps"],
                capture_output=True,
                text=True,
                check=False,
            )
            # a process id and a name in turn, each on a line
            lines = [line.strip() for line in said.stdout.splitlines()]
            if name in lines:
                return int(lines[lines.index(name) - 1])
            time.sleep(0.05)
        raise self.failed(f"no process {name!r}")

    def _await_sleep(self, slept: int) -> None:
        """Waits until the checking process, which has gone to sleep so often, has done it once more."""
        until = time.monotonic() + _PATIENCE_S
        while time.monotonic() < until:
            sleeps, asleep = self._sleeps()
            if asleep and sleeps > slept:
                return
        raise self.failed(f"a check has taken more than {_PATIENCE_S:g} s")

    def _sleeps(self) -> tuple[int, bool]:
        """How often the checking process has gone to sleep, and whether it does until its next check.

        On a busy machine it also sleeps in the middle of one: until another process lets go of a lock.
        """
        try:
            status = Path(f"/proc/{self._checker}/status").read_text()
            where = Path(f"/proc/{self._checker}/wchan").read_text()
        except (FileNotFoundError, ProcessLookupError):
            raise self.failed("the checking process is gone") from None
        _, _, after = status.partition("\nvoluntary_ctxt_switches:")
        return int(after.split(maxsplit=1)[0]), "\nState:\tS" in status and "nanosleep" in where
