"""What an answer tells its reader to do is enough to find any change: run as it stands, without Trunkward."""

from hashlib import sha256
from pathlib import Path
from subprocess import CompletedProcess, run

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from trunkward.control.traceback_readme import README
from trunkward.journal.commitment import commitment
from trunkward.journal.heads import key_sha256
from trunkward.journal.pack import sealed

KEY, OTHER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
SALT, VALUE = bytes(range(16)), "12025550101"
#: In the order in which they stand: signature, files, key, commitment.
COMMANDS = [line.strip() for line in README.splitlines() if line.startswith("    ")]


def public(key: Ed25519PrivateKey, encoding: Encoding = Encoding.PEM) -> bytes:
    return key.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


def done(command: str, where: Path) -> CompletedProcess[str]:
    return run(["bash", "-c", command], cwd=where, capture_output=True, text=True, check=False)


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    files = {"answer.json": b'{"customer_reference": "KYC-2026-17"}\n', "answer.txt": b"acme\n"}
    files |= {"heads.pub": public(KEY), "README.txt": README.encode()}
    for name, data in sealed(files, KEY).items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def test_a_good_pack_is_found_good(pack: Path) -> None:
    assert len(COMMANDS) == 4
    signature, files, key, _ = (done(command, pack) for command in COMMANDS)
    assert (signature.returncode, signature.stdout) == (0, "Signature Verified Successfully\n")
    assert files.returncode == 0, files.stderr
    assert files.stdout.splitlines() == [
        f"{name}: OK" for name in ("README.txt", "answer.json", "answer.txt", "heads.pub")
    ]
    assert key.stdout.split()[0] == sha256(public(KEY, Encoding.DER)).hexdigest()
    # and that is what the node's own commands show
    assert key.stdout.split()[0] == key_sha256(KEY.public_key())


@pytest.mark.parametrize("name", ["answer.json", "answer.txt", "README.txt"])
def test_a_changed_file_fails_the_second(pack: Path, name: str) -> None:
    (pack / name).write_bytes((pack / name).read_bytes() + b" ")
    assert done(COMMANDS[1], pack).returncode != 0


def test_a_list_that_was_changed_with_it_fails_the_first(pack: Path) -> None:
    (pack / "answer.json").write_bytes(b"{}\n")
    listed = done("sha256sum README.txt answer.json answer.txt heads.pub > SHA256SUMS", pack)
    assert listed.returncode == 0
    assert done(COMMANDS[1], pack).returncode == 0
    assert done(COMMANDS[0], pack).returncode != 0


def test_one_of_another_key_fails_the_third_alone(pack: Path) -> None:
    files = {path.name: path.read_bytes() for path in pack.iterdir() if "SHA" not in path.name}
    for name, data in sealed(files | {"heads.pub": public(OTHER)}, OTHER).items():
        (pack / name).write_bytes(data)
    assert [done(command, pack).returncode for command in COMMANDS[:2]] == [0, 0]
    assert done(COMMANDS[2], pack).stdout.split()[0] != sha256(public(KEY, Encoding.DER)).hexdigest()


def test_the_commitment_is_computed_as_it_says(pack: Path) -> None:
    command = COMMANDS[3].replace("SALT", SALT.hex()).replace("VALUE", VALUE)
    assert done(command, pack).stdout.split()[0] == commitment(SALT, "orig", VALUE)


def test_the_first_line_of_the_list_is_explained_as_it_stands(pack: Path) -> None:
    first = (pack / "SHA256SUMS").read_text().splitlines()[0]
    assert first.startswith("# ")
    assert f'The first line of SHA256SUMS, "{first}", says what the list is' in README


def test_it_is_plain_text_that_any_terminal_shows() -> None:
    assert README.isascii()
    assert README.endswith("\n")
    assert max(map(len, README.splitlines())) <= 120
