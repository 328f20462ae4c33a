"""Compiling, opening, and not opening what is broken."""

from copy import replace

import pytest

from sipkit.places import TABLE
from sipkit.tokens import token, whose
from trunkward.admission.snapshot import FORMAT, Snapshot, SnapshotRefused, compile_snapshot
from trunkward.shaken.evidence import Kind
from trunkward.shaken.relationship import read_token
from trunkward.trunks.model import Declared


def test_everything_is_found_again(declared: Declared, policy: Snapshot) -> None:
    trunk = declared.trunks[0]
    assert policy.version == 7
    assert policy.node == declared.node
    assert policy.carriers == tuple(replace(carrier, prefixes=()) for carrier in declared.carriers)
    assert policy.trunk("acme-hq") == replace(trunk, numbers=(), emergency_callback=trunk.callback)
    assert policy.trunk_by_certificate(trunk.certificate_sha256) == policy.trunk("acme-hq")
    assert all(policy.number_owner(number) == policy.trunk("acme-hq") for number in trunk.numbers)
    assert list(policy.evidence("12025550101").values()) == [token("+12025550101")]


def test_whose_a_trunk_is_comes_back_with_the_token_that_says_so(declared: Declared) -> None:
    tokens = whose(declared)
    policy = Snapshot(compile_snapshot(declared, {}, 7, TABLE, relationships=tokens))
    assert policy.relationship("acme-hq") == (read_token(tokens["acme-hq"]), tokens["acme-hq"])
    assert policy.relationship("nobody") is None
    assert Snapshot(compile_snapshot(declared, {}, 7, TABLE)).relationship("acme-hq") is None


def test_what_was_revoked_since_speaks_for_nothing(declared: Declared) -> None:
    """Whatever the policy says: a list that is read apart from it counts at once."""
    denied: set[str] = set()
    kept, gone = token("+12025550101"), token("+12025550101", kind=Kind.LOA)
    compiled = compile_snapshot(declared, [kept, gone], 7, TABLE)
    policy = Snapshot(compiled, denied=lambda: frozenset(denied))
    assert list(policy.evidence("12025550101").values()) == [kept, gone]
    denied.add("loa-acme-hq-12025550101")
    assert list(policy.evidence("12025550101").values()) == [kept]
    denied.clear()
    assert list(policy.evidence("12025550101").values()) == [kept, gone]


def test_while_nobody_knows_what_was_revoked_what_has_no_record_alone_speaks(declared: Declared) -> None:
    """So the next call is B, where its signer would refuse to sign A at all."""
    alone = token("+12025550101", name="inventory-acme-hq")
    compiled = compile_snapshot(declared, [alone, token("+12025550101", kind=Kind.LOA)], 7, TABLE)
    assert list(Snapshot(compiled, denied=lambda: None).evidence("12025550101").values()) == [alone]


def test_a_certificate_before_is_accepted_too(declared: Declared) -> None:
    renewed = replace(declared, trunks=(replace(declared.trunks[0], older_certificates=("ef" * 32,)),))
    policy = Snapshot(compile_snapshot(renewed, {}, 7, TABLE))
    assert policy.trunk_by_certificate("ef" * 32) == policy.trunk("acme-hq")
    assert policy.trunk_by_certificate(declared.trunks[0].certificate_sha256) == policy.trunk("acme-hq")


def test_a_trunk_behind_nat_still_is(declared: Declared) -> None:
    natted = replace(declared, trunks=(replace(declared.trunks[0], behind_nat=True),))
    found = Snapshot(compile_snapshot(natted, {}, 7, TABLE)).trunk("acme-hq")
    assert found is not None
    assert found.behind_nat


def test_what_is_not_there(policy: Snapshot) -> None:
    assert policy.trunk("acme") is None
    assert policy.trunk_by_certificate("") is None
    assert policy.trunk_by_certificate("00" * 32) is None
    assert policy.number_owner("+12025550104") is None
    assert policy.evidence("12025550103") == {}
    assert policy.longest_prefix("+442079460123") == ()
    assert policy.longest_prefix("") == ()


def test_longest_prefix_of_enabled_carriers(declared: Declared) -> None:
    north, south = declared.carriers
    carriers = (
        replace(north, name="one", prefixes=("+1",)),
        replace(north, name="off", prefixes=("+120255",), enabled=False),
        replace(south, name="two", prefixes=("+1202", "+44")),
        replace(south, name="three", prefixes=("+1202",)),
        # what no other takes
        replace(south, name="rest", prefixes=("+",)),
    )
    policy = Snapshot(compile_snapshot(replace(declared, carriers=carriers), {}, 1, TABLE))
    found = {
        n: [c.name for c in policy.longest_prefix(n)]
        for n in ("+12025550199", "+13035550199", "+442079460123", "+33199001234")
    }
    assert found == {
        "+12025550199": ["two", "three"],
        "+13035550199": ["one"],
        "+442079460123": ["two"],
        "+33199001234": ["rest"],
    }


def test_equal_worlds_give_equal_bytes(declared: Declared) -> None:
    evidence = [token("+12025550101"), token("+12025550102")]
    backwards = evidence[::-1]
    assert compile_snapshot(declared, evidence, 3, TABLE) == compile_snapshot(declared, backwards, 3, TABLE)


def test_a_certificate_not_issued_yet_recognises_nobody(declared: Declared) -> None:
    nobody = replace(declared, trunks=(replace(declared.trunks[0], certificate_sha256=""),))
    assert Snapshot(compile_snapshot(nobody, {}, 1, TABLE)).trunk_by_certificate("") is None


@pytest.mark.parametrize("cut", [0, 1, 60, 100, 172, 500, -1])
def test_cut_off(declared: Declared, cut: int) -> None:
    with pytest.raises(SnapshotRefused):
        Snapshot(compile_snapshot(declared, {}, 1, TABLE)[:cut])


def test_every_damaged_byte_is_noticed(declared: Declared) -> None:
    good = compile_snapshot(declared, {}, 1, TABLE)
    for at in range(0, len(good), 7):
        damaged = bytearray(good)
        damaged[at] ^= 0x40
        if 12 <= at < 20:
            continue  # the version is not summed: it names the file
        with pytest.raises(SnapshotRefused):
            Snapshot(bytes(damaged))


def test_trailing_bytes_and_other_formats(declared: Declared) -> None:
    good = compile_snapshot(declared, {}, 1, TABLE)
    for broken, said in (
        (good + b"x", "cut or grown"),
        (b"SQLite3\0" + good[8:], "no policy snapshot"),
        (good[:8] + bytes([FORMAT + 1]) + good[9:], f"format {FORMAT + 1}"),
    ):
        with pytest.raises(SnapshotRefused, match=said):
            Snapshot(broken)
