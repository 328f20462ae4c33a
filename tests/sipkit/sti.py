"""A running policy administrator, authority and web server of SHAKEN, and what a provider needs to go there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from trunkward.certificates.identities import Identities
from trunkward.control.pki import request_signing_certificate, revocation_lists
from trunkward.engines.identity_task import IdentitiesTask, IdentityTask, Ordering
from trunkward.shaken.authority_token import Form
from trunkward.shaken.crl import Revocations, read_crl
from trunkward.shaken.trusted_list import TrustedList, read_trusted_list
from trunkward.stiauthority.server import StiAuthority, Where, accounts_of

SPC, OTHER_SPC = "000T", "111T"
PASSWORD = "open sesame"


def new_key(file: Path) -> ec.EllipticCurvePrivateKey:
    """A P-256 key, in a file, too."""
    key = ec.generate_private_key(ec.SECP256R1())
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return key


class Provider:
    """A provider's files below one directory, and the authorities it goes to."""

    def __init__(
        self, directory: Path, *, lifetime: timedelta = timedelta(days=90), where: Where | None = None
    ) -> None:
        """Nothing runs yet; `lifetime`: of certificates."""
        self.directory = directory
        self.published = directory / "published"
        self.identities = directory / "identities"
        for made in (self.published, self.identities):
            made.mkdir(parents=True, exist_ok=True)
        self.sti = StiAuthority.at(
            directory / "sti",
            accounts=accounts_of([SPC, OTHER_SPC], user="tester", password=PASSWORD),
            where=where,
            published=self.published,
        )
        self.sti.authority.lifetime = lifetime
        self.account_key = directory / "account.key"
        new_key(self.account_key)
        self.key_file = directory / "signing.key"
        self.key = new_key(self.key_file)
        self.password = directory / "password"
        self.password.write_text(f"{PASSWORD}\n")
        self.request = directory / "request.csr"
        self.ask_for(self.key)

    @property
    def administrator(self) -> x509.Certificate:
        """The policy administrator's certificate."""
        return self.sti.home.administrator.certificate

    @property
    def trust(self) -> Path:
        """What the HTTPS of all three servers is checked against."""
        return self.sti.home.https_authority

    @property
    def chain(self) -> Path:
        """The chain in use."""
        return self.identities / "node.pem"

    def ask_for(self, key: ec.EllipticCurvePrivateKey, spc: str = SPC) -> None:
        """From now on the request is for this key, and code."""
        where = revocation_lists(self.sti.administrator.revocations_url, [self.administrator])
        self.request.write_bytes(request_signing_certificate(key, spc, where))

    def issued(self, spc: str = SPC) -> bytes:
        """A chain for this code and the key there is, out of a whole round with the authorities (PEM)."""
        self.ask_for(self.key, spc)
        self.chain.unlink(missing_ok=True)
        Identities(self.task(spc=spc)).round(datetime.now(UTC))
        return self.chain.read_bytes()

    def task(
        self,
        *,
        list_every_s: int = 3600,
        revocations_every_s: int = 3600,
        token_key: str = "tkauth",
        fingerprint: Form = Form.DER,
        spc: str = SPC,
    ) -> IdentitiesTask:
        """What the process is told."""
        trust = str(self.trust)
        ordering = Ordering(
            directory=self.sti.directory_url,
            trusted=trust,
            account_key=str(self.account_key),
            request=str(self.request),
            contact="",
            external_key_id="",
            external_key="",
            fingerprint=fingerprint,
            token_key=token_key,
            account=spc,
            user=f"tester-{spc}",
            password=str(self.password),
        )
        return IdentitiesTask(
            administrator=self.sti.administrator.url,
            certificates=str(self.sti.home.administrator_certificate),
            trusted=trust,
            list_every_s=list_every_s,
            revocations_every_s=revocations_every_s,
            trusted_list=str(self.identities / "trusted-list.jwt"),
            revocations=str(self.identities / "crl.der"),
            identities=[
                IdentityTask(
                    name="node",
                    spc=spc,
                    x5u=self.sti.published_url,
                    chain=str(self.chain),
                    published_trusted=trust,
                    publish=str(self.published),
                    address=self.sti.where.address,
                    ordering=ordering,
                )
            ],
        )

    def trusted_list(self, now_s: float) -> TrustedList:
        """As a signer or a gate reads it."""
        token = (self.identities / "trusted-list.jwt").read_bytes()
        return read_trusted_list(token, [self.administrator], now_s)

    def revocations(self, now_s: float) -> Revocations:
        """The same of the revocation list."""
        return read_crl((self.identities / "crl.der").read_bytes(), [self.administrator], now_s)
