"""Files that were handed out are as they were sealed, or it is said what is not."""

from pathlib import Path
from subprocess import run

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from trunkward.journal.chain import ChainBroken, entry_of
from trunkward.journal.pack import MANIFEST, SIGNATURE, not_as_sealed, sealed

KEY = Ed25519PrivateKey.generate()
FILES = {"answer.json": b'{"calls": []}', "answer.txt": b"no call\n"}


def found(files: dict[str, bytes], key: Ed25519PrivateKey = KEY) -> list[str]:
    return list(not_as_sealed(files, key.public_key()))


def test_what_was_sealed_is_as_it_was() -> None:
    pack = sealed(FILES, KEY)
    assert pack.items() >= FILES.items()
    assert found(pack) == []
    assert sealed(FILES, KEY) == pack


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"answer.txt": b"one call\n"}, "answer.txt was changed"),
        ({"more.txt": b""}, "more.txt was put in"),
        ({MANIFEST: b'{"files": {}}'}, "SHA256SUMS is not signed with this key"),
        ({SIGNATURE: bytes(64)}, "SHA256SUMS is not signed with this key"),
        ({SIGNATURE: b""}, "SHA256SUMS is not signed with this key"),
    ],
)
def test_whatever_is_changed_is_named(change: dict[str, bytes], said: str) -> None:
    (problem,) = found(sealed(FILES, KEY) | change)
    assert problem.startswith(said)


@pytest.mark.parametrize("name", [*FILES, MANIFEST, SIGNATURE])
def test_whatever_is_missing_is_named(name: str) -> None:
    pack = sealed(FILES, KEY)
    del pack[name]
    (problem,) = found(pack)
    assert (name if name in FILES else MANIFEST) in problem


def test_another_key_has_not_sealed_it() -> None:
    assert found(sealed(FILES, KEY), Ed25519PrivateKey.generate())
    assert found(sealed(FILES, KEY) | {SIGNATURE: sealed(FILES, Ed25519PrivateKey.generate())[SIGNATURE]})


def test_a_signed_line_of_heads_is_no_manifest_nor_the_other_way_round() -> None:
    line = b'{"at":1.0,"heads":[],"prev":"00","seq":1}'
    (problem,) = found({MANIFEST: line, SIGNATURE: KEY.sign(line)})
    assert "names no files" in problem
    with pytest.raises(ChainBroken):
        entry_of(sealed(FILES, KEY)[MANIFEST].decode())


def test_openssl_finds_the_same(tmp_path: Path) -> None:
    for name, data in sealed(FILES, KEY).items():
        (tmp_path / name).write_bytes(data)
    public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "heads.pub").write_bytes(public)
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "heads.pub", "-rawin"]
    command += ["-in", MANIFEST, "-sigfile", SIGNATURE]
    assert run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    (tmp_path / MANIFEST).write_bytes(b"{}")
    assert run(command, cwd=tmp_path, capture_output=True, check=False).returncode != 0
