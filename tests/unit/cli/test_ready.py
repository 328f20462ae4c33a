"""How long a starting node waits: for what it needs all the time there is, for what it starts without a little."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pytest

from trunkward.cli import ready, supervising
from trunkward.control.node_file import read_node_file
from trunkward.engines.node_facts import FROZEN
from trunkward.engines.signing_now import SigningNow
from trunkward.settings import Paths
from trunkward.trunks.model import Declared
from trunkward.trunks.signing import PolicyAdministrator
from trunkward.trunks.transit import OF_NODE

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")
PATHS = Paths(config=Path("/c"), state=Path("/s"), run=Path("/r"), log=Path("/l"))
WITHIN_S = 30.0


@pytest.fixture
def declared() -> Declared:
    """Its signing certificate is somebody else's to issue."""
    found = read_node_file(EXAMPLE, "node.yaml")
    administrator = PolicyAdministrator(url="https://sti-pa.example.net", certificate_file="/etc/pa.pem")
    return replace(found, node=replace(found.node, policy_administrator=administrator))


class Scripted:
    """A clock, and which parts are missing from which second on."""

    def __init__(self, missing: dict[float, set[str]]) -> None:
        self.now, self._missing = 0.0, missing

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def not_ready(
        self, _paths: Paths, _declared: Declared, _version: int, asked: Collection[str] | None = None
    ) -> dict[str, str]:
        there = max(at for at in self._missing if at <= self.now)
        return {part: "silent" for part in self._missing[there] if asked is None or part in asked}


@pytest.mark.parametrize(
    ("missing", "left", "took_s"),
    [
        pytest.param({0.0: set()}, set(), 0.0, id="all-there"),
        pytest.param({0.0: {"signer"}}, set(), 5.0, id="started-without-a-certificate"),
        pytest.param({0.0: {"signer", "valkey"}, 8.0: {"signer"}}, set(), 13.0, id="counted-from-what-it-needs"),
        # it answers before the gates say that it knows of no call yet
        pytest.param({0.0: {"signer", "web"}, 2.0: {"valkey"}, 9.0: {"signer"}}, set(), 14.0, id="lost-again"),
        pytest.param({0.0: {"signer", "valkey"}}, {"signer", "valkey"}, WITHIN_S, id="never"),
    ],
)  # fmt: skip
def test_what_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, declared: Declared,
    missing: dict[float, set[str]], left: set[str], took_s: float,
) -> None:  # fmt: skip
    scripted = Scripted(missing)
    monkeypatch.setattr(ready, "time", scripted)
    monkeypatch.setattr(ready, "not_ready", scripted.not_ready)
    found = ready.wait_until_ready(PATHS, declared, 1, WITHIN_S, lambda: False)
    assert set(found) == left
    assert scripted.now == pytest.approx(took_s, abs=0.5)


def test_a_ledger_that_is_frozen_is_no_reason_to_give_up(
    monkeypatch: pytest.MonkeyPatch, declared: Declared, capsys: pytest.CaptureFixture[str]
) -> None:
    """It may wait for records that cannot be shipped, and calls that count under no cap go."""
    scripted = Scripted({0.0: {"valkey"}})
    monkeypatch.setattr(scripted, "not_ready", lambda *_: {"valkey": FROZEN})
    monkeypatch.setattr(ready, "time", scripted)
    monkeypatch.setattr(ready, "not_ready", scripted.not_ready)
    assert ready.wait_until_ready(PATHS, declared, 1, WITHIN_S, lambda: False) == {}
    assert scripted.now == pytest.approx(5.0, abs=0.5)
    assert "until then no call that counts under a cap goes" in " ".join(capsys.readouterr().err.split())


def test_a_signer_that_dies_for_want_of_a_certificate_is_no_reason_to_give_up(
    declared: Declared, tmp_path: Path
) -> None:
    def log(part: str) -> str:
        return f"2026-11-26 15:01:01,203 WARN exited: {part} (exit status 78; not expected)\n" * 9

    log_file = tmp_path / "supervisor.log"
    log_file.write_text(log("signer"))
    assert not supervising._keeps_dying(log_file, 0, declared)
    own = replace(declared, node=replace(declared.node, policy_administrator=None))
    assert supervising._keeps_dying(log_file, 0, own)
    log_file.write_text(log("gate-0"))
    assert supervising._keeps_dying(log_file, 0, declared)


def test_a_signer_that_did_not_start_says_why_and_not_only_that_its_socket_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wrong = SigningNow(why_not="key-unreadable: /x.key: no unencrypted private key in PEM")
    monkeypatch.setattr(ready, "signing_now", lambda *_: {OF_NODE: wrong})
    with pytest.raises(OSError, match=r"signer\.sock: No such file.*key-unreadable: /x\.key: "):
        ready._answers_and_has_a_certificate(PATHS, OF_NODE)
