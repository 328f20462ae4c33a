"""What nobody would notice of a change until it is too late, said once."""

from dataclasses import replace
from pathlib import Path

import pytest

from trunkward.control.node_file import read_node_file
from trunkward.control.silent import silent
from trunkward.trunks.model import Declared
from trunkward.trunks.signing import Certificates, SigningSource
from trunkward.trunks.transit import SigningIdentity
from trunkward.trunks.verification import Failed, VerificationPolicy

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def held() -> Declared:
    return read_node_file(EXAMPLE, "node.yaml")


def test_of_what_was_so_before_nothing_is_said(held: Declared) -> None:
    assert silent(held, held) == ()


def test_a_shorter_time_for_proofs_and_the_deviation_it_is(held: Declared) -> None:
    new = replace(held, retention=replace(held.retention, signatures_days=1))
    said = "\n".join(silent(held, new))
    assert "signature_retention falls from 730 to 1 days" in said
    assert "deviates from the secure default: node: the proof of signatures is deleted after 1 days" in said
    assert silent(new, held) == ()


def test_announcements_nobody_plays(held: Declared) -> None:
    policy = VerificationPolicy(failed=Failed.ANNOUNCE)
    carriers = tuple(replace(one, verification=policy) for one in held.carriers[:1])
    new = replace(held, carriers=carriers)
    assert any("no node.announcements" in said for said in silent(None, new))
    played = replace(new, node=replace(new.node, announcements="/etc/trunkward/announcements"))
    assert not any("no node.announcements" in said for said in silent(None, played))


def test_a_third_party_nobody_supplies_levels_for(held: Declared) -> None:
    resold = SigningIdentity(spc="709J", x5u="https://c.example.com/1.pem", third_party=True)
    new = replace(held, reseller_identities={"west": resold})
    assert any("none of its trunks supplies_levels" in said for said in silent(held, new))
    trunk = replace(held.trunks[0], reseller="west", supplies_levels=True)
    assert not any("supplies_levels" in said for said in silent(held, replace(new, trunks=(trunk,))))


def test_a_reseller_under_the_test_authority_of_a_node_with_a_real_certificate(held: Declared) -> None:
    resold = SigningIdentity(spc="709J", x5u="https://c.example.com/1.pem")
    new = replace(held, reseller_identities={"west": resold})
    assert not any("TEST authority" in said for said in silent(held, new))
    real = replace(new, node=replace(new.node, signing=SigningSource(certificates=Certificates.ACME)))
    assert any("reseller west says nothing of identity.certificates" in said for said in silent(held, real))
