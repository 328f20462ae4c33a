"""Valkey starts, whatever has become of its file, and has of it what can be read."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sipkit.valkey import OwnValkey
from trunkward.live.ask import NotAnswered


def _zeros_at_the_end(aof: Path) -> None:
    with (aof / "appendonly.aof.1.incr.aof").open("ab") as file:
        file.write(bytes(4096))


def _no_list(aof: Path) -> None:
    (aof / "appendonly.aof.manifest").write_bytes(b"")


def _other_list(aof: Path) -> None:
    (aof / "appendonly.aof.manifest").write_bytes(b"\0" * 64)


def _part_is_gone(aof: Path) -> None:
    (aof / "appendonly.aof.1.incr.aof").unlink()


@pytest.mark.parametrize(
    ("harm", "kept"),
    [
        (lambda _: None, 2),
        (_zeros_at_the_end, 2),
        (_no_list, 0),
        (_other_list, 0),
        (_part_is_gone, 0),
    ],
)
def test_it_starts(harm: Callable[[Path], None], kept: int) -> None:
    own = OwnValkey()
    try:
        with own.asks("gate") as gate:
            gate.ask("SET", "rate:a", "1")
            gate.ask("SET", "rate:b", "2")
        own.wait_until_written()
        own.kill()
        harm(own.paths.valkey_data / "aof")
        command = [sys.executable, "-m", "trunkward.live.start"]
        own.process = subprocess.Popen([*command, str(own.configuration), str(own.paths.valkey_data)])
        assert _found(own) == kept
    finally:
        own.close()


def _found(own: OwnValkey) -> int:
    until = time.monotonic() + 30
    while True:
        try:
            with own.asks("gate") as gate:
                return [gate.ask("EXISTS", key) for key in ("rate:a", "rate:b")].count(1)
        except NotAnswered:
            assert own.process.poll() is None, "Valkey has given up"
            assert time.monotonic() < until
            time.sleep(0.02)
