"""A real Valkey that goes by the time of `test_ledger_properties.py`, and is killed, copied and put back."""

import shutil
from pathlib import Path

from sipkit.valkey import OwnValkey
from trunkward.live import library

#: The key that is read instead of the clock.
_CLOCK = "money:clock"


class Server:
    """A Valkey whose functions go by the machine's time."""

    def __init__(self) -> None:
        self.valkey = OwnValkey(functions=False)
        # a copy of its files is one only while they are not written anew
        with self.valkey.configuration.open("a", encoding="ascii") as configuration:
            configuration.write("auto-aof-rewrite-percentage 0\n")
        self.valkey.kill()
        self.valkey.start()
        #: Counts its processes, and emptied ones.
        self.runs = 0
        self.nothing = self.valkey.home / "nothing"
        self.nothing.mkdir()
        clock = library.text()
        begins = clock.index("local function now_us()")
        ends = clock.index("end\n", begins) + len("end\n")
        self.text = f"{clock[:begins]}local function now_us() return tonumber(redis.call('GET', '{_CLOCK}')) end\n{clock[ends:]}"
        self.connect()

    def connect(self) -> None:
        self._root, self._worker = self.valkey.asks("root"), self.valkey.asks("worker")
        self.root, self.worker = self._root.ask, self._worker.ask

    def set_clock(self, clock: int) -> None:
        """To so many microseconds since the epoch."""
        self.root("SET", _CLOCK, str(clock))

    def load(self) -> None:
        self.worker("FUNCTION", "LOAD", "REPLACE", self.text)

    def empty(self) -> None:
        for key in self.root("SCAN", "0", "COUNT", "100000")[1]:
            if key.decode() != _CLOCK:
                self.root("DEL", key.decode())

    def copy(self, number: int) -> Path:
        copy = self.valkey.home / f"copy-{self.runs}-{number}"
        shutil.copytree(self.valkey.paths.valkey_data, copy)
        return copy

    def restart(self, directory: Path | None, clock: int) -> None:
        self._root.close()
        self._worker.close()
        self.valkey.kill()
        if directory is not None:
            shutil.rmtree(self.valkey.paths.valkey_data)
            shutil.copytree(directory, self.valkey.paths.valkey_data)
        self.valkey.start()
        self.connect()
        self.set_clock(clock)
        if library.NAME.encode() not in repr(self.worker("FUNCTION", "LIST")).encode():
            self.load()

    def close(self) -> None:
        self._root.close()
        self._worker.close()
        self.valkey.close()
