"""Who types: the login's user before sudo's word, sudo's word before the process' own user."""

from pathlib import Path

import pytest

from trunkward.cli import actor
from trunkward.cli.actor import current_actor

NOBODY = "4294967295"


@pytest.mark.parametrize(
    ("login", "sudo", "found", "source"),
    [
        (NOBODY, {}, "root (uid 0)", "process"),
        (NOBODY, {"SUDO_UID": "54321", "SUDO_USER": "alice"}, "alice (uid 54321)", "sudo"),
        ("54321", {}, "#54321 (uid 54321)", "login"),
        ("54321", {"SUDO_UID": "54321", "SUDO_USER": "alice"}, "alice (uid 54321)", "login"),
        ("54321", {"SUDO_UID": "54322", "SUDO_USER": "mallory"}, "#54321 (uid 54321)", "login"),
        (NOBODY, {"SUDO_UID": "0x1", "SUDO_USER": "mallory"}, "root (uid 0)", "process"),
        ("", {"SUDO_UID": "", "SUDO_USER": "mallory"}, "root (uid 0)", "process"),
    ],
)
def test_the_actor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, login: str, sudo: dict[str, str], found: str, source: str
) -> None:
    file = tmp_path / "loginuid"
    file.write_text(login)
    monkeypatch.setattr(actor, "_LOGIN", file)
    monkeypatch.setattr("trunkward.cli.actor.os.geteuid", lambda: 0)
    monkeypatch.setattr("trunkward.cli.actor.os.getuid", lambda: 0)
    for name in ("SUDO_UID", "SUDO_USER"):
        monkeypatch.delenv(name, raising=False)
    for name, value in sudo.items():
        monkeypatch.setenv(name, value)
    acting = current_actor()
    assert (str(acting), acting.source) == (found, source)


def test_sudos_word_counts_for_root_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actor, "_LOGIN", tmp_path / "nothing")
    monkeypatch.setattr("trunkward.cli.actor.os.geteuid", lambda: 54321)
    monkeypatch.setattr("trunkward.cli.actor.os.getuid", lambda: 54321)
    monkeypatch.setenv("SUDO_UID", "0")
    monkeypatch.setenv("SUDO_USER", "root")
    assert (current_actor().uid, current_actor().source) == (54321, "process")
