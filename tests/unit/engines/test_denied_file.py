"""What was revoked is in force with its file, and stays: no damage and no older list takes it back."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from trunkward.control.pki import SipNames
from trunkward.engines.denied_file import DeniedFile, DeniedToGate, deny, read_own
from trunkward.engines.pki_files import PkiFacts, PkiFiles, PkiOwners, ensure_pki
from trunkward.settings import Paths

NOW = 1_795_435_200
LATER = NOW + 86_400


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """A node's, with its keys."""
    found = Paths(config=tmp_path / "c", state=tmp_path / "state", run=tmp_path / "run", log=tmp_path / "log")
    found.pki.mkdir(parents=True)
    found.policy.mkdir(parents=True)
    make_keys(found)
    return found


def make_keys(paths: Paths) -> None:
    facts = PkiFacts(
        node="sbc.example.com",
        node_names=SipNames(common_name="sbc.example.com", dns=("sbc.example.com",)),
        spc="709J",
    )
    owners = PkiOwners(edge_uid=0, gate_uid=0, signer_uid=0, worker_uid=0, cert_uid=0, identities_uid=0)
    ensure_pki(paths.pki, facts, owners, now=datetime.fromtimestamp(NOW, UTC))


def reader(paths: Paths) -> DeniedFile:
    files = PkiFiles(paths.pki)
    return DeniedFile(files.denied_evidence, files.evidence_public_key)


def test_a_revocation_is_seen_at_the_next_look(paths: Paths) -> None:
    file = reader(paths)
    assert (file.refresh(), file.ids, file.problem, file.unknown) == (False, frozenset(), "", False)
    deny(paths, {"evidence-17": LATER}, NOW)
    assert (file.refresh(), file.ids) == (True, frozenset({"evidence-17"}))
    assert file.refresh() is False
    deny(paths, {"evidence-18": LATER + 1}, NOW)
    assert (file.refresh(), file.ids) == (True, frozenset({"evidence-17", "evidence-18"}))
    # one that nobody could show a number by any more is taken off
    deny(paths, {}, LATER)
    assert (file.refresh(), file.ids) == (True, frozenset({"evidence-18"}))
    mode = PkiFiles(paths.pki).denied_evidence.stat().st_mode & 0o777
    assert mode == 0o644


def test_what_says_the_same_is_not_written_again(paths: Paths) -> None:
    deny(paths, {"evidence-17": LATER}, NOW)
    before = PkiFiles(paths.pki).denied_evidence.stat()
    deny(paths, {"evidence-17": LATER}, NOW)
    assert PkiFiles(paths.pki).denied_evidence.stat() == before


def test_damage_and_an_older_list_take_nothing_back(paths: Paths) -> None:
    place = PkiFiles(paths.pki).denied_evidence
    deny(paths, {}, NOW)
    old = place.read_bytes()
    deny(paths, {"evidence-17": LATER}, NOW)
    file = reader(paths)
    file.refresh()
    for content in (b"", b"x", old):
        place.write_bytes(content)
        os.utime(place, ns=(len(content), len(content)))
        file.refresh()
        assert file.ids == {"evidence-17"}
        assert str(place) in file.problem
        assert not file.unknown
    place.unlink()
    file.refresh()
    assert file.ids == {"evidence-17"}
    assert "No such file" in file.problem


def test_a_list_that_was_never_good_here_says_that_nobody_knows(paths: Paths) -> None:
    PkiFiles(paths.pki).denied_evidence.write_bytes(b"x")
    file = reader(paths)
    assert file.refresh() is True
    assert file.unknown
    # and is made anew by whoever puts something in force
    deny(paths, {}, NOW)
    file.refresh()
    assert (file.unknown, file.problem) == (False, "")


def test_with_another_key_the_same_is_told_again(paths: Paths) -> None:
    """Also what no version knows of yet."""
    deny(paths, {"evidence-17": LATER}, NOW)
    files = PkiFiles(paths.pki)
    for key in (files.evidence_key, files.evidence_public_key):
        key.unlink()
    make_keys(paths)
    file = reader(paths)
    file.refresh()
    assert file.unknown
    deny(paths, {}, NOW)
    file.refresh()
    assert (file.ids, file.unknown) == (frozenset({"evidence-17"}), False)


def test_before_there_is_a_key_nothing_was_declared(tmp_path: Path) -> None:
    nothing = Paths(config=tmp_path, state=tmp_path, run=tmp_path, log=tmp_path)
    deny(nothing, {"evidence-17": LATER}, NOW)
    assert read_own(nothing)[0].until == {}


def test_a_gate_that_has_read_no_good_list_knows_nothing(paths: Paths) -> None:
    PkiFiles(paths.pki).denied_evidence.write_bytes(b"x")
    gate = DeniedToGate(paths)
    assert (gate.refresh() != "", gate.ids) == (True, None)
    deny(paths, {"evidence-17": LATER}, NOW)
    assert (gate.refresh(), gate.ids) == ("", frozenset({"evidence-17"}))


def test_a_gate_hears_of_delegates_too(paths: Paths) -> None:
    gate = DeniedToGate(paths)
    assert (gate.refresh(), gate.ids) == ("", frozenset())
    deny(paths, {"evidence-17": LATER}, NOW)
    paths.bad_delegates.write_text('{"evidence-20": "certificate-revoked"}')
    assert (gate.refresh(), gate.ids) == ("", frozenset({"evidence-17", "evidence-20"}))
    paths.bad_delegates.write_text("x")
    os.utime(paths.bad_delegates, ns=(1, 1))
    assert str(paths.bad_delegates) in gate.refresh()
    assert gate.ids == frozenset({"evidence-17", "evidence-20"})
    paths.bad_delegates.write_text("{}")
    assert (gate.refresh(), gate.ids) == ("", frozenset({"evidence-17"}))
