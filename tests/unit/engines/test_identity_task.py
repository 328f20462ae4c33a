"""What the process that speaks with the authorities of SHAKEN is told, and which files it gets copies of."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from trunkward.control.node_file import read_node_file
from trunkward.engines.identity_task import (
    codes_without,
    copies,
    identities_of,
    identities_task,
    signing_files,
)
from trunkward.engines.supervisor import identity_programs
from trunkward.settings import SYSTEM_AUTHORITIES, Paths
from trunkward.shaken.testauthority import build_signing_certificate, build_test_authority
from trunkward.trunks.model import Declared
from trunkward.trunks.signing import Certificates, PolicyAdministrator, SigningSource, StiAuthority
from trunkward.trunks.transit import SigningIdentity

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")
PATHS = Paths(config=Path("/c"), state=Path("/s"), run=Path("/r"), log=Path("/l"))
ADMINISTRATOR = PolicyAdministrator(url="https://sti-pa.example.net", certificate_file="/etc/pa.pem")
AUTHORITY = StiAuthority(
    directory="https://ca.example.net/dir", account="000T", user="noc", password_file="/etc/password"
)
ACME = SigningSource(certificates=Certificates.ACME, authority=AUTHORITY)
FILES = SigningSource(certificates=Certificates.FILES, chain_file="/etc/s.pem", key_file="/etc/s.key")


def declared(signing: SigningSource, administrator: PolicyAdministrator | None = ADMINISTRATOR) -> Declared:
    found = read_node_file(EXAMPLE, "node.yaml")
    return replace(found, node=replace(found.node, signing=signing, policy_administrator=administrator))


def test_without_an_administrator_there_is_nothing_to_do() -> None:
    nobody = declared(SigningSource(), None)
    assert identities_task(nobody, PATHS) is None
    assert copies(nobody, PATHS) == {}
    assert identity_programs(nobody, PATHS) == []


def test_with_one_the_lists_are_fetched_whatever_calls_are_signed_under() -> None:
    task = identities_task(declared(SigningSource()), PATHS)
    assert task is not None
    assert task.identities == []
    assert (task.trusted_list, task.revocations) == (
        "/s/identities/trusted-list.jwt",
        "/s/identities/crl.der",
    )
    assert task.trusted == SYSTEM_AUTHORITIES
    assert copies(declared(SigningSource()), PATHS) == {
        Path("/r/identities/administrator.pem"): "/etc/pa.pem"
    }
    (program,) = identity_programs(declared(SigningSource()), PATHS)
    assert (program.name, program.user) == ("identities", "tw-identity")


def test_acme() -> None:
    task = identities_task(declared(ACME), PATHS)
    assert task is not None
    (one,) = task.identities
    assert one.source == "acme https://ca.example.net/dir"
    assert (one.chain, one.publish) == ("/s/identities/node.pem", "/s/published")
    assert one.ordering is not None
    assert (one.ordering.account_key, one.ordering.request) == (
        "/s/pki/identities/node-account.key",
        "/s/pki/identities/node.csr",
    )
    # where nobody names any, its HTTPS is trusted as anybody's
    assert one.published_trusted == one.ordering.trusted == SYSTEM_AUTHORITIES
    assert one.ordering.external_key == ""
    # its password is a copy: a person's file stays root's
    assert one.ordering.password == "/r/identities/node.password"
    assert copies(declared(ACME), PATHS)[Path("/r/identities/node.password")] == "/etc/password"
    assert "/etc/password" not in repr(task)


def test_of_a_persons_own_nothing_is_ordered_or_published() -> None:
    """It is only looked for where it is published, and its end told."""
    task = identities_task(declared(replace(FILES, publish_address="192.0.2.7")), PATHS)
    assert task is not None
    (one,) = task.identities
    assert (one.source, one.chain) == ("files /etc/s.pem", "/etc/s.pem")
    assert (one.ordering, one.publish, one.address) == (None, "", "192.0.2.7")
    assert one.published_trusted == SYSTEM_AUTHORITIES


def test_a_resellers_of_the_test_authority_signs_with_files_of_his_own() -> None:
    found = declared(SigningSource())
    identity = SigningIdentity(spc="001T", x5u="https://cert.example.com/resold.pem")
    resold = replace(found, reseller_identities={"resold": identity})
    assert identities_of(resold)["resold"] == ("001T", identity.x5u, identity.signing)
    assert signing_files(resold, PATHS, "resold") == (
        Path("/s/pki/identities/resold.pem"),
        "/s/pki/identities/resold.key",
    )


def test_every_file_that_is_named_has_its_copy() -> None:
    authority = replace(AUTHORITY, ca_file="/etc/ca.pem", external_key_id="k", external_key_file="/etc/mac")
    whole = replace(ACME, authority=authority, publish="/srv/certs", publish_ca_file="/etc/web.pem")
    task = identities_task(declared(whole, replace(ADMINISTRATOR, ca_file="/etc/pa-ca.pem")), PATHS)
    assert task is not None
    (one,) = task.identities
    assert one.ordering is not None
    assert one.publish == "/srv/certs"
    named = {task.certificates, task.trusted, one.published_trusted, one.ordering.trusted}
    named |= {one.ordering.external_key, one.ordering.password}
    made = copies(declared(whole, replace(ADMINISTRATOR, ca_file="/etc/pa-ca.pem")), PATHS)
    assert {str(copy) for copy in made} == named


@pytest.mark.parametrize(
    ("signing", "files"),
    [
        (SigningSource(), ("/s/pki/shaken.pem", "/s/pki/shaken.key")),
        (FILES, ("/etc/s.pem", "/etc/s.key")),
        (ACME, ("/s/identities/node.pem", "/s/pki/identities/node.key")),
    ],
)
def test_what_is_signed_with(signing: SigningSource, files: tuple[str, str]) -> None:
    assert tuple(map(str, signing_files(declared(signing), PATHS))) == files


def test_a_certificate_for_another_code_is_said_before_it_matters(tmp_path: Path) -> None:
    paths = replace(PATHS, state=tmp_path)
    wanted = declared(ACME)
    assert codes_without(wanted, paths) == []  # there is none yet
    now = datetime(2026, 11, 26, tzinfo=UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    root = build_test_authority(keys[0], serial=1 << 100, now=now, lifetime=timedelta(days=9))
    chain = paths.signing_chain("node")
    chain.parent.mkdir(parents=True)
    for spc, said in (("000T", []), ("001T", [True])):
        one = build_signing_certificate(
            keys[1].public_key(),
            spc=spc,
            authority=root,
            authority_key=keys[0],
            serial=3 << 99,
            now=now,
            lifetime=timedelta(days=1),
        )
        chain.write_bytes(one.public_bytes(Encoding.PEM))
        found = codes_without(wanted, paths)
        assert ["is for 001T, not for 000T (certificate-spc-mismatch)" in each for each in found] == said
    assert codes_without(declared(FILES), paths) == []
