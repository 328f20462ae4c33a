"""What a certificate lets its holder claim: JWTClaimConstraints (RFC 8226 section 8), Enhanced (RFC 9118)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.x509 import ObjectIdentifier

from trunkward.shaken import der
from trunkward.shaken.der import MalformedDer
from trunkward.shaken.passport import deterministic_json

#: id-pe-JWTClaimConstraints, id-pe-eJWTClaimConstraints.
JWT_CLAIM_CONSTRAINTS = ObjectIdentifier("1.3.6.1.5.5.7.1.27")
ENHANCED_JWT_CLAIM_CONSTRAINTS = ObjectIdentifier("1.3.6.1.5.5.7.1.33")

_MUST_INCLUDE, _PERMITTED_VALUES, _MUST_EXCLUDE = der.context(0), der.context(1), der.context(2)
#: Every PASSporT has these; RFC 9118 section 3: an exclusion of one of them makes the extension void.
_ALWAYS = frozenset(("dest", "iat", "orig"))


class ConstraintsError(ValueError):
    """Not such an extension in DER."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimConstraints:
    """The constraints of one certificate."""

    must_include: frozenset[str] = frozenset()
    #: By claim: what it may be, if it is there at all.
    permitted: Mapping[str, frozenset[str]]
    must_exclude: frozenset[str] = frozenset()

    def broken_by(self, claims: Mapping[str, Any]) -> str:
        """What in these claims the certificate does not allow, for people; empty if nothing."""
        if missing := self.must_include - claims.keys():
            return f"claims that must be there are not: {', '.join(sorted(missing))}"
        if extra := self.must_exclude & claims.keys():
            return f"claims that must not be there are: {', '.join(sorted(extra))}"
        for name, values in self.permitted.items():
            if name in claims and _text(claims[name]) not in values:
                return f"{name} has a value the certificate does not permit"
        return ""


def _text(value: object) -> str:
    """A claim as a certificate writes it: a text as it is, all else as JSON (RFC 9795 section 6.3)."""
    return value if isinstance(value, str) else deterministic_json(value).decode()


def decode_constraints(data: bytes, *, enhanced: bool) -> ClaimConstraints:
    """Read one of the two extensions. Raises `ConstraintsError`."""
    include: frozenset[str] = frozenset()
    exclude: frozenset[str] = frozenset()
    permitted: dict[str, frozenset[str]] = {}
    seen: list[int] = []
    try:
        for tag, content in der.elements(der.only(data, der.SEQUENCE)):
            seen.append(tag)
            if tag == _MUST_INCLUDE:
                include = _names(content)
            elif tag == _PERMITTED_VALUES:
                permitted = _permitted(content)
            elif tag == _MUST_EXCLUDE and enhanced:
                exclude = _names(content)
            else:
                raise MalformedDer("a constraint of no kind")
        if not seen or seen != sorted(set(seen)):
            raise MalformedDer("no constraints, or not in their order")
    except MalformedDer as error:
        raise ConstraintsError(str(error)) from None
    if exclude & _ALWAYS:
        return ClaimConstraints(permitted={})
    return ClaimConstraints(must_include=include, permitted=permitted, must_exclude=exclude)


def _names(content: bytes) -> frozenset[str]:
    names = [_name(tag, name) for tag, name in der.elements(der.only(content, der.SEQUENCE))]
    if not names:
        raise MalformedDer("an empty list")
    return frozenset(names)


def _name(tag: int, content: bytes) -> str:
    if tag != der.IA5_STRING or not content:
        raise MalformedDer("a claim without a name")
    return der.text(content, "ascii")


def _permitted(content: bytes) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for tag, one in der.elements(der.only(content, der.SEQUENCE)):
        parts = list(der.elements(one))
        if tag != der.SEQUENCE or len(parts) != 2 or parts[1][0] != der.SEQUENCE:
            raise MalformedDer("values without a claim")
        values = list(der.elements(parts[1][1]))
        name = _name(*parts[0])
        if not values or name in found or any(kind != der.UTF8_STRING for kind, _ in values):
            raise MalformedDer("a claim without values, or named twice")
        found[name] = frozenset(der.text(value, "utf-8") for _, value in values)
    if not found:
        raise MalformedDer("an empty list")
    return found
