"""Whom a gate trusts, by the files it reads: checked anew, whoever has written them (properties 19, 20 and 21)."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from sipkit.sti import SPC
from sipkit.sti import Provider as Signer
from trunkward.engines.trust import TrustFiles
from trunkward.settings import Paths
from trunkward.shaken.causes import Cause, CredentialFault
from trunkward.shaken.credential import credential_of
from trunkward.shaken.crl import NO_LIST
from trunkward.stiauthority.issuing import issue_signing, revocations_at


class World:
    """A node's files, and the administrator whose lists are in them."""

    def __init__(self, home: Path) -> None:
        self.paths = Paths(config=home / "n", state=home / "state", run=home / "run", log=home)
        for file in (self.paths.trusted_list, self.paths.policy_administrator):
            file.parent.mkdir(parents=True)
        self.sti = Signer(home / "provider").sti
        self.now = time.time()
        self.put_administrator()
        self.put_list()
        self.put_revocations()
        self.files = TrustFiles(self.paths, administered=True, clock=lambda: self.now)

    def put_administrator(self) -> None:
        pem = self.sti.home.administrator.certificate.public_bytes(Encoding.PEM)
        self.paths.policy_administrator.write_bytes(pem)

    def put_list(self) -> None:
        self.paths.trusted_list.write_text(self.sti.administrator.trusted_list())

    def put_revocations(self) -> None:
        self.paths.revocations.write_bytes(self.sti.administrator.revocations().public_bytes(Encoding.DER))

    def chain(self) -> bytes:
        """Of a provider, issued now; the last one is `certificate`."""
        from cryptography.hazmat.primitives.asymmetric import ec

        home = self.sti.home
        self.certificate = issue_signing(
            ec.generate_private_key(ec.SECP256R1()).public_key(),
            spc=SPC,
            issuer=home.intermediate,
            revocations=revocations_at(
                self.sti.administrator.revocations_url, home.administrator.certificate
            ),
            serial=1 << 90,
            now=datetime.now(UTC),
            lifetime=timedelta(days=30),
        )
        return b"".join(
            one.public_bytes(Encoding.PEM) for one in (self.certificate, home.intermediate.certificate)
        )

    def look(self) -> None:
        assert self.files.is_behind()
        self.files.refresh()
        assert not self.files.is_behind()

    def credential(self, chain: bytes) -> str:
        trust = self.files.trust
        assert trust is not None
        try:
            found = credential_of(chain, trust.authorities, trust.revocations, self.now, hard=trust.hard)
        except CredentialFault as fault:
            return str(fault.cause)
        assert found.revocation_known
        return found.spc or ""


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_the_administrators_list_and_revocations(world: World) -> None:
    """Property 20: only what is on the signed list; property 19: a revoked certificate with the next list."""
    world.look()
    chain = world.chain()
    assert world.credential(chain) == SPC
    before = world.files.trust
    assert before is not None
    assert not before.is_test
    world.sti.home.revoke(world.certificate, datetime.now(UTC))
    world.put_revocations()
    world.look()
    assert world.credential(chain) == Cause.CERTIFICATE_REVOKED
    assert world.files.trust is not None
    assert world.files.trust.edition > before.edition


def _empty(world: World) -> None:
    world.paths.trusted_list.write_text("")


def _changed(world: World) -> None:
    text = world.paths.trusted_list.read_text()
    head, payload, signature = text.split(".")
    world.paths.trusted_list.write_text(f"{head}.{payload[:-4]}AAAA.{signature}")


def _of_another(world: World) -> None:
    other = Signer(world.paths.log / "other").sti
    world.paths.trusted_list.write_text(other.administrator.trusted_list())


def _gone(world: World) -> None:
    world.paths.trusted_list.unlink()


def _without_administrator(world: World) -> None:
    world.paths.policy_administrator.unlink()


def _ended(world: World) -> None:
    world.now += 3 * 365 * 86_400


@pytest.mark.parametrize(
    "spoil",
    [_empty, _changed, _of_another, _gone, _without_administrator, _ended],
    ids=lambda one: one.__name__,
)
def test_without_a_good_list_there_is_none(world: World, spoil: Callable[[World], None]) -> None:
    """Property 20: a list that somebody else signed or changed, or that has ended, is not in force for a moment."""
    world.look()
    spoil(world)
    world.look()
    assert world.files.trust is None
    world.now = time.time() + 120
    world.put_administrator()
    world.put_list()
    world.look()
    assert world.files.trust is not None


@pytest.mark.parametrize(
    "content", [None, b"", b"rubbish", b"-----BEGIN X509 CRL-----\nAA\n-----END X509 CRL-----\n"]
)
def test_revocations_that_cannot_be_read_are_never_good(world: World, content: bytes | None) -> None:
    """Property 21: nothing is known then; with the hard policy no certificate is good."""
    if content is None:
        world.paths.revocations.unlink()
    else:
        world.paths.revocations.write_bytes(content)
    world.files = TrustFiles(world.paths, administered=True, hard=True, clock=lambda: world.now)
    world.look()
    assert world.files.trust is not None
    assert world.files.trust.revocations is NO_LIST
    assert world.credential(world.chain()) == Cause.REVOCATION_UNKNOWN


def test_a_node_without_an_administrator_trusts_its_own_test_authority(world: World) -> None:
    alone = TrustFiles(world.paths, administered=False, clock=lambda: world.now)
    alone.refresh()
    assert alone.trust is None, "it has none yet"
    pki = world.paths.pki
    pki.mkdir()
    (pki / "shaken-ca.pem").write_bytes(world.sti.home.root.certificate.public_bytes(Encoding.PEM))
    assert alone.is_behind()
    alone.refresh()
    assert alone.trust is not None
    assert alone.trust.is_test
    assert alone.trust.authorities.roots == (world.sti.home.root.certificate,)
