"""Property 22: every rule of the certificate profile has a good and a bad sample of our own making."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding

from stirkit import pki
from stirkit.der import element
from stirkit.pki import Plan
from trunkward.shaken import der
from trunkward.shaken.profile import RULES, Kind, constraints_of, lint
from trunkward.shaken.tnauthlist import TN_AUTH_LIST

END, DELEGATE, BETWEEN, GIVING = Kind.END_ENTITY, Kind.DELEGATE, Kind.INTERMEDIATE, Kind.DELEGATING


def good(kind: Kind) -> Plan:
    if kind is END:
        return pki.leaf(pki.intermediate())
    if kind is DELEGATE:
        return pki.delegate(pki.delegating(), "12025550100")
    plan = pki.authority("SHAKEN Example Intermediate", issuer=pki.root())
    return plan if kind is BETWEEN else plan.having(pki.number_list("12025550100"))


def broken(plan: Plan, kind: Kind) -> list[tuple[str, bool]]:
    return [(finding.code, finding.binding) for finding in lint(plan.issue().x509, kind)]


type Change = Callable[[Plan], Plan]


def having(extension: x509.ExtensionType, *, critical: bool = False) -> Change:
    return lambda plan: plan.having(extension, critical=critical)


def without(extension: type[x509.ExtensionType] | x509.ObjectIdentifier) -> Change:
    oid = extension if isinstance(extension, x509.ObjectIdentifier) else extension.oid
    return lambda plan: plan.without(oid)


def listing(der: str) -> Change:
    return having(pki.raw(TN_AUTH_LIST, der))


BASIC = x509.BasicConstraints

#: Rule, kind, whether it binds a verifier, the one change that breaks it.
BAD: list[tuple[str, Kind, bool, Change]] = [
    ("certificate-serial", END, False, lambda plan: replace(plan, serial=1 << 55)),
    ("certificate-serial", BETWEEN, False, lambda plan: replace(plan, serial=1)),
    ("certificate-signature-algorithm", END, True, lambda plan: replace(plan, algorithm=SHA384())),
    ("certificate-signature-algorithm", BETWEEN, True, lambda plan: replace(plan, algorithm=SHA384())),
    ("certificate-not-p256", END, True, lambda plan: replace(plan, key=pki.new_key(ec.SECP384R1()))),
    ("certificate-not-p256", BETWEEN, True, lambda plan: replace(plan, key=pki.new_key(ec.SECP521R1()))),
    ("certificate-name", END, False, lambda plan: replace(plan, subject=pki.name("SHAKEN 709J", C=None))),
    ("certificate-name", DELEGATE, False, lambda plan: replace(plan, subject=pki.name("x", O=None))),
    ("certificate-common-name", END, False, lambda plan: replace(plan, subject=pki.name("709J"))),
    ("certificate-common-name", END, False, lambda plan: replace(plan, subject=pki.name("SHAKEN"))),
    ("certificate-common-name", END, False, lambda plan: replace(plan, subject=pki.name("SHAKEN 809J"))),
    ("certificate-key-identifier", END, False, without(x509.SubjectKeyIdentifier)),
    ("certificate-key-identifier", END, False, without(x509.AuthorityKeyIdentifier)),
    ("certificate-key-identifier", BETWEEN, False, without(x509.AuthorityKeyIdentifier)),
    ("certificate-crl-distribution-point", END, False, without(x509.CRLDistributionPoints)),
    ("certificate-crl-distribution-point", END, False, having(pki.points(None))),
    (
        "certificate-crl-distribution-point",
        END,
        False,
        having(
            x509.CRLDistributionPoints(
                [x509.DistributionPoint(None, None, None, [x509.DirectoryName(pki.ADMINISTRATOR)])]
            )
        ),
    ),
    ("certificate-basic-constraints", END, True, without(BASIC)),
    ("certificate-basic-constraints", END, True, having(BASIC(ca=False, path_length=None))),
    ("certificate-basic-constraints", BETWEEN, True, having(BASIC(ca=True, path_length=None))),
    ("certificate-is-an-authority", END, True, having(BASIC(ca=True, path_length=0), critical=True)),
    ("certificate-is-an-authority", DELEGATE, True, having(BASIC(ca=True, path_length=0), critical=True)),
    ("certificate-is-no-authority", BETWEEN, True, having(BASIC(ca=False, path_length=None), critical=True)),
    ("certificate-is-no-authority", GIVING, True, having(BASIC(ca=False, path_length=None), critical=True)),
    ("certificate-key-usage", END, True, without(x509.KeyUsage)),
    ("certificate-key-usage", END, True, having(pki.usage("digital_signature"))),
    (
        "certificate-key-usage",
        END,
        True,
        having(pki.usage("digital_signature", "key_agreement"), critical=True),
    ),
    ("certificate-key-usage", END, True, having(pki.usage("content_commitment"), critical=True)),
    ("certificate-key-usage", BETWEEN, True, having(pki.usage("crl_sign"), critical=True)),
    ("certificate-policy", END, True, without(x509.CertificatePolicies)),
    ("certificate-policy", END, True, having(pki.policies("1.2.3"))),
    ("certificate-policy", END, True, having(pki.policies("2.16.840.1.114569.1.1.3", "1.2.3"))),
    ("certificate-policy", BETWEEN, False, without(x509.CertificatePolicies)),
    ("certificate-tnauthlist-missing", END, True, without(TN_AUTH_LIST)),
    ("certificate-tnauthlist-missing", DELEGATE, True, without(TN_AUTH_LIST)),
    ("certificate-tnauthlist-missing", GIVING, True, without(TN_AUTH_LIST)),
    # two codes; a number; a code of five; of lower case; in another string; something behind; cut off
    ("certificate-tnauthlist-malformed", END, True, listing("3010a006160437303941a006160437303942")),
    ("certificate-tnauthlist-malformed", END, True, listing("300fa20d160b3132303235353530313030")),
    ("certificate-tnauthlist-malformed", END, True, listing("3009a0071605373039414a")),
    ("certificate-tnauthlist-malformed", END, True, listing("3008a00616043730396a")),
    ("certificate-tnauthlist-malformed", END, True, listing("3008a0060c043730394a")),
    ("certificate-tnauthlist-malformed", END, True, listing("3008a00616043730394a00")),
    ("certificate-tnauthlist-malformed", END, True, listing("30")),
    # a code in a delegate's list
    ("certificate-tnauthlist-malformed", DELEGATE, True, listing("3008a00616043730394a")),
    ("certificate-tnauthlist-malformed", GIVING, True, listing("3000")),
    ("certificate-tnauthlist-on-authority", BETWEEN, False, having(pki.spc_list("709J"))),
    ("certificate-claim-constraints", DELEGATE, True, having(pki.raw(pki.CONSTRAINTS, "3000"))),
    (
        "certificate-claim-constraints",
        DELEGATE,
        True,
        lambda plan: plan.having(pki.raw(pki.CONSTRAINTS, "3009a00730051603726364")).having(
            pki.raw(pki.ENHANCED, "3009a00730051603726364")
        ),
    ),
    (
        "certificate-foreign-extension",
        END,
        False,
        having(x509.SubjectAlternativeName([x509.DNSName("example.com")])),
    ),
    ("certificate-foreign-extension", END, False, having(pki.raw(pki.CONSTRAINTS, "3009a00730051603726364"))),
]


@pytest.mark.parametrize("kind", Kind)
def test_good_sample_breaks_no_rule(kind: Kind) -> None:
    assert broken(good(kind), kind) == []


def test_good_sample_of_a_delegate_with_constraints() -> None:
    plan = good(DELEGATE).having(pki.raw(pki.ENHANCED, "3009a00730051603726364"))
    assert broken(plan, DELEGATE) == []


@pytest.mark.parametrize(("code", "kind", "binding", "change"), BAD)
def test_bad_sample_breaks_its_rule_alone(code: str, kind: Kind, binding: bool, change: Change) -> None:
    assert broken(change(good(kind)), kind) == [(code, binding)]


def test_critical_extension_nobody_knows_binds() -> None:
    strange = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.32473.1"), b"\x05\x00")
    plan = good(END).having(strange, critical=True)
    assert broken(plan, END) == [
        ("certificate-critical-extension", True),
        ("certificate-foreign-extension", False),
    ]


def test_certificate_of_version_1_is_seen() -> None:
    # no library makes one any more: the same certificate without its version and its extensions
    certificate = good(END).issue().x509.public_bytes(Encoding.DER)
    tbs, *rest = der.elements(der.only(certificate, der.SEQUENCE))
    kept = b"".join(element(tag, content) for tag, content in der.elements(tbs[1]) if tag not in (0xA0, 0xA3))
    old = element(der.SEQUENCE, kept) + b"".join(element(tag, content) for tag, content in rest)
    found = x509.load_der_x509_certificate(element(der.SEQUENCE, old))
    assert lint(found, END)[0].code == "certificate-version"


def test_extension_that_came_twice_is_unreadable() -> None:
    plan = good(END)
    one = plan.issue().x509.public_bytes(Encoding.DER)
    # the identifier of the key usage becomes that of the basic constraints: two of one kind
    spoilt = one.replace(bytes.fromhex("0603551d0f"), bytes.fromhex("0603551d13"))
    assert spoilt != one
    findings = lint(x509.load_der_x509_certificate(spoilt), END)
    assert [(finding.code, finding.binding) for finding in findings] == [("certificate-malformed", True)]


def test_every_rule_has_a_bad_sample() -> None:
    shown = {code for code, *_ in BAD} | {"certificate-critical-extension", "certificate-version"}
    assert shown == {rule.code for rule in RULES}


def test_example_of_rfc9118_is_read() -> None:
    example = Path(__file__).parents[2] / "vectors" / "shaken" / "rfc9118-certificate.json"
    pem = "\n".join(json.loads(example.read_text())["certificate"]).encode()
    (constraints,) = constraints_of(x509.load_pem_x509_certificate(pem))
    assert constraints.must_include == {"confidence"}
    assert constraints.permitted == {"confidence": {"high", "medium"}}
    assert constraints.must_exclude == {"priority"}
