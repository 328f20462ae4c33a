"""Whom a gate trusts, by the files it reads: checked anew, whoever has written them (properties 19, 20 and 21)."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from sipkit.sti import SPC
from sipkit.sti import Provider as Signer
from trunkward.control.shown import TEST
from trunkward.engines.certificate_state import IdentitiesState, ListState
from trunkward.engines.certificates import identity_facts
from trunkward.engines.held_lists import told
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
        self.paths.held_lists.mkdir()
        self.sti = Signer(home / "provider").sti
        self.now = time.time()
        self.put_administrator()
        self.put_list()
        self.put_revocations()
        self.start()

    def start(self, *, hard: bool = False) -> None:
        """A gate's process, and its first look is still to come."""
        self.files = TrustFiles(self.paths, administered=True, hard=hard, gate=0, clock=lambda: self.now)

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


@pytest.mark.parametrize("spoil", [_empty, _changed, _of_another, _gone], ids=lambda one: one.__name__)
@pytest.mark.parametrize("restarted", [False, True])
def test_what_is_no_list_leaves_the_one_before_until_its_end(
    world: World, spoil: Callable[[World], None], restarted: bool
) -> None:
    """Property 20: and says so; nobody who writes the file stops verification, nor brings another list in."""
    world.look()
    before = world.files.trust
    assert before is not None
    spoil(world)
    if restarted:
        world.start()
    world.look()
    assert world.files.trust is not None
    assert world.files.trust.authorities == before.authorities
    assert set(world.files.problems) == {"trusted"}
    assert "trusted-list.jwt: " in told(world.paths.held_lists, world.now)["trusted"]
    assert before.authorities.expires_s is not None
    world.now = before.authorities.expires_s + 1
    world.look()
    assert world.files.trust is None
    world.now = time.time() + 120
    world.put_list()
    world.look()
    assert world.files.trust is not None
    assert told(world.paths.held_lists, world.now) == {}


@pytest.mark.parametrize("spoil", [_empty, _changed, _of_another, _gone], ids=lambda one: one.__name__)
def test_without_a_good_list_there_is_none(world: World, spoil: Callable[[World], None]) -> None:
    """Property 20: a list that somebody else signed or changed is not in force for a moment."""
    spoil(world)
    world.look()
    assert world.files.trust is None


@pytest.mark.parametrize("spoil", [_without_administrator, _ended], ids=lambda one: one.__name__)
def test_a_list_whose_signer_nobody_names_or_that_has_ended_is_none(
    world: World, spoil: Callable[[World], None]
) -> None:
    """Property 20: what is held is held against the administrator and the time of now, as any other."""
    world.look()
    spoil(world)
    world.look()
    assert world.files.trust is None
    world.now = time.time() + 120
    world.put_administrator()
    world.put_list()
    world.look()
    assert world.files.trust is not None


def test_an_older_list_is_not_taken(world: World) -> None:
    """Property 20: what was withdrawn since does not come back."""
    before = world.paths.trusted_list.read_bytes()
    time.sleep(0.002)  # an edition is a millisecond's
    world.put_list()
    world.look()
    newer = world.files.trust
    world.paths.trusted_list.write_bytes(before)
    world.look()
    assert world.files.trust is not None
    assert newer is not None
    assert world.files.trust.authorities.sequence == newer.authorities.sequence
    assert "list-older" in world.files.problems["trusted"]


@pytest.mark.parametrize("content", [None, b"", b"x", b"older"])
@pytest.mark.parametrize("restarted", [False, True])
def test_a_revocation_stays_whatever_becomes_of_the_file(
    world: World, content: bytes | None, restarted: bool
) -> None:
    """Property 21: a certificate that was refused does not pass a minute later (t7), soft policy or not."""
    world.look()
    older, chain = world.paths.revocations.read_bytes(), world.chain()
    assert world.credential(chain) == SPC
    time.sleep(0.002)
    world.sti.home.revoke(world.certificate, datetime.now(UTC))
    world.put_revocations()
    world.look()
    if content is None:
        world.paths.revocations.unlink()
    else:
        world.paths.revocations.write_bytes(older if content == b"older" else content)
    if restarted:
        world.start()
    world.look()
    assert world.credential(chain) == Cause.CERTIFICATE_REVOKED
    assert set(world.files.problems) == {"revocations"}
    assert set(told(world.paths.held_lists, world.now)) == {"revocations"}
    # what a gate that is gone has told last is no trouble of now
    assert told(world.paths.held_lists, world.now + 301) == {}


def test_who_only_reads_goes_by_what_a_gate_holds(world: World) -> None:
    """A delegate certificate is entered by root, who writes nothing where a gate's user could move things."""
    world.look()
    chain = world.chain()
    time.sleep(0.002)
    world.sti.home.revoke(world.certificate, datetime.now(UTC))
    world.put_revocations()
    world.look()
    world.paths.revocations.write_bytes(b"x")
    world.put_list()  # a newer one, which no gate has seen yet
    before = {path: path.stat().st_mtime_ns for path in world.paths.held_lists.iterdir()}
    assert {path.name for path in before} == {"gate-0.json", "gate-0.crl.der", "gate-0.trusted-list.jwt"}
    world.files = TrustFiles(world.paths, administered=True, only_reads=True, clock=lambda: world.now)
    world.look()
    assert world.credential(chain) == Cause.CERTIFICATE_REVOKED
    assert {path: path.stat().st_mtime_ns for path in world.paths.held_lists.iterdir()} == before


def test_what_cannot_be_kept_is_held_in_memory(world: World) -> None:
    world.paths.held_lists.rmdir()
    world.look()
    world.paths.revocations.unlink()
    world.paths.trusted_list.unlink()
    world.look()
    assert world.files.trust is not None
    assert world.credential(world.chain()) == SPC


def test_what_gates_refuse_is_told_to_a_person(world: World) -> None:
    """Status, health and mails go by these facts, whatever the process that fetches the lists says of itself."""
    now = datetime.fromtimestamp(world.now, UTC)
    state = IdentitiesState(at=now, trusted_list=ListState(at=now), revocations=ListState(at=now))
    world.look()

    def problems() -> list[str]:
        facts = identity_facts({"node": TEST}, state, world.paths.held_lists, now)
        return [one.problem for one in facts]

    assert problems() == ["", ""]
    world.paths.revocations.write_bytes(b"x")
    world.look()
    trusted, revocations = problems()
    assert trusted == ""
    assert revocations.startswith("gate-0: ")
    assert "crl-malformed" in revocations
    # not for as long as a gate's clock was ahead that is gone
    now -= timedelta(days=300)
    assert problems() == ["", ""]


@pytest.mark.parametrize(
    "content", [None, b"", b"rubbish", b"-----BEGIN X509 CRL-----\nAA\n-----END X509 CRL-----\n"]
)
def test_revocations_that_cannot_be_read_are_never_good(world: World, content: bytes | None) -> None:
    """Property 21: nothing is known then; with the hard policy no certificate is good."""
    if content is None:
        world.paths.revocations.unlink()
    else:
        world.paths.revocations.write_bytes(content)
    world.start(hard=True)
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


def test_a_clock_that_was_ahead_for_a_moment_puts_off_no_look(world: World) -> None:
    right = world.now
    world.now += 300 * 86_400
    world.look()
    world.now = right
    assert world.files.is_behind()
    world.look()
    assert not world.files.is_behind()
