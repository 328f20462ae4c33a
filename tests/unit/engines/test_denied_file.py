"""What was revoked is in force with its file, and stays: no damage and no older list takes it back."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from trunkward.control.pki import SipNames
from trunkward.engines import denied_file
from trunkward.engines.denied_file import DeniedFile, DeniedToGate, deny, read_own
from trunkward.engines.pki_files import PkiFacts, PkiFiles, PkiOwners, ensure_pki
from trunkward.settings import Paths
from trunkward.shaken import denied

NOW = 1_795_435_200
LATER = NOW + 86_400


@pytest.fixture(autouse=True)
def doubt(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Why the clock is not believed; it is, where nothing is put here."""
    found: list[str] = []
    monkeypatch.setattr(denied_file, "doubted", lambda *_, **__: "".join(found))
    return found


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
    assert read_own(nothing).until == {}


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


def test_a_clock_in_doubt_takes_nothing_off(paths: Paths, doubt: list[str]) -> None:
    """A host that woke in 2038: what a restore denied, and what could not be written down, is nowhere else."""
    deny(paths, {"evidence-17": LATER}, NOW)
    file = reader(paths)
    doubt.append("the clock is not synchronised")
    deny(paths, {}, 2_145_916_800)
    file.refresh()
    assert (file.ids, file.taken) == (frozenset({"evidence-17"}), NOW)
    doubt.clear()
    deny(paths, {}, 2_145_916_800)
    file.refresh()
    assert (file.ids, file.problem) == (frozenset(), "")


@pytest.mark.parametrize("content", [None, b"", b"x" * 50])
def test_one_damaged_file_forgets_nothing(paths: Paths, content: bytes | None) -> None:
    """Whoever runs takes the next list, and whoever is started then has all of it."""
    deny(paths, {"evidence-17": LATER}, NOW)
    file, files = reader(paths), PkiFiles(paths.pki)
    file.refresh()
    for place in (files.denied_evidence, files.denied_copy):
        place.unlink()
        if content is not None:
            place.write_bytes(content)
        said = deny(paths, {"evidence-18": LATER}, NOW)
        assert said.startswith(f"{place.relative_to(paths.pki)}: ")
        assert "signed anew from what can be read" in said
        file.refresh()
        anew = reader(paths)
        anew.refresh()
        assert file.ids == anew.ids == {"evidence-17", "evidence-18"}
        assert (file.problem, file.taken) == ("", anew.taken)
        assert read_own(paths).until.keys() == file.ids
        assert deny(paths, {}, NOW) == ""


def test_with_both_damaged_the_next_revocation_is_taken_all_the_same(paths: Paths) -> None:
    """And what is lost is said: a list that begins at 1 again nobody would take."""
    for number in range(5):
        deny(paths, {f"evidence-{number}": LATER}, NOW)
    file, files = reader(paths), PkiFiles(paths.pki)
    file.refresh()
    for place in (files.denied_evidence, files.denied_copy):
        place.write_bytes(b"x")
    file.refresh()
    assert file.taken == 0
    said = deny(paths, {"evidence-99": LATER, "evidence-1": LATER}, NOW + 60)
    assert "made anew from the records of evidence" in said
    file.refresh()
    assert (file.ids, file.problem) == (frozenset({"evidence-99", "evidence-1"}), "")
    assert file.taken == NOW + 60


def test_a_list_that_was_never_there_is_missed_where_a_node_was_in_force(paths: Paths) -> None:
    assert deny(paths, {}, NOW) == ""
    for place in (PkiFiles(paths.pki).denied_evidence, PkiFiles(paths.pki).denied_copy):
        place.unlink()
    paths.declared.parent.mkdir()
    paths.declared.write_text("{}")
    assert "it is gone" in deny(paths, {}, NOW)


def test_an_older_list_that_is_put_back_is_gone_on_from(paths: Paths) -> None:
    files = PkiFiles(paths.pki)
    deny(paths, {}, NOW)
    old = files.denied_evidence.read_bytes()
    deny(paths, {"evidence-17": LATER}, NOW + 10)
    file = reader(paths)
    file.refresh()
    for place in (files.denied_evidence, files.denied_copy):
        place.write_bytes(old)
    file.refresh()
    assert file.taken == 0
    deny(paths, {"evidence-18": LATER}, NOW + 20)
    file.refresh()
    assert (file.ids, file.problem) == (frozenset({"evidence-18"}), "")


def test_a_list_longer_than_what_is_read_is_not_written(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    deny(paths, {"evidence-17": LATER}, NOW)
    before = PkiFiles(paths.pki).denied_evidence.read_bytes()
    monkeypatch.setattr(denied, "MOST_BYTES", 2000)
    with pytest.raises(OSError, match=r"evidence.denied: 101 revoked records make a longer list"):
        deny(paths, {f"evidence-{number}": LATER for number in range(100, 200)}, NOW)
    assert PkiFiles(paths.pki).denied_evidence.read_bytes() == before
