"""The worker signs heads once a minute when one has moved, goes on where it left off, and says when it cannot."""

from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from trunkward.engines.journals import minutes_of
from trunkward.engines.pki_files import PkiFiles
from trunkward.journal.heads import Head
from trunkward.settings import Paths
from trunkward.worker.heads import Heads

KEY = Ed25519PrivateKey.generate()


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    for directory in ("state/pki", "state/heads", "run/heads/signer"):
        (tmp_path / directory).mkdir(parents=True)
    found = Paths(
        config=tmp_path / "node.yaml", state=tmp_path / "state", run=tmp_path / "run", log=tmp_path / "log"
    )
    write_key(found)
    return found


def write_key(paths: Paths) -> None:
    pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    PkiFiles(paths.pki).heads_key.write_bytes(pem)


def tell(paths: Paths, seq: int) -> None:
    paths.signer_head().write_bytes(msgspec.json.encode(Head(journal="node", seq=seq)))


def signed(paths: Paths) -> list[tuple[float, list[int]]]:
    if not paths.heads.exists():
        return []
    return [(one.at, [head.seq for head in one.heads]) for one in minutes_of(paths.heads, KEY.public_key())]


def test_each_minute_in_which_a_journal_grew(paths: Paths) -> None:
    heads = Heads(paths, lambda *_, **__: None)
    tell(paths, 1)
    for now_s in range(0, 181, 5):
        if now_s == 70:
            tell(paths, 2)
        heads.round(1000.0 + now_s)
    assert signed(paths) == [(1000, [1]), (1120, [2])]
    assert heads.signed_at == 1120


def test_an_hour_without_anything_new_is_signed_too(paths: Paths) -> None:
    heads = Heads(paths, lambda *_, **__: None)
    tell(paths, 1)
    for minute in range(62):
        heads.round(minute * 60.0)
    assert signed(paths) == [(0, [1]), (3600, [1])]


def test_it_goes_on_after_a_restart(paths: Paths) -> None:
    for number in range(3):
        tell(paths, number)
        Heads(paths, lambda *_, **__: None).round(number * 60.0)
    assert [one.seq for one in minutes_of(paths.heads, KEY.public_key())] == [1, 2, 3]


def test_whatever_it_is_ends_no_round(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the worker does besides, records first of all, goes on."""
    said: list[object] = []
    heads = Heads(paths, lambda event, **facts: said.append(facts["problem"]))

    def broken(_: Paths) -> None:
        raise ValueError("what nobody has thought of")

    monkeypatch.setattr("trunkward.worker.heads.told_heads", broken)
    heads.round(0.0)
    assert said == ["what nobody has thought of"]


def test_what_stands_in_its_way_is_told_once_and_tried_again(paths: Paths) -> None:
    said: list[object] = []
    heads = Heads(paths, lambda event, **facts: said.append(facts["problem"]))
    tell(paths, 1)
    PkiFiles(paths.pki).heads_key.unlink()
    for now_s in (0.0, 60.0, 120.0):
        heads.round(now_s)
    assert len(said) == 1
    assert "heads.key" in str(said[0])
    write_key(paths)
    heads.round(180.0)
    assert signed(paths) == [(180, [1])]


@pytest.mark.parametrize("grows", [True, False])
def test_a_clock_that_was_ahead_for_a_moment_stops_no_heads(paths: Paths, grows: bool) -> None:
    """Not for 300 days: whatever rests on them, deletion and the renewal of tokens, would stop too."""
    heads, ahead = Heads(paths, lambda *_, **__: None), 300 * 86_400.0
    tell(paths, 1)
    heads.round(0.0)
    tell(paths, 2)
    heads.round(ahead)
    tell(paths, 3 if grows else 2)
    heads.round(2.0)
    heads.round(3.0)
    heads.round(2.0 + 3600)
    last = 3 if grows else 2
    assert signed(paths) == [(0, [1]), (ahead, [2]), (2, [last]), (3602, [last])]
    assert heads.signed_at == 3602
