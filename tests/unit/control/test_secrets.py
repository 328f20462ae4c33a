"""Secrets are made, exchanged and taken back; what is missing is told."""

import os
import secrets as chance
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from trunkward.control.node_file import read_node_file
from trunkward.control.secrets import (
    Sealer,
    SecretRefused,
    by_trunk,
    journaled,
    key_id,
    made,
    taken_back,
    usable,
    wanting,
)
from trunkward.digest.algorithm import Algorithm, ha1_of
from trunkward.digest.secret import derive, unseal
from trunkward.trunks.model import Declared, IdentifiedBy
from trunkward.trunks.secret import SealedSecret, SecretChange

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")
MASTER = b"m" * 32
SEALER = Sealer(master=MASTER, below=chance.randbelow, chance=os.urandom)
NOW = 1_800_000_000.0
WEEK = 7 * 86_400.0


def declared_with(**changed: Any) -> Declared:
    declared = read_node_file(EXAMPLE, "node.yaml")
    ways = (IdentifiedBy.NETWORK, IdentifiedBy.DIGEST)
    trunk = replace(declared.trunks[0], **{"identified_by": ways, "username": "acme"} | changed)
    return replace(declared, trunks=(trunk,))


DIGEST = declared_with()


def kept(held: Iterable[SealedSecret], change: SecretChange, number: int) -> list[SealedSecret]:
    """What the store makes of a change."""
    after = [
        msgspec.structs.replace(secret, until=change.ends.get(secret.id, secret.until)) for secret in held
    ]
    return [*([msgspec.structs.replace(change.added, id=number)] if change.added else []), *after]


def test_a_new_one_is_in_no_place_in_clear() -> None:
    change, password = made("new", DIGEST, "acme-hq", [], SEALER, now=NOW)
    added = change.added
    assert added is not None
    assert (added.username, added.realm, added.until, added.md5) == ("acme", "sbc.example.com", None, b"")
    ha1 = ha1_of(Algorithm.SHA256, "acme", "sbc.example.com", password)
    opened = unseal(
        *(derive(MASTER, "secrets"), added.sha256),
        trunk="acme-hq",
        username="acme",
        realm="sbc.example.com",
        algorithm=Algorithm.SHA256,
    )
    assert opened == ha1
    written = msgspec.json.encode(added).decode() + str(journaled(change, 7))
    assert password not in written
    assert ha1 not in written
    assert bytes.fromhex(ha1) not in added.sha256


def test_a_hash_for_md5_only_where_it_may_be_used() -> None:
    change, _ = made("new", declared_with(unsafe_md5=True), "acme-hq", [], SEALER, now=NOW)
    assert change.added is not None
    assert len(change.added.md5) == 12 + 16 + 16
    assert journaled(change, 7)["md5"] is True


def test_both_are_good_until_the_old_ones_end() -> None:
    first = kept([], made("new", DIGEST, "acme-hq", [], SEALER, now=NOW)[0], 1)
    change, _ = made("rotate", DIGEST, "acme-hq", first, SEALER, now=NOW, overlap_s=WEEK)
    second = kept(first, change, 2)
    assert [(secret.id, secret.until) for secret in second] == [(2, None), (1, NOW + WEEK)]
    assert [s.id for s in by_trunk(second, NOW + WEEK - 1)["acme-hq"]] == [2, 1]
    assert [s.id for s in by_trunk(second, NOW + WEEK)["acme-hq"]] == [2]
    # of three the oldest ends at once: two are compared with, and a longer overlap gives it no more time
    third = kept(second, made("rotate", DIGEST, "acme-hq", second, SEALER, now=NOW + 1, overlap_s=WEEK)[0], 3)
    assert [(s.id, s.until) for s in third] == [(3, None), (2, NOW + 1 + WEEK), (1, NOW + 1)]


def test_without_an_overlap_the_old_one_ends_at_once() -> None:
    first = kept([], made("new", DIGEST, "acme-hq", [], SEALER, now=NOW)[0], 1)
    after = kept(first, made("rotate", DIGEST, "acme-hq", first, SEALER, now=NOW)[0], 2)
    assert [s.id for s in by_trunk(after, NOW)["acme-hq"]] == [2]


def test_taken_back_none_is_good() -> None:
    first = kept([], made("new", DIGEST, "acme-hq", [], SEALER, now=NOW)[0], 1)
    second = kept(first, made("rotate", DIGEST, "acme-hq", first, SEALER, now=NOW, overlap_s=9)[0], 2)
    after = kept(second, taken_back("acme-hq", second, now=NOW + 1), 3)
    assert by_trunk(after, NOW + 1) == {}
    with pytest.raises(SecretRefused, match="has no secret that is good"):
        taken_back("acme-hq", after, now=NOW + 2)


@pytest.mark.parametrize(
    ("act", "name", "held", "why"),
    [
        ("new", "acme", 0, "no trunk acme in the newest version"),
        ("rotate", "acme-hq", 0, "secret new acme-hq"),
        ("new", "acme-hq", 1, "secret rotate acme-hq"),
    ],
)
def test_what_is_refused(act: str, name: str, held: int, why: str) -> None:
    before = kept([], made("new", DIGEST, "acme-hq", [], SEALER, now=NOW)[0], 1) if held else []
    with pytest.raises(SecretRefused, match=why):
        made(act, DIGEST, name, before, SEALER, now=NOW)


def test_a_trunk_without_digest_has_no_secret() -> None:
    with pytest.raises(SecretRefused, match="add digest to its identified_by"):
        made("new", read_node_file(EXAMPLE, "node.yaml"), "acme-hq", [], SEALER, now=NOW)


def test_what_is_wanting() -> None:
    key = key_id(MASTER)
    change = made("new", DIGEST, "acme-hq", [], SEALER, now=NOW)[0]
    held = by_trunk(kept([], change, 1), NOW)
    assert wanting(DIGEST, held, key, NOW) == []
    assert wanting(DIGEST, held, "", NOW) == []
    assert wanting(read_node_file(EXAMPLE, "node.yaml"), {}, key, NOW) == []

    def said(declared: Declared, secrets: dict[str, list[SealedSecret]], of_key: str = key) -> str:
        ((name, sentence),) = wanting(declared, secrets, of_key, NOW)
        assert name == "acme-hq"
        assert "./trunkward secret" in sentence
        return sentence

    assert "has no secret" in said(DIGEST, {})
    renamed = declared_with(username="acme2")
    assert "its secret is for acme at sbc.example.com, and it is acme2 at" in said(renamed, held)
    moved = replace(DIGEST, node=replace(DIGEST.node, realm="sip.example.net"))
    assert "acme at sip.example.net now" in said(moved, held)
    assert usable(renamed, renamed.trunks[0], held["acme-hq"]) == []
    assert "a key that is gone" in said(DIGEST, held, key_id(b"o" * 32))
    assert "may use MD5" in said(declared_with(unsafe_md5=True), held)
    ends = {"acme-hq": [msgspec.structs.replace(held["acme-hq"][0], until=NOW + 60)]}
    assert "its secret ends at 2027-01-15 08:01:00 UTC" in said(DIGEST, ends)


def test_the_keys_name_tells_nothing_of_it() -> None:
    assert key_id(MASTER) != key_id(b"n" * 32)
    assert len(key_id(MASTER)) == 16
    assert key_id(MASTER) not in MASTER.hex()
