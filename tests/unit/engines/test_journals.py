"""Journals in files: found by name, read to their last whole line, one line found by its number."""

import json
import os
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from trunkward.engines.journals import (
    KeyUnusable,
    append_minute,
    last_minute,
    minutes_of,
    read_private_key,
    read_public_key,
    segments_of,
    signers_journals,
    tell_acts,
    told_heads,
    values_beside,
)
from trunkward.journal.chain import ChainBroken, begin_or_continue
from trunkward.journal.heads import ACTS, Head, signed_minute
from trunkward.settings import Paths

KEY = Ed25519PrivateKey.generate()


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    for directory in ("state/config", "state/heads", "run/heads"):
        (tmp_path / directory).mkdir(parents=True)
    return Paths(
        config=tmp_path / "node.yaml", state=tmp_path / "state", run=tmp_path / "run", log=tmp_path / "log"
    )


def test_every_identity_there_is_or_was_has_its_journal(paths: Paths) -> None:
    for identity in ("node", "resold", "a-b"):
        paths.signer_state(identity).mkdir()
        paths.signer_journal(identity).mkdir()
    (paths.state / "signer-empty").mkdir()
    (paths.state / "signers").mkdir()
    (paths.state / "signers" / "journal").mkdir()
    found = signers_journals(paths)
    assert found == {name: paths.signer_journal(name) for name in ("a-b", "node", "resold")}


def test_a_line_that_is_being_written_is_not_read(tmp_path: Path) -> None:
    for name in ("000000000003.jsonl", "000000000001.jsonl"):
        (tmp_path / name).write_bytes(b'{"seq":1}\n{"seq":2}\n{"se')
    for name in ("3.jsonl", "000000000003.jsonl.torn-0", "0000000000030.jsonl"):
        (tmp_path / name).write_bytes(b"none of it\n")
    first, last = segments_of(tmp_path)
    assert (first.name, last.name) == ("000000000001.jsonl", "000000000003.jsonl")
    assert list(last.lines()) == [b'{"seq":1}', b'{"seq":2}']
    # nobody writes to this one any more: what is in it is a line, if a bad one
    assert list(first.lines()) == [b'{"seq":1}', b'{"seq":2}', b'{"se']


def test_values_of_a_day(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    details = tmp_path / "details"
    details.mkdir()
    lines = [json.dumps({"seq": n, "values": {"orig": ["00" * 16, f"1202555010{n}"]}}) for n in (2, 3, 5)]
    (details / "2026-11-23.jsonl").write_text("\n".join([*lines[:2], "nonsense", lines[2]]) + "\n")
    found = values_beside(journal)("2026-11-23")
    assert found is not None
    assert [one.seq for one in found] == [2, 3, 5]
    assert values_beside(journal)("2026-11-24") is None


def test_heads_are_told_by_who_keeps_the_journal(paths: Paths) -> None:
    for name, said in (("node", "node"), ("resold", "resold"), ("liar", "node"), ("broken", "broken")):
        path = paths.signer_head(name)
        path.parent.mkdir()
        head = Head(journal=said, seq=3)
        path.write_bytes(b"nonsense" if name == "broken" else msgspec.json.encode(head))
    link = paths.signer_head("link")
    link.parent.mkdir()
    link.symlink_to(paths.signer_head("node"))
    tell_acts(paths, begin_or_continue(None, {"kind": "configuration"}))
    assert [(head.journal, head.seq) for head in told_heads(paths)] == [
        ("node", 3),
        ("resold", 3),
        (ACTS, 1),
    ]


def test_minutes_are_appended_and_read(paths: Paths) -> None:
    assert last_minute(paths.heads) is None
    last = None
    for number in range(3):
        last, line = signed_minute(
            last, [Head(journal="node", seq=number)], 60.0 * number, KEY, lambda: b"s" * 16
        )
        append_minute(paths.heads, line)
    assert last_minute(paths.heads) == last
    assert [one.seq for one in minutes_of(paths.heads, KEY.public_key())] == [1, 2, 3]


def test_what_a_crash_left_of_a_minute_is_cut_off(paths: Paths) -> None:
    first, line = signed_minute(None, [], 1.0, KEY, lambda: b"s" * 16)
    append_minute(paths.heads, line)
    with paths.heads.open("a") as file:
        file.write(line[:40])
    assert last_minute(paths.heads) == first
    assert paths.heads.read_text() == f"{line}\n"
    paths.heads.write_text("nonsense\n")
    with pytest.raises(ChainBroken):
        last_minute(paths.heads)


def test_a_full_disk_leaves_no_half_minute(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    _, line = signed_minute(None, [], 1.0, KEY, lambda: b"s" * 16)
    append_minute(paths.heads, line)
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:30]))
    with pytest.raises(OSError, match="No space"):
        append_minute(paths.heads, line)
    assert paths.heads.read_text() == f"{line}\n"


def test_keys(tmp_path: Path) -> None:
    private, public = tmp_path / "heads.key", tmp_path / "heads.pub"
    private.write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert read_private_key(private).private_bytes_raw() == KEY.private_bytes_raw()
    assert read_public_key(public) == KEY.public_key()
    for read, path in (
        (read_private_key, public),
        (read_public_key, private),
        (read_public_key, tmp_path / "x"),
    ):
        with pytest.raises(KeyUnusable, match=str(path)):
            read(path)
