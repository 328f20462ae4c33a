"""An answer that cannot be put in its place is journaled, and said to be where it lies; what is no answer is said to be none."""

import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from trunkward.cli import traceback
from trunkward.cli.traceback_files import Written, read_pack
from trunkward.control.traceback import Kept, Provider, Question, answer
from trunkward.journal.pack import sealed
from unit.cli.evidence_node import EvidenceNode


def test_one_that_cannot_be_put_in_its_place_is_said_to_be_where_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    node, out = EvidenceNode(tmp_path, time.time()), tmp_path / "out.zip"
    question = Question(
        number="+12025550101",
        other=None,
        at=node.now - 900,
        within_s=300.0,
        asked_by="ITG 7",
        received_at=node.now,
    )
    found = answer(
        *(
            question,
            Provider(node="sbc", spc="709J", answered_by="alice", version="1"),
            Kept(days=9, least_days=9),
        ),
        [],
        more=False,
        at=node.now,
        salt="5a" * 16,
    )

    def full(_: Written) -> None:
        raise OSError(28, "No space left on device", str(out))

    before = len(node.entries())
    monkeypatch.setattr(Written, "keep", full)
    assert not traceback._written(node.paths, out, found, question)
    assert len(node.entries()) == before + 1
    said = " ".join(capsys.readouterr().err.split())
    (part,) = tmp_path.glob("out.zip.*.part")
    assert f"{out}: no space left on device: the answer is journaled as version 2, and lies in {part}" in said
    assert "answer.json" in read_pack(part)


@pytest.mark.parametrize(
    "content", [None, b"{}", b"[1]", b"no json", b'{"calls": [{"proof": {"text": "[]"}}]}', b'{"calls": 7}']
)
def test_what_is_signed_and_no_answer_is_said_to_be_none(
    tmp_path: Path, content: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Summary: with a key of somebody else's anything may be signed."""
    node, key = EvidenceNode(tmp_path, time.time()), Ed25519PrivateKey.generate()
    pack, pem = tmp_path / "pack", tmp_path / "key.pem"
    pem.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    files = {"other": b"x"} if content is None else {"answer.json": content}
    pack.mkdir()
    for name, data in sealed(files, key).items():
        (pack / name).write_bytes(data)
    assert traceback.run_verify(node.paths, pack, pem) == 2
    assert "signed with the key, and no answer that can be read here" in " ".join(
        capsys.readouterr().err.split()
    )
