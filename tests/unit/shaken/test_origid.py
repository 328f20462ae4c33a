"""origid: stable, separate, opaque."""

from uuid import UUID

import pytest

from trunkward.shaken.origid import derive_ingress_origid, derive_origid

SECRET = bytes(range(32))


def test_known_value_and_uuid_form() -> None:
    # Checked independently: openssl dgst -sha256 -mac HMAC over the domain, both lengths and both names.
    value = derive_origid(SECRET, tenant="acme", trunk="alpha")
    parsed = UUID(value)
    assert (parsed.version, parsed.variant) == (8, "specified in RFC 4122")
    assert value == str(parsed) == GOLDEN


def test_stable_and_different_for_every_trunk_tenant_and_secret() -> None:
    """Property 7: one for each customer and trunk, and of where calls come from that are nobody's we know."""
    values = [
        derive_ingress_origid(SECRET, trunk="alpha"),
        derive_ingress_origid(SECRET, trunk="beta"),
        derive_ingress_origid(SECRET[::-1], trunk="alpha"),
        derive_origid(SECRET, tenant="acme", trunk="alpha"),
        derive_origid(SECRET, tenant="acme", trunk="beta"),
        derive_origid(SECRET, tenant="ac", trunk="mealpha"),
        derive_origid(SECRET, tenant="alpha", trunk="acme"),
        derive_origid(SECRET[::-1], tenant="acme", trunk="alpha"),
    ]
    assert len(set(values)) == len(values)
    assert values[0] == derive_ingress_origid(SECRET, trunk="alpha")
    assert values[3] == derive_origid(SECRET, tenant="acme", trunk="alpha")
    assert not any(name in value for value in values for name in ("acme", "alpha"))


@pytest.mark.parametrize(
    ("secret", "tenant", "trunk"), [(b"short", "a", "b"), (SECRET, "", "b"), (SECRET, "a", "")]
)
def test_refuses_guessable_input(secret: bytes, tenant: str, trunk: str) -> None:
    with pytest.raises(ValueError, match="origid"):
        derive_origid(secret, tenant=tenant, trunk=trunk)


@pytest.mark.parametrize(("secret", "trunk"), [(b"short", "a"), (SECRET, "")])
def test_refuses_guessable_ingress(secret: bytes, trunk: str) -> None:
    with pytest.raises(ValueError, match="origid"):
        derive_ingress_origid(secret, trunk=trunk)


GOLDEN = "e7be0549-1ecc-8e29-af17-79dcad19e399"
