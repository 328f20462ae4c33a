"""What stops the signer, at its start and while it runs: one cause each; and what it takes over."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from trunkward.engines.held_lists import HeldLists
from trunkward.shaken import jwt
from trunkward.shaken.published import published_name
from trunkward.signer import identity as identity_module
from trunkward.signer.identity import Awaited, Identity, begin, check_files, load_identity, look_again
from trunkward.signer.identity_files import Administered, IdentityFiles, IdentityUnfit
from trunkward.stiauthority import issuing
from trunkward.stiauthority.issuing import Issuer, Revoked

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CRL_URL = "https://sti-pa.example.net/crl"
ONE_URL = "https://cert.example.com/709J/1.pem"
OWN_URLS = "https://cert.example.com/709J/"


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass
class Sti:
    """A policy administrator, an authority on its list, and an identity's files under both."""

    directory: Path
    administrator: Issuer = field(init=False)
    authority: Issuer = field(init=False)
    key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    serial: int = 1 << 100

    def __post_init__(self) -> None:
        self.administrator = self._administrator()
        self.authority = self._authority()
        self.directory.mkdir()
        (self.directory / "kept").mkdir()
        (self.directory / "administrator.pem").write_bytes(pem(self.administrator.certificate))
        self.lists()
        self.write_key(self.key)
        self.write_chain(self.signing())

    @property
    def chain(self) -> Path:
        return self.directory / "chain.pem"

    @property
    def list_file(self) -> Path:
        return self.directory / "trusted-list.jwt"

    @property
    def crl_file(self) -> Path:
        return self.directory / "crl.der"

    def files(self, x5u: str = ONE_URL, *, hard: bool = False) -> IdentityFiles:
        return IdentityFiles(
            key=self.directory / "key.pem",
            certificate_chain=self.chain,
            trust=Administered(
                trusted_list=self.list_file,
                revocations=self.crl_file,
                administrator=self.directory / "administrator.pem",
                kept=self.directory / "kept",
                hard=hard,
            ),
            evidence_key=self.directory.parent / "pki" / "evidence.pub",
            denied=self.directory.parent / "pki" / "evidence.denied",
            x5u=x5u,
            spc="709J",
        )

    def lists(
        self,
        *,
        roots: list[x509.Certificate] | None = None,
        revoked: list[x509.Certificate] | None = None,
        by: Issuer | None = None,
        sequence: int = 1,
        expires: datetime = NOW + timedelta(days=30),
        now: datetime = NOW,
    ) -> None:
        """Writes both lists anew."""
        signer = by or self.administrator
        trusted = roots if roots is not None else [self.authority.certificate]
        claims = {
            "version": 1,
            "sequence": sequence,
            "exp": int(expires.timestamp()),
            "trustList": [pem(root).decode() for root in trusted],
        }
        token = jwt.sign({"x5u": "https://sti-pa.example.net/pa.pem"}, claims, signer.key)
        self.list_file.write_text(token)
        gone = [Revoked(issuer=one.issuer, serial=one.serial_number, at=NOW) for one in revoked or []]
        crl = issuing.revocation_list(
            gone, administrator=signer, url=CRL_URL, number=sequence, now=now, lifetime=timedelta(days=1)
        )
        self.crl_file.write_bytes(crl.public_bytes(Encoding.DER))

    def signing(
        self,
        *,
        spc: str = "709J",
        key: ec.EllipticCurvePrivateKey | None = None,
        issuer: Issuer | None = None,
        now: datetime = NOW,
    ) -> x509.Certificate:
        """A provider's certificate."""
        self.serial += 1
        return issuing.issue_signing(
            (key or self.key).public_key(),
            spc=spc,
            issuer=issuer or self.authority,
            revocations=issuing.revocations_at(CRL_URL, self.administrator.certificate),
            serial=self.serial,
            now=now,
            lifetime=timedelta(days=90),
        )

    def write_chain(self, *chain: x509.Certificate) -> None:
        self.chain.write_bytes(b"".join(map(pem, chain)))

    def write_key(self, key: ec.EllipticCurvePrivateKey) -> None:
        path = self.directory / "key.pem"
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        path.chmod(0o600)

    def _administrator(self) -> Issuer:
        key = new_key()
        return Issuer(certificate=issuing.issue_administrator(key, serial=1 << 90, now=NOW), key=key)

    def _authority(self) -> Issuer:
        key = new_key()
        return Issuer(certificate=issuing.issue_root(key, serial=1 << 91, now=NOW), key=key)


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


@pytest.fixture
def sti(house: Any) -> Sti:
    return Sti(house.tmp / "sti")


def unprofiled(sti: Sti) -> x509.Certificate:
    """Without the policy every certificate of SHAKEN names."""
    good = sti.signing()
    builder = x509.CertificateBuilder(
        issuer_name=good.issuer,
        subject_name=good.subject,
        public_key=good.public_key(),
        serial_number=good.serial_number,
        not_valid_before=good.not_valid_before_utc,
        not_valid_after=good.not_valid_after_utc,
        extensions=[one for one in good.extensions if not isinstance(one.value, x509.CertificatePolicies)],
    )
    return builder.sign(sti.authority.key, SHA256())


def another(sti: Sti) -> Issuer:
    """An authority that is on no list."""
    return sti._authority()


type Spoil = Callable[[Sti], object]

#: What is wrong, and the one cause that is told; property 3.
CAUSES: list[tuple[str, Spoil, str]] = [
    ("another's code", lambda s: s.write_chain(s.signing(spc="809J")), "certificate-spc-mismatch"),
    ("another key", lambda s: s.write_key(new_key()), "certificate-key-mismatch"),
    ("expired", lambda s: s.write_chain(s.signing(now=NOW - timedelta(days=91))), "certificate-expired"),
    (
        "not yet valid",
        lambda s: s.write_chain(s.signing(now=NOW + timedelta(days=3))),
        "certificate-not-yet-valid",
    ),
    (
        "revoked",
        lambda s: s.lists(revoked=[x509.load_pem_x509_certificate(s.chain.read_bytes())]),
        "certificate-revoked",
    ),
    ("not on the list", lambda s: s.lists(roots=[another(s).certificate]), "chain-not-trusted"),
    ("of nobody", lambda s: s.write_chain(s.signing(issuer=another(s))), "chain-not-trusted"),
    ("against the profile", lambda s: s.write_chain(unprofiled(s)), "certificate-policy"),
]


@pytest.mark.parametrize(("spoil", "cause"), [c[1:] for c in CAUSES], ids=[c[0] for c in CAUSES])
def test_property_3_it_refuses_to_start(sti: Sti, spoil: Spoil, cause: str) -> None:
    """Property 3: one clear cause each."""
    spoil(sti)
    with pytest.raises(IdentityUnfit) as unfit:
        load_identity(sti.files(), NOW)
    assert unfit.value.reason == cause


@pytest.mark.parametrize(("spoil", "cause"), [c[1:] for c in CAUSES], ids=[c[0] for c in CAUSES])
def test_property_3_it_stops_while_it_runs(sti: Sti, spoil: Spoil, cause: str) -> None:
    """Property 3: the same causes, found by the look that is taken twice a minute."""
    running = load_identity(sti.files(), NOW)
    assert look_again(running, NOW)[0] is not None
    spoil(sti)
    identity, unfit = look_again(running, NOW)
    assert identity is None
    assert unfit is not None
    assert unfit.reason == cause


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [
        (lambda s: (s.directory / "key.pem").chmod(0o604), "key-file-open-to-others"),
        (lambda s: (s.directory / "key.pem").chmod(0o620), "key-file-open-to-others"),
        (lambda s: (s.directory / "key.pem").unlink(), "file-unreadable"),
        (lambda s: (s.directory / "key.pem").write_text("nonsense"), "key-unreadable"),
        (lambda s: s.chain.write_text(""), "certificate-unreadable"),
        (lambda s: s.chain.unlink(), "file-unreadable"),
    ],
)
def test_files_nobody_can_sign_with(sti: Sti, spoil: Spoil, cause: str) -> None:
    running = load_identity(sti.files(), NOW)
    spoil(sti)
    with pytest.raises(IdentityUnfit) as unfit:
        load_identity(sti.files(), NOW)
    assert unfit.value.reason == cause
    assert "PRIVATE KEY" not in str(unfit.value)
    assert look_again(running, NOW)[0] is None


@pytest.mark.parametrize("gone", [True, False])
def test_without_the_administrators_certificate_no_list_is_good(sti: Sti, gone: bool) -> None:
    file = sti.directory / "administrator.pem"
    if gone:
        file.unlink()
    else:
        file.write_text("nonsense")
    with pytest.raises(IdentityUnfit) as unfit:
        load_identity(sti.files(), NOW)
    assert str(unfit.value).startswith(f"trusted-list-refused: {file}: ")


def test_a_list_that_somebody_else_signed_starts_nothing(sti: Sti) -> None:
    sti.lists(by=sti._administrator())
    with pytest.raises(IdentityUnfit, match=r"trusted-list-refused.*list-signature"):
        load_identity(sti.files(), NOW)


@pytest.mark.parametrize("spoiled", ["another signer", "older", "expired", "garbage", "gone"])
def test_a_list_that_cannot_be_taken_leaves_the_one_before(sti: Sti, spoiled: str) -> None:
    sti.lists(sequence=7)
    running = load_identity(sti.files(), NOW)
    other = [another(sti).certificate]  # were it taken, the chain would not be trusted
    match spoiled:
        case "another signer":
            sti.lists(roots=other, sequence=8, by=sti._administrator())
        case "older":
            sti.lists(roots=other, sequence=6)
        case "expired":
            sti.lists(roots=other, sequence=8, expires=NOW - timedelta(seconds=1))
        case "garbage":
            sti.list_file.write_text("nonsense")
        case "gone":
            sti.list_file.unlink()
    assert look_again(running, NOW)[1] is None


@pytest.mark.parametrize("hard", [False, True])
def test_no_word_about_revocation(sti: Sti, hard: bool) -> None:
    """Property 21, the signer's half: unreadable is never good; what then is a person's choice."""
    sti.crl_file.write_bytes(b"nonsense")
    if hard:
        with pytest.raises(IdentityUnfit, match="revocation-unknown"):
            load_identity(sti.files(hard=True), NOW)
    else:
        assert load_identity(sti.files(), NOW).revocation(NOW) == "unknown"


@pytest.mark.parametrize("spoiled", ["gone", "garbage", "older number", "older time", "another signer"])
@pytest.mark.parametrize("restarted", [False, True])
def test_a_revocation_is_not_forgotten_with_its_list(sti: Sti, spoiled: str, restarted: bool) -> None:
    """Property 21: who fetches the lists cannot un-revoke by what it writes, nor by a restart."""
    good = sti.crl_file.read_bytes()
    running = load_identity(sti.files(), NOW)
    sti.lists(revoked=[running.certificate], sequence=5)
    assert look_again(running, NOW)[0] is None
    match spoiled:
        case "gone":
            sti.crl_file.unlink()
        case "garbage":
            sti.crl_file.write_bytes(b"x")
        case "older number":
            sti.crl_file.write_bytes(good)
        case "older time":
            sti.lists(sequence=6, now=NOW - timedelta(hours=1))
        case "another signer":
            sti.lists(sequence=6, by=sti._administrator())
    if restarted:
        with pytest.raises(IdentityUnfit, match="certificate-revoked"):
            load_identity(sti.files(), NOW)
        return
    for later in (NOW, NOW + timedelta(days=3)):
        identity, unfit = look_again(running, later)
        assert identity is None
        assert unfit is not None
        assert unfit.reason == "certificate-revoked"
    # a newer one says that it is good after all
    sti.lists(sequence=7)
    assert look_again(running, NOW)[0] is not None


@pytest.mark.parametrize("x5u", [ONE_URL, OWN_URLS])
def test_a_list_that_is_held_ends_when_it_says_so(sti: Sti, x5u: str) -> None:
    """Property 20: a damaged file leaves the one before, and no longer than that says itself."""
    sti.lists(sequence=7, expires=NOW + timedelta(hours=1))
    running = load_identity(sti.files(x5u), NOW)
    sti.list_file.write_text("nonsense")
    assert look_again(running, NOW + timedelta(hours=1))[1] is None
    identity, unfit = look_again(running, NOW + timedelta(hours=1, seconds=1))
    assert identity is None
    assert unfit is not None
    assert unfit.reason == "trusted-list-refused"


def test_a_list_under_an_administrator_that_has_ended(sti: Sti) -> None:
    """A stolen old key signs nothing, whoever left its certificate in the file."""
    ended = sti.administrator.certificate.not_valid_after_utc + timedelta(seconds=1)
    sti.lists(expires=ended + timedelta(days=1))
    with pytest.raises(IdentityUnfit, match=r"trusted-list-refused.*list-signer-unfit"):
        load_identity(sti.files(), ended)


def test_what_no_parser_foresaw_is_unfit_too(sti: Sti, monkeypatch: pytest.MonkeyPatch) -> None:
    """A curve that the library does not know is neither fit nor a reason to stop looking (t3)."""
    running, own = load_identity(sti.files(), NOW), load_identity(sti.files(OWN_URLS), NOW)

    def raises(**_: object) -> None:
        raise UnsupportedAlgorithm("secp160r1")

    monkeypatch.setattr(identity_module, "check_signing_certificate", raises)
    with pytest.raises(IdentityUnfit, match=r"identity-unreadable.*UnsupportedAlgorithm"):
        load_identity(sti.files(), NOW)
    for one in (running, own):
        identity, unfit = look_again(one, NOW)
        assert identity is None
        assert unfit is not None
        assert unfit.reason == "identity-unreadable"


def test_a_list_that_grew_too_old_is_no_word(sti: Sti) -> None:
    hard = load_identity(sti.files(hard=True), NOW)
    sti.crl_file.unlink()
    # to its end, and a day more
    assert look_again(hard, NOW + timedelta(days=2))[1] is None
    identity, unfit = look_again(hard, NOW + timedelta(days=2, seconds=1))
    assert identity is None
    assert unfit is not None
    assert unfit.reason == "revocation-unknown"


def test_a_new_chain_is_taken_without_a_restart(sti: Sti) -> None:
    running = load_identity(sti.files(OWN_URLS), NOW)
    assert running.x5u == OWN_URLS + published_name("709J", sti.chain.read_bytes())
    sti.write_chain(renewed := sti.signing())
    identity, unfit = look_again(running, NOW)
    assert unfit is None
    assert identity is not None
    assert identity.certificate == renewed
    assert identity.x5u == OWN_URLS + published_name("709J", sti.chain.read_bytes()) != running.x5u


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [(c[1], c[2]) for c in CAUSES if c[0] not in ("revoked", "not on the list")],
)
def test_where_each_chain_has_its_own_url_one_that_is_not_fit_is_not_taken(
    sti: Sti, spoil: Spoil, cause: str
) -> None:
    running = load_identity(sti.files(OWN_URLS), NOW)
    spoil(sti)
    identity, unfit = look_again(running, NOW)
    assert identity is not None
    assert (identity.certificate, identity.x5u) == (running.certificate, running.x5u)
    assert unfit is not None
    assert unfit.reason == cause
    # until it is not fit itself
    sti.lists(revoked=[running.certificate])
    identity, unfit = look_again(running, NOW)
    assert identity is None
    assert unfit is not None
    assert unfit.reason == "certificate-revoked"


@pytest.mark.parametrize("x5u", [ONE_URL, OWN_URLS])
@pytest.mark.parametrize("mode", [0o604, 0o640, 0o602])
def test_a_key_that_others_can_read_or_replace_signs_no_more(sti: Sti, x5u: str, mode: int) -> None:
    """Also the certificate before does not go on with it, which goes on with any other fault of the files."""
    running = load_identity(sti.files(x5u), NOW)
    key = sti.directory / "key.pem"
    key.chmod(mode)
    identity, unfit = look_again(running, NOW)
    assert identity is None
    assert str(unfit) == f"key-file-open-to-others: {key}: mode {mode:04o}; it must be 0600 or less"
    key.chmod(0o600)
    assert look_again(running, NOW)[1] is None


@pytest.mark.parametrize("look", [load_identity, check_files])
def test_another_url_than_verifiers_fetch(
    sti: Sti, look: Callable[[IdentityFiles, datetime], object]
) -> None:
    with pytest.raises(IdentityUnfit, match="x5u-invalid"):
        look(sti.files("http://cert.example.com/1.pem"), NOW)


@pytest.mark.parametrize("kind", ["nonsense", "of another kind"])
def test_without_the_key_of_evidence_it_does_not_start(sti: Sti, kind: str) -> None:
    file = sti.files().evidence_key
    other = new_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    file.write_bytes(b"nonsense" if kind == "nonsense" else other)
    with pytest.raises(IdentityUnfit) as unfit:
        load_identity(sti.files(), NOW)
    assert str(unfit.value).startswith(f"evidence-key-unreadable: {file}: ")


def rsa_key(sti: Sti) -> None:
    key = rsa.generate_private_key(65537, 2048)
    (sti.directory / "key.pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )


def other_curve(sti: Sti) -> None:
    sti.write_key(ec.generate_private_key(ec.SECP384R1()))


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [
        (lambda _: None, ""),
        (rsa_key, "key-not-p256"),
        (other_curve, "key-not-p256"),
        (lambda s: (s.directory / "key.pem").unlink(), "file-unreadable"),
        (lambda s: s.write_key(new_key()), "certificate-key-mismatch"),
        (lambda s: s.write_chain(s.signing(spc="809J")), "certificate-spc-mismatch"),
        (lambda s: s.write_chain(s.signing(issuer=another(s))), "chain-not-trusted"),
    ],
)
@pytest.mark.parametrize("listed", [True, False])
def test_a_person_s_key_and_chain_are_looked_at_before_they_are_relied_on(
    sti: Sti, spoil: Spoil, cause: str, listed: bool
) -> None:
    if not listed:  # a node's first day: nobody has said whom to trust
        sti.list_file.unlink()
    spoil(sti)
    if not cause or (cause == "chain-not-trusted" and not listed):
        check_files(sti.files(), NOW)
    else:
        with pytest.raises(IdentityUnfit) as unfit:
            check_files(sti.files(), NOW)
        assert unfit.value.reason == cause
    assert list((sti.directory / "kept").iterdir()) == []


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [
        (lambda s: (s.chain.unlink(), s.list_file.unlink(), s.crl_file.unlink()), "certificate-awaited"),
        (lambda s: s.write_chain(s.signing(now=NOW - timedelta(days=91))), "certificate-expired"),
        (lambda s: s.write_chain(s.signing(spc="809J")), "certificate-spc-mismatch"),
    ],
    ids=["the first", "the next", "the one for another code"],
)
def test_who_has_ordered_a_certificate_waits_for_it(sti: Sti, spoil: Spoil, cause: str) -> None:
    """Property 3: and nobody else does: where no order is under way the start is refused."""
    spoil(sti)
    with pytest.raises(IdentityUnfit) as unfit:
        begin(sti.files(), NOW)
    assert unfit.value.reason == ("file-unreadable" if cause == "certificate-awaited" else cause)
    waits = begin(replace(sti.files(), ordered=True), NOW)
    assert isinstance(waits, Awaited)
    assert (waits.unfit.reason, waits.serial, waits.x5u) == (cause, "", ONE_URL)
    again, wrong = look_again(waits, NOW)
    assert again is None
    assert wrong is not None
    assert wrong.reason == cause
    # one that is not fit is not taken
    sti.lists()
    sti.write_chain(sti.signing(spc="809J"))
    again, wrong = look_again(waits, NOW)
    assert again is None
    assert wrong is not None
    assert wrong.reason == "certificate-spc-mismatch"
    # the one that was ordered
    certificate = sti.signing()
    sti.write_chain(certificate)
    again, wrong = look_again(waits, NOW)
    assert wrong is None
    assert again is not None
    assert again.certificate == certificate


def test_while_the_chain_is_as_it_was_nothing_else_is_read(sti: Sti, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked at each second: no token is opened, and no list read, but twice a minute."""
    sti.write_chain(sti.signing(now=NOW - timedelta(days=80)))
    at = NOW + timedelta(days=20)
    waits = begin(replace(sti.files(), ordered=True), at)
    assert isinstance(waits, Awaited)
    lists, read = waits.held, list[datetime]()

    def reading(files: IdentityFiles, held: HeldLists | None, now: datetime) -> Identity:
        assert held is lists
        read.append(now)
        return whole(files, held, now)

    whole = identity_module._read_identity
    monkeypatch.setattr(identity_module, "_read_identity", reading)
    for second in range(61):
        found, unfit = look_again(waits, at + timedelta(seconds=second))
        assert found is None
        assert unfit is not None
        assert unfit.reason == "certificate-expired"
    assert read == [at + timedelta(seconds=30), at + timedelta(seconds=60)]
    # a clock that was wrong is put right
    found, _ = look_again(waits, NOW + timedelta(days=5))
    assert found is not None
    # what is wrong with a chain that came is looked at each second: it may be the list that is late
    sti.write_chain(sti.signing(now=at + timedelta(days=2)))
    read.clear()
    for second in range(61, 64):
        assert look_again(waits, at + timedelta(seconds=second))[0] is None
    assert len(read) == 3
    sti.write_chain(sti.signing())
    found, _ = look_again(waits, at + timedelta(seconds=64))
    assert found is not None
    assert found.held is lists


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [
        (lambda s: s.write_key(new_key()), "certificate-key-mismatch"),
        (lambda s: (s.directory / "key.pem").chmod(0o604), "key-file-open-to-others"),
        (lambda s: s.chain.write_text(""), "certificate-unreadable"),
        (lambda s: (s.chain.unlink(), (s.directory / "key.pem").unlink()), "file-unreadable"),
        (lambda s: (s.chain.unlink(), s.chain.mkdir()), "file-unreadable"),
        (
            lambda s: (s.chain.unlink(), (s.directory.parent / "pki" / "evidence.pub").unlink()),
            "file-unreadable",
        ),
    ],
)
def test_what_is_wrong_otherwise_is_waited_for_by_nobody(sti: Sti, spoil: Spoil, cause: str) -> None:
    """Property 3: no certificate that is ordered puts it right, and it does not start."""
    assert isinstance(begin(replace(sti.files(), ordered=True), NOW), Identity)
    spoil(sti)
    with pytest.raises(IdentityUnfit) as unfit:
        begin(replace(sti.files(), ordered=True), NOW)
    assert unfit.value.reason == cause
