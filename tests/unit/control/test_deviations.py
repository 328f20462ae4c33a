"""What a configuration allows beyond the secure default is named, whatever it is."""

from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from trunkward.control.deviations import deviations
from trunkward.control.node_file import read_node_file
from trunkward.sip.transport import Transport
from trunkward.trunks.model import AcmeSettings, Declared, Host, IdentifiedBy, MediaPolicy
from trunkward.trunks.signing import Certificates, SigningSource
from trunkward.trunks.transit import SigningIdentity

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")


@pytest.fixture
def secure() -> Declared:
    """The example without what deviates in it."""
    text = EXAMPLE[: EXAMPLE.index("  - name: south")]
    for line in ("  unsafe_trusted_clock: true\n", "  unsafe_fictional_numbers: true\n"):
        assert line in text
        text = text.replace(line, "")
    declared = read_node_file(text, "node.yaml")
    return replace(
        declared, trunks=tuple(replace(trunk, certificate_sha256="ab" * 32) for trunk in declared.trunks)
    )


def said(declared: Declared) -> list[str]:
    return [f"{deviation.where}: {deviation.what}" for deviation in deviations(declared)]


def test_the_secure_default_has_none(secure: Declared) -> None:
    assert said(secure) == []


def test_a_trunk_without_a_certificate(secure: Declared) -> None:
    open_trunk = replace(secure.trunks[0], identified_by=(IdentifiedBy.NETWORK,), certificate_sha256="")
    found = said(replace(secure, trunks=(open_trunk,)))
    assert found == ["trunk acme-hq: recognised by network alone, without a client certificate"]
    assert said(replace(secure, trunks=(replace(open_trunk, enabled=False),))) == []


@pytest.mark.parametrize("everywhere", ["0.0.0.0/0", "::/0"])
def test_a_trunk_whose_network_is_everywhere(secure: Declared, everywhere: str) -> None:
    trunk = replace(secure.trunks[0], networks=(ip_network(everywhere),))
    (found,) = said(replace(secure, trunks=(trunk,)))
    assert found.startswith("trunk acme-hq: its network is the whole Internet")
    by_certificate = replace(trunk, identified_by=(IdentifiedBy.CERTIFICATE,))
    assert said(replace(secure, trunks=(by_certificate,))) == []


def test_a_trunk_with_md5(secure: Declared) -> None:
    weak = replace(secure.trunks[0], unsafe_md5=True)
    assert said(replace(secure, trunks=(weak,))) == ["trunk acme-hq: its digest may be MD5, which is broken"]


@pytest.mark.parametrize("transport", [Transport.UDP, Transport.TCP])
def test_a_plain_carrier(secure: Declared, transport: Transport) -> None:
    plain = replace(secure.carriers[0], name="south", transport=transport, media=MediaPolicy.RTP)
    found = said(replace(secure, carriers=(*secure.carriers, plain)))
    assert found == [
        f"carrier south: signalling in clear over {transport.value.upper()}",
        "carrier south: media in clear (RTP)",
    ]
    assert said(replace(secure, carriers=(*secure.carriers, replace(plain, enabled=False)))) == []


def test_a_plain_carrier_found_by_dns(secure: Declared) -> None:
    north = secure.carriers[0]
    named = replace(north, name="east", hosts=(Host(host="east.example.net"),))
    assert said(replace(secure, carriers=(north, named))) == []
    plain = replace(named, transport=Transport.UDP)
    assert (
        "carrier east: found by DNS, which nothing proves here: who commands its DNS gets its calls"
        in said(replace(secure, carriers=(north, plain)))
    )


def test_a_trunk_that_may_speak_tls_1_2(secure: Declared) -> None:
    found = said(replace(secure, trunks=(replace(secure.trunks[0], unsafe_tls12=True, enabled=False),)))
    assert found == ["trunk acme-hq: may speak TLS 1.2, on port 5062 and where we connect to it"]


def test_a_trunk_behind_nat(secure: Declared) -> None:
    found = said(replace(secure, trunks=(replace(secure.trunks[0], behind_nat=True),)))
    what = "behind NAT: its media is where its signalling comes from, not where its SDP says"
    assert found == [f"trunk acme-hq: {what}"]


@pytest.mark.parametrize("changed", [{"emergency": False}, {"enabled": False}])
def test_nobody_takes_emergency_calls(secure: Declared, changed: dict[str, bool]) -> None:
    (north,) = secure.carriers
    found = said(replace(secure, carriers=(replace(north, **changed),)))  # type: ignore[arg-type]
    assert found == ["node: no enabled carrier has `emergency: true`: nobody takes emergency calls"]


@pytest.mark.parametrize(
    ("address", "shown"),
    [("127.0.0.10", 0), ("::1", 0), ("192.0.2.10", 0), ("2001:db8::10", 0), ("10.1.2.3", 1), ("2600::1", 1)],
)
def test_the_own_authority_where_peers_elsewhere_see_it(secure: Declared, address: str, shown: int) -> None:
    node = replace(secure.node, addresses=(ip_address(address),))
    what = (
        "node: shows a certificate of its own authority: only peers that were given sip-ca.pem can check it"
    )
    signed = (
        "node: calls are signed under its own TEST authority, which no carrier trusts: identity.certificates"
    )
    unsigned = (
        "node: calls go unsigned: its only certificate is of its own TEST authority: identity.certificates"
    )
    on_the_internet = address == "2600::1"
    assert said(replace(secure, node=node)) == [what, unsigned if on_the_internet else signed] * shown
    unsafe = replace(node, unsafe_test_signatures=True)
    assert said(replace(secure, node=unsafe)) == [what, signed] * shown
    public = replace(
        node,
        certificate=AcmeSettings(directory="https://ca.example.net/dir"),
        signing=SigningSource(certificates=Certificates.ACME),
    )
    assert said(replace(secure, node=public)) == []


def test_a_reseller_s_identity_that_nobody_trusts(secure: Declared) -> None:
    node = replace(
        secure.node,
        addresses=(ip_address("10.1.2.3"),),
        certificate=AcmeSettings(directory="https://ca.example.net/dir"),
        signing=SigningSource(certificates=Certificates.ACME),
    )
    resold = {"west": SigningIdentity(spc="111T", x5u="https://cert.example.com/west.pem")}
    found = said(replace(secure, node=node, reseller_identities=resold))
    assert found == [
        "reseller west: calls are signed under its own TEST authority, which no carrier trusts: identity.certificates"
    ]


def test_what_only_laboratories_may_do(secure: Declared) -> None:
    node = replace(
        secure.node,
        unsafe_unanchored_media=True,
        unsafe_trusted_clock=True,
        unsafe_fictional_numbers=True,
    )
    found = [line.partition(": ")[2].split()[0] for line in said(replace(secure, node=node))]
    assert found == ["media", "calls", "numbers"]


def test_proof_of_signatures_that_goes_early(secure: Declared) -> None:
    for days, found in (
        (730, []),
        (729, ["node: the proof of signatures is deleted after 729 days, not two years"]),
    ):
        short = replace(secure, retention=replace(secure.retention, signatures_days=days))
        assert said(short) == found
