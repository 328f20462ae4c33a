"""An archive is believed when all of it has been checked, and never leads out of its directory."""

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trunkward.engines.archive import (
    FORMAT,
    MANIFEST,
    ArchiveRefused,
    ArchiveWriter,
    Manifest,
    unpack,
    whole_lines,
)

VERSION = "1.2.3"


def _archive(version: str = VERSION) -> bytes:
    out = io.BytesIO()
    writer = ArchiveWriter(file=out)
    writer.directory("state/pki", owner="root", group="root", mode=0o755)
    writer.add("state/pki/a.key", io.BytesIO(b"secret"), 6, owner="tw-edge", group="tw-edge", mode=0o600)
    writer.add("state/log.jsonl", io.BytesIO(b"1\n2\nhalf"), 4, owner="nobody", group="nobody", mode=0o640)
    writer.finish(
        Manifest(
            format=FORMAT,
            version=version,
            node="n",
            made_at="2026-01-01T00:00:00+00:00",
            members=writer.members,
        )
    )
    return out.getvalue()


def _members(archive: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        found = []
        for info in tar:
            content = tar.extractfile(info)
            found.append((info, content.read() if content else b""))
        return found


def _packed(members: list[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def test_what_went_in_comes_out(tmp_path: Path) -> None:
    manifest = unpack(io.BytesIO(_archive()), tmp_path, version=VERSION)
    assert (tmp_path / "state/pki/a.key").read_bytes() == b"secret"
    assert (tmp_path / "state/log.jsonl").read_bytes() == b"1\n2\n"
    assert {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*") if path.is_file()} == {0o600}
    owners = {member.name: (member.owner, member.mode) for member in manifest.members}
    # somebody who is none of the node's has no place on another machine
    assert owners == {
        "state/pki": ("root", "0755"),
        "state/pki/a.key": ("tw-edge", "0600"),
        "state/log.jsonl": ("root", "0640"),
    }


def _extra(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> Callable[[bytes], bytes]:
    def change(archive: bytes) -> bytes:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, target
        return _packed([(info, b""), *_members(archive)])

    return change


def _manifest(**changes: Any) -> Callable[[bytes], bytes]:
    def change(archive: bytes) -> bytes:
        members = _members(archive)
        document = json.loads(members[-1][1]) | changes
        return _packed([*members[:-1], (members[-1][0], json.dumps(document).encode())])

    return change


def _member(**changes: str) -> Callable[[bytes], bytes]:
    def change(archive: bytes) -> bytes:
        members = json.loads(_members(archive)[-1][1])["members"]
        return _manifest(members=[members[0] | changes, *members[1:]])(archive)

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_extra("../escaped"), "not a name"),
        (_extra("/etc/escaped"), "not a name"),
        (_extra("state/../../escaped"), "not a name"),
        (_extra("state//a"), "not a name"),
        (_extra("./state/a"), "not a name"),
        (_extra("plan.json"), "not a name"),
        (_extra("etc/a"), "not a name"),
        (_extra("state/link", tarfile.SYMTYPE, "/etc"), "neither a file nor a directory"),
        (_extra("state/link", tarfile.LNKTYPE, "state/pki/a.key"), "neither a file nor a directory"),
        (_extra("state/device", tarfile.CHRTYPE), "neither a file nor a directory"),
        (_extra("state/fifo", tarfile.FIFOTYPE), "neither a file nor a directory"),
        (_extra("state/more"), "not in its manifest"),
        (_extra("state/pki/a.key"), "twice"),
        (lambda archive: _packed(_members(archive)[:-1]), "no manifest"),
        (
            lambda archive: _packed([*_members(archive)[:1], *_members(archive)[2:]]),
            "state/pki/a.key is missing",
        ),
        (lambda archive: _packed([_members(archive)[-1], *_members(archive)[:-1]]), "behind the manifest"),
        (lambda archive: archive[: len(archive) // 2], "damaged"),
        (lambda archive: archive[:100] + bytes([archive[100] ^ 1]) + archive[101:], "damaged"),
        (lambda _: b"", "damaged"),
        (lambda _: b"no archive at all" * 100, "damaged"),
        (_manifest(format=FORMAT + 1, version="9.0.0", shape="new"), "another form"),
        (_manifest(version="1.2.4"), "with that or a later one"),
        (_manifest(version="1.10"), "with that or a later one"),
        (_manifest(members=None), "cannot be read"),
        (_manifest(format="x"), "cannot be read"),
        (_member(owner="daemon"), "none of the node's users"),
        (_member(mode="4755"), "the mode"),
        (_member(sha256="0" * 64), "damaged"),
    ],
)
def test_what_cannot_be_trusted_is_refused(
    tmp_path: Path, change: Callable[[bytes], bytes], said: str
) -> None:
    into = tmp_path / "into"
    into.mkdir()
    with pytest.raises(ArchiveRefused, match=said):
        unpack(io.BytesIO(change(_archive())), into, version=VERSION)
    assert [path.name for path in tmp_path.iterdir()] == ["into"]
    assert not Path("/etc/escaped").exists()


def test_one_changed_byte_is_seen(tmp_path: Path) -> None:
    members = _members(_archive())
    members[1] = (members[1][0], b"sEcret")
    with pytest.raises(ArchiveRefused, match=r"state/pki/a\.key is damaged"):
        unpack(io.BytesIO(_packed(members)), tmp_path, version=VERSION)


@pytest.mark.parametrize("version", [VERSION, "1.2.0", "0.9", "1.2.3.dev1"])
def test_archives_of_this_version_and_earlier_ones_are_taken(tmp_path: Path, version: str) -> None:
    assert unpack(io.BytesIO(_archive(version)), tmp_path, version=VERSION).version == version


@pytest.mark.parametrize(
    ("content", "whole"),
    [
        (b"", 0),
        (b"half", 0),
        (b"one\n", 4),
        (b"one\nha", 4),
        (b"x" * 3_000_000 + b"\n" + b"y" * 2_000_000, 3_000_001),
    ],
)
def test_only_whole_lines_of_what_is_appended_to(tmp_path: Path, content: bytes, whole: int) -> None:
    (tmp_path / "a").write_bytes(content)
    with (tmp_path / "a").open("rb") as file:
        assert whole_lines(file) == whole


def test_the_hash_is_that_of_the_content() -> None:
    document = json.loads(_members(_archive())[-1][1])
    assert document["members"][1]["sha256"] == hashlib.sha256(b"secret").hexdigest()
    assert _members(_archive())[-1][0].name == MANIFEST
    assert os.path.basename(MANIFEST) == MANIFEST
