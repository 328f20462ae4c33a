"""Which parties of the running configuration the call test can play itself: those on loopback addresses."""

from ipaddress import ip_address

import msgspec

from trunkward.calls.attempt import Transport as Signalling
from trunkward.calltest.parties import Lab, LabParty, LabShaken, Media, NotALabError, PartyKind, Transport
from trunkward.control.blocks import needs_blocks, signs_for
from trunkward.control.declared import InForce
from trunkward.engines.pki_files import PkiFiles
from trunkward.settings import Paths
from trunkward.trunks.callers import OtherCaller
from trunkward.trunks.model import Carrier, Declared, Host, MediaPolicy, Trunk
from trunkward.trunks.signing import Certificates

#: Subscriber numbers the carriers are called at (555-01xx is reserved for documentation), and where.
_CALLED = "5550142"
_AREAS = ("202", "303", "312", "415")
#: What a number that is in no inventory ends with.
_FOREIGN = "5550199"


def read_lab(paths: Paths) -> Lab:
    """The lab of the configuration in force. Raises `NotALabError` saying what is missing."""
    try:
        in_force = msgspec.json.decode(paths.declared.read_bytes(), type=InForce)
    except (msgspec.MsgspecError, UnicodeDecodeError) as problem:
        raise NotALabError(f"{paths.declared}: cannot be read: {problem}") from None
    except FileNotFoundError:
        raise NotALabError(
            f"no node has been started here yet ({paths.declared}); start one: ./trunkward up"
        ) from None
    declared = in_force.declared()
    if (source := declared.node.signing.certificates) is not Certificates.TEST:
        raise NotALabError(
            "its calls are for a laboratory, under the TEST authority that up makes, and this node signs"
            f" under another (identity.certificates: {source}): nothing was placed. Instead: ./trunkward try"
            " says what a call would get; of a real call ./trunkward why ID says how it was signed, and"
            " ./trunkward verify-identity whether a signature is good; to place calls, start a second node"
            " with identity.certificates: test, on another machine"
        )
    pki = PkiFiles(paths.pki)
    trunk = next(
        (
            trunk
            for trunk in declared.trunks
            if trunk.enabled
            and trunk.certificate_issued_here
            and _loops(trunk.host)
            # what its calls are signed with convinces nobody
            and not needs_blocks(declared, signs_for(declared, trunk))
        ),
        None,
    )
    secure = _carrier(declared, Signalling.TLS)
    plain = _carrier(declared, Signalling.UDP)
    missing = [
        what
        for what, found in (
            # its PBX believes the node's own authority, and no other
            ("`certificate: local`", declared.node.certificate is None or None),
            (
                "a trunk with `client_certificate: issued` and a host on a loopback address, signed TEST",
                trunk,
            ),
            ("a carrier with `transport: tls` and `ca: local` on a loopback address", secure),
            ("a carrier with `transport: udp` on a loopback address", plain),
        )
        if found is None
    ]
    if missing or trunk is None or secure is None or plain is None:
        raise NotALabError(
            f"call-test plays both parties itself; {paths.config} declares no {', no '.join(missing)}"
        )
    return Lab(
        customer=_customer(declared, trunk, pki),
        tls_carrier=_party(declared, secure, pki),
        udp_carrier=_party(declared, plain, pki),
        foreign_number=f"{trunk.numbers[0][:5]}{_FOREIGN}",
        replaced_by=trunk.caller.number if trunk.caller.other is OtherCaller.REPLACE else "",
        shaken=LabShaken(
            authority=pki.shaken_authority,
            authority_key=pki.shaken_authority_key,
            certificate=pki.shaken,
            spc=declared.node.spc,
            x5u=declared.node.x5u,
            administered=declared.node.policy_administrator is not None,
        ),
        node_hosts=frozenset(
            (
                *(str(address) for address in declared.node.addresses + declared.node.media_addresses),
                *declared.node.contact_hosts,
            )
        ),
    )


def _customer(declared: Declared, trunk: Trunk, pki: PkiFiles) -> LabParty:
    assert trunk.host is not None
    return LabParty(
        kind=PartyKind.CUSTOMER,
        name=trunk.name,
        sip_host=trunk.host.host,
        sip_port=trunk.host.port,
        transport=Transport.TLS,
        media=Media.SDES,
        numbers=trunk.numbers,
        sbc_host=str(declared.node.address),
        sbc_port=declared.node.tls_port,
        certificate=pki.peer(trunk.name),
        private_key=pki.peer_key(trunk.name),
        ca=pki.sip_authority,
    )


def _party(declared: Declared, carrier: Carrier, pki: PkiFiles) -> LabParty:
    secure = carrier.transport is Signalling.TLS
    return LabParty(
        kind=PartyKind.CARRIER,
        name=carrier.name,
        sip_host=carrier.hosts[0].host,
        sip_port=carrier.hosts[0].port,
        transport=Transport.TLS if secure else Transport.UDP,
        media=Media.SDES if carrier.media is MediaPolicy.SRTP else Media.PLAIN,
        numbers=(_called_at(carrier, declared),),
        sbc_host=str(declared.node.address),
        sbc_port=declared.node.tls_port if secure else declared.node.plain_port,
        certificate=pki.peer(carrier.name) if secure else None,
        private_key=pki.peer_key(carrier.name) if secure else None,
        ca=pki.sip_authority if secure else None,
    )


def _called_at(carrier: Carrier, declared: Declared) -> str:
    """A whole number that goes to this carrier and no other. Raises `NotALabError`."""
    for prefix in carrier.prefixes:
        whole = [f"+1{area}{_CALLED}" for area in _AREAS]
        fit = [number for number in whole if number.startswith(prefix)]
        made = prefix + (whole[0][len(prefix) :] if prefix.startswith("+1") else _CALLED)
        for number in (*fit, made):
            if _taken_by(number, declared) is carrier:
                return number
    raise NotALabError(
        f"carrier {carrier.name}: of the numbers call-test could call under its prefixes"
        f" ({', '.join(carrier.prefixes)}) another carrier takes each; give it a longer one, such as +1303"
    )


def _taken_by(number: str, declared: Declared) -> Carrier | None:
    takes = [
        (len(prefix), -place, carrier)
        for place, carrier in enumerate(declared.carriers)
        for prefix in carrier.prefixes
        if carrier.enabled and number.startswith(prefix)
    ]
    return max(takes, key=lambda one: one[:2])[2] if takes else None


def _carrier(declared: Declared, transport: Signalling) -> Carrier | None:
    for carrier in declared.carriers:
        local = carrier.certificate_issued_here or transport is not Signalling.TLS
        if (
            carrier.enabled
            and carrier.transport is transport
            and local
            and carrier.prefixes
            and _loops(carrier.hosts[0])
        ):
            return carrier
    return None


def _loops(host: Host | None) -> bool:
    try:
        return host is not None and ip_address(host.host).is_loopback
    except ValueError:
        return False
