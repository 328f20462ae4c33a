"""What a registration was recognised by: it stands as long as that would be recognised again."""

from copy import replace

import pytest

from trunkward.admission.proofs import proof, proofs
from trunkward.trunks.model import CertifiedBy, Declared, IdentifiedBy

NETWORK, CERTIFICATE, DIGEST = IdentifiedBy.NETWORK, IdentifiedBy.CERTIFICATE, IdentifiedBy.DIGEST
BY = CertifiedBy(ca="/etc/trunkward/acme-ca.pem", subject="pbx.acme.example.com")
SECRETS = ((7, None), (3, 1_800_000_000.0))


@pytest.mark.parametrize(
    ("ways", "by", "made", "stand"),
    [
        # what its connection shows, and nothing else
        ((NETWORK, CERTIFICATE), None, "", None),
        ((DIGEST,), None, "secret 3", (("secret 7", None), ("secret 3", 1_800_000_000.0))),
        (
            (CERTIFICATE,), BY, "pbx.acme.example.com by aa",
            (("pbx.acme.example.com by aa", None),),
        ),
        (
            (CERTIFICATE, DIGEST), BY, "secret 3, pbx.acme.example.com by aa",
            (
                ("secret 7, pbx.acme.example.com by aa", None),
                ("secret 3, pbx.acme.example.com by aa", 1_800_000_000.0),
            ),
        ),
    ],
)  # fmt: skip
def test_it_is_among_what_stands(
    declared: Declared,
    ways: tuple[IdentifiedBy, ...],
    by: CertifiedBy | None,
    made: str,
    stand: tuple[tuple[str, float | None], ...] | None,
) -> None:
    trunk = replace(declared.trunks[0], identified_by=ways, certified_by=by)
    assert proof(trunk, "aa", 3) == made
    assert proofs(trunk, "aa", SECRETS) == stand


def test_without_a_secret_no_registration_by_digest_stands(declared: Declared) -> None:
    trunk = replace(declared.trunks[0], identified_by=(DIGEST,))
    assert proofs(trunk, "", ()) == ()
