"""The shape of a node's file: what a person may write, before its parts are compared with each other."""

import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from trunkward.calls.attempt import Transport
from trunkward.control.destination_keys import DestinationsPart
from trunkward.media.suites import ALLOWED
from trunkward.numbering.destinations import Kind
from trunkward.numbering.e164 import E164, NotANumber, is_prefix
from trunkward.numbering.regions import REGIONS
from trunkward.sip.uri import is_hostname
from trunkward.trunks.callers import Diverting, OtherCaller
from trunkward.trunks.model import (
    GRANT_S,
    MAX_CALL_S,
    Address,
    CertifiedBy,
    Host,
    IdentifiedBy,
    MediaPolicy,
    Network,
)

#: Ports below it need a privilege that no process of a node has (ip(7)), and belong to other services.
_MIN_PORT = 1024
#: Ten years.
_MOST_DAYS = 3650
#: Seconds; topos keeps the rows of a call for 24 hours from its start (`engines.kamailio.LONGEST_CALL_S`).
_LONGEST_CALL_S = 82_800
#: Seconds; the edge asks once a second, and a gate may take half of one.
_LEAST_GRANT_S, _MOST_GRANT_S = 4, 3600
_DNS_PORT = 53
#: More than one node carries.
_MOST_CALLS = 100_000
#: One call in a hundred seconds; more than one node judges.
_LEAST_PER_SECOND, _MOST_PER_SECOND = 0.01, 10_000
#: In the place of a trunk's host: its PBX registers, and takes its calls on that connection.
REGISTERED = "registered"
#: In one trunk's inventory; beyond any customer's.
_MOST_NUMBERS = 1_000_000
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_FINGERPRINT = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
#: X.520: a common name has 64 characters at most, a DNS name 253.
_SUBJECT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._@+-]{0,251}[A-Za-z0-9])?", re.ASCII)
#: Stands in quotes in headers, and before a colon in what is hashed.
_USERNAME = re.compile(r"[A-Za-z0-9._+@-]{1,64}", re.ASCII)
_X5U = re.compile(
    r"https://(?P<host>[A-Za-z0-9.-]{1,253})(?::(?:443|8443))?/[A-Za-z0-9._~/-]{1,180}", re.ASCII
)

_DIRECTORY = re.compile(
    r"https://(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::(?P<port>[0-9]{1,5}))?/[!-~]{0,1024}",
    re.ASCII,
)
_MAIL = re.compile(r"[A-Za-z0-9.!#$&'*+/=^_`{|}~-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+", re.ASCII)


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("a name is lower-case letters, digits and hyphens, 1 to 63 of them, such as acme-hq")
    return text


def _dns_name(text: str) -> str:
    if "." not in text or not is_hostname(text) or _is_address(text):
        raise ValueError("write a host name with its domain, such as pbx.acme.example.com")
    return text.lower()


def _host_or_address(text: str) -> str:
    if _is_address(text):
        return str(ip_address(text))
    if not is_hostname(text) or re.fullmatch(r"[0-9.]+", text):
        raise ValueError("write a host name or an IP address, such as sbc.example.com or 192.0.2.10")
    return text.lower()


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _addresses(value: Any) -> tuple[Address, ...]:
    """One address, or a list of one of each IP version."""
    listed = value if isinstance(value, list) else [value]
    addresses = tuple(_address(one) for one in listed)
    if not addresses or len({address.version for address in addresses}) != len(addresses):
        raise ValueError(
            "write one IP address of this machine, or a list of one of each version, such as "
            '[192.0.2.10, "2001:db8::10"]'
        )
    return addresses


def _address(value: Any) -> Address:
    try:
        address = ip_address(value) if isinstance(value, str) else None
    except ValueError:
        address = None
    if address is None or address.is_multicast or address.is_unspecified:
        raise ValueError("write an IP address of this machine to use, such as 192.0.2.10")
    if isinstance(address, IPv6Address) and (
        address.is_link_local or address.ipv4_mapped or address.scope_id
    ):
        raise ValueError("write an IPv6 address that others can reach: no link-local and no IPv4-mapped one")
    return address


def _contact_hosts(value: Any) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(isinstance(one, str) for one in listed):
        raise ValueError("write a host name or an IP address, such as sbc.example.com or 192.0.2.10")
    hosts = tuple(_host_or_address(one) for one in listed)
    versions = [ip_address(host).version for host in hosts if _is_address(host)]
    if len(hosts) > 1 and sorted(versions) != [4, 6]:
        raise ValueError("write one name or address, or a list of two addresses, one of each IP version")
    return hosts


def _network(value: Any) -> Network:
    if not isinstance(value, str):
        raise ValueError("write a network such as 192.0.2.0/24, or one address")
    return _network_of(value)


@lru_cache(maxsize=1 << 16)  # a file and the one before it name the same ones
def _network_of(value: str) -> Network:
    try:
        return ip_network(value)
    except ValueError:
        pass
    try:
        wider = ip_network(value, strict=False)
    except ValueError:
        raise ValueError("write a network such as 192.0.2.0/24, or one address") from None
    raise ValueError(f"{value} has bits set behind its mask; write {wider} for that network")


def _carrier_host(value: Any) -> Host:
    """`host:port`, or a domain alone, whose servers DNS names."""
    if isinstance(value, str) and ":" not in value and not re.fullmatch(r"[0-9.]*", value):
        return Host(host=_dns_name(value))
    try:
        return _host(value)
    except ValueError as problem:
        raise ValueError(f"{problem}; or a domain alone, such as north.example.net") from None


def _resolver(value: Any) -> Host:
    """The address of a DNS server, or its address and port."""
    text = value if isinstance(value, str) else ""
    if _is_address(text):
        return Host(host=str(ip_address(text)), port=_DNS_PORT)
    try:
        host = _host(text)
    except ValueError:
        host = None
    if host is None or host.is_name:
        raise ValueError(
            'write the address of a DNS server, such as 192.0.2.53, 192.0.2.53:5353 or "2001:db8::53"'
        )
    return host


def _trunk_host(value: Any) -> Any:
    """`host:port`, or that the PBX registers."""
    if value == REGISTERED:
        return REGISTERED
    try:
        return _host(value)
    except ValueError as problem:
        raise ValueError(f"{problem}; or registered, for a PBX that registers here") from None


def _host(value: Any) -> Host:
    text = value if isinstance(value, str) else ""
    host, _, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    bare = host[1:-1] if bracketed else host
    is_port = port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65_536
    if not is_port or bracketed != (":" in bare):
        raise ValueError(
            "write host:port, such as 192.0.2.20:5061, [2001:db8::20]:5061 or sip.example.net:5061"
        )
    return Host(host=_host_or_address(bare), port=int(port))


def _number(text: str) -> str:
    try:
        return str(E164(text))
    except NotANumber as problem:
        raise ValueError(f"{problem}; write it as +12025550101") from None


def _national_prefix(text: str) -> str:
    if not re.fullmatch(r"[0-9]{0,4}", text, re.ASCII):
        raise ValueError('up to four digits in quotes, such as "0"; "" where numbers are dialled whole')
    return text


def _dialled_prefix(text: str) -> str:
    if not re.fullmatch(r"[0-9]{1,8}", text, re.ASCII):
        raise ValueError('one to eight digits in quotes, such as "00"')
    return text


def _prefix(text: str) -> str:
    if not is_prefix(text):
        raise ValueError("a prefix is '+' and the first digits of E.164 numbers, such as \"+1202\"")
    return text


def _suite(text: str) -> str:
    if text not in ALLOWED:
        raise ValueError(f"not an SRTP suite this node speaks; choose from {', '.join(ALLOWED)}")
    return text


def _client_certificate(value: Any) -> str | CertifiedBy:
    if isinstance(value, str) and (value == "issued" or _FINGERPRINT.fullmatch(value)):
        return value
    if not isinstance(value, dict):
        raise ValueError(
            "write issued, or sha256: and 64 lower-case hex digits of the certificate's fingerprint, or ca: "
            "and subject: below it"
        )
    return _certified_by(value)


def _certified_by(value: dict[Any, Any]) -> CertifiedBy:
    ca, subject = value.get("ca"), value.get("subject")
    if value.keys() != {"ca", "subject"} or not (isinstance(ca, str) and isinstance(subject, str)):
        raise ValueError("write two keys below it: ca, a PEM file, and subject, who its certificate is for")
    if not _is_path(ca):
        raise ValueError("ca: write the absolute path of a PEM file, such as /etc/trunkward/acme-ca.pem")
    # RFC 5922 section 7.2: whole names; a wildcard is nobody's
    if not _SUBJECT.fullmatch(subject):
        raise ValueError(
            "subject: write the DNS name on the certificate, such as pbx.acme.example.com, or its common name"
        )
    return CertifiedBy(ca=ca, subject=subject.lower())


def _username(text: str) -> str:
    if not _USERNAME.fullmatch(text):
        raise ValueError("a username is 1 to 64 letters, digits and any of . _ + @ -, such as acme-hq")
    return text


def _identified_by(value: Any) -> tuple[IdentifiedBy, ...]:
    known = [way.value for way in IdentifiedBy]
    if not isinstance(value, list) or not value or any(way not in known for way in value):
        raise ValueError(f"write a list of one or more of {', '.join(known)}, all of which must hold")
    if len(set(value)) != len(value):
        raise ValueError("the same way twice")
    return tuple(way for way in IdentifiedBy if way.value in value)


def _ca(text: str) -> str:
    if text != "local" and not _is_path(text):
        raise ValueError(
            "write local, or the absolute path of a PEM file, such as /etc/trunkward/north-ca.pem"
        )
    return text


def _file(text: str) -> str:
    if not _is_path(text):
        raise ValueError("write the absolute path of a file, such as /etc/trunkward/sbc.pem")
    return text


def _place(text: str) -> str:
    if not _is_path(text) or text.endswith("/"):
        raise ValueError("write the absolute path of a directory, such as /etc/trunkward/announcements")
    return text


def _is_path(text: str) -> bool:
    return text.startswith("/") and text.isprintable() and '"' not in text and " " not in text


def _directory(text: str) -> str:
    found = _DIRECTORY.fullmatch(text)
    if not found or not 0 < int(found["port"] or 443) < 65_536:
        raise ValueError(
            "write the https URL of the authority's ACME directory, such as https://ca.example.net/directory"
        )
    return text


def _mail(text: str) -> str:
    # RFC 8555 section 7.3: one address, no header fields
    if not _MAIL.fullmatch(text):
        raise ValueError("write one mail address, such as noc@example.com")
    return text


def _agreed(value: bool) -> bool:
    # RFC 8555 section 7.3: agreeing is a person's act
    if not value:
        raise ValueError(
            "read the authority's terms of service, which its directory names, and write true; "
            "it issues nothing otherwise"
        )
    return value


def _key_id(text: str) -> str:
    if not text or len(text) > 255 or not (text.isascii() and text.isprintable()):
        raise ValueError("write the key identifier the authority gave you")
    return text


def _profile(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", text, re.ASCII):
        raise ValueError("write the name of a certificate profile as the authority's directory has it")
    return text


def _any_port(number: int) -> int:
    if not 0 < number < 65_536:
        raise ValueError("write a port of 1 to 65535; public authorities look at 80")
    return number


def _source(value: Any) -> Any:
    if value == "local":
        return {}
    if not isinstance(value, dict) or not value:
        raise ValueError("write local, or acme: or files: with its keys below")
    return value


def _files(value: Any) -> Any:
    if value == "local":
        return {}
    if not isinstance(value, dict) or not value:
        raise ValueError("write local, or files: with chain and key below")
    return value


def _ports(value: Any) -> tuple[int, int]:
    text = value if isinstance(value, str) else ""
    found = re.fullmatch(r"([0-9]{1,5})-([0-9]{1,5})", text, re.ASCII)
    low, high = (int(found[1]), int(found[2])) if found else (0, 0)
    if not _MIN_PORT <= low < high < 65_536 or high - low < 99:
        raise ValueError(f'write a range of at least 100 ports above {_MIN_PORT}, such as "30000-39999"')
    return low, high


def _port(number: int) -> int:
    if not _MIN_PORT <= number < 65_536:
        raise ValueError(
            f"write a port of {_MIN_PORT} to 65535, such as 5061: the node has no privilege to take one below"
        )
    return number


def _spc(text: str) -> str:
    # ATIS-1000080: the SPC of the certificate's TNAuthList
    if not re.fullmatch(r"[A-Z0-9]{4}", text, re.ASCII):
        raise ValueError(
            'a service provider code is four capital letters or digits in quotes, such as "000T"'
        )
    return text


def _x5u(text: str) -> str:
    found = _X5U.fullmatch(text)
    if not found or not is_hostname(found["host"]) or _is_address(found["host"]):
        raise ValueError(
            "write an https URL on port 443 or 8443 without query, such as https://cert.example.com/a.pem"
        )
    return text


def _country(text: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]{0,2}", text, re.ASCII):
        raise ValueError('a country code is one to three digits in quotes, such as "1"')
    return text


def _region(text: str) -> str:
    if not any(text in regions for regions in REGIONS.values()):
        raise ValueError('a region is a country by ISO 3166, two capital letters in quotes, such as "US"')
    return text


def _emergency(text: str) -> str:
    if not re.fullmatch(r"[0-9]{2,6}", text, re.ASCII):
        raise ValueError('an emergency number is two to six digits in quotes, such as "911"')
    return text


def _days(number: int) -> int:
    if not 1 <= number <= _MOST_DAYS:
        raise ValueError(f"write a number of days, 1 to {_MOST_DAYS}")
    return number


def _max_call(seconds: int) -> int:
    if not 1 <= seconds <= _LONGEST_CALL_S:
        raise ValueError(
            f"write the seconds a call may last, 1 to {_LONGEST_CALL_S} (23 hours), such as {MAX_CALL_S}"
        )
    return seconds


def _grant(seconds: int) -> int:
    if not _LEAST_GRANT_S <= seconds <= _MOST_GRANT_S:
        raise ValueError(
            f"write the seconds a call is granted at a time, {_LEAST_GRANT_S} to {_MOST_GRANT_S}, "
            f"such as {GRANT_S}"
        )
    return seconds


def _class(text: str) -> str:
    if text not in Kind:
        raise ValueError(f"not a class of numbers; choose from {', '.join(Kind)}")
    return text


def _most_calls(number: int) -> int:
    if not 0 <= number <= _MOST_CALLS:
        raise ValueError(f"write a number of calls, 0 to {_MOST_CALLS}; 0 allows none")
    return number


def _most_per_second(number: float) -> float:
    if not (number == 0 or _LEAST_PER_SECOND <= number <= _MOST_PER_SECOND):
        raise ValueError(
            f"write calls a second, {_LEAST_PER_SECOND} to {_MOST_PER_SECOND}, such as 5; 0 allows none"
        )
    return number


type Name = Annotated[str, AfterValidator(_name)]
type DnsName = Annotated[str, AfterValidator(_dns_name)]
type Port = Annotated[int, AfterValidator(_port)]
type Networks = Annotated[list[Annotated[Any, BeforeValidator(_network)]], Field(min_length=1)]
type Days = Annotated[int, AfterValidator(_days)]
type MostCalls = Annotated[int, AfterValidator(_most_calls)]
type MostPerSecond = Annotated[float, AfterValidator(_most_per_second)]
type MaxCall = Annotated[int, AfterValidator(_max_call)]
type Hosts = Annotated[
    list[Annotated[Any, BeforeValidator(_carrier_host)]], Field(min_length=1, max_length=16)
]
type Resolvers = Annotated[list[Annotated[Any, BeforeValidator(_resolver)]], Field(max_length=3)]
type Suites = Annotated[list[Annotated[str, AfterValidator(_suite)]], Field(min_length=1)]


class _Part(BaseModel):
    """Strict: no quiet change of "5061" to 5061 or 1 to true, and no unknown keys.

    A default that is a list is made by a factory: Pydantic would copy one deeply for each of 10,000 trunks.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class MediaPart(_Part):
    """`node.media`."""

    address: Annotated[Any, BeforeValidator(_addresses)] = None
    ports: Annotated[tuple[int, int], BeforeValidator(_ports)] = (30_000, 39_999)
    unsafe_unanchored: bool = False


class ProbesPart(_Part):
    """`node.probes`."""

    every_s: Annotated[int, Field(ge=0, le=3600)] = 30
    down_after: Annotated[int, Field(ge=1, le=100)] = 3
    up_after: Annotated[int, Field(ge=1, le=100)] = 2


class IdentityPart(_Part):
    """`node.identity`."""

    spc: Annotated[str, AfterValidator(_spc)]
    x5u: Annotated[str, AfterValidator(_x5u)]


class NumberPlanPart(_Part):
    """`node.number_plan`."""

    country: Annotated[str, AfterValidator(_country)]
    region: Annotated[str, AfterValidator(_region)] | None = None
    emergency: Annotated[list[Annotated[str, AfterValidator(_emergency)]], Field(min_length=1)] | None = None


class ExternalAccountPart(_Part):
    """`node.certificate.acme.external_account`."""

    key_id: Annotated[str, AfterValidator(_key_id)]
    hmac_file: Annotated[str, AfterValidator(_file)]


class AcmePart(_Part):
    """`node.certificate.acme`."""

    directory: Annotated[str, AfterValidator(_directory)]
    terms_agreed: Annotated[bool, AfterValidator(_agreed)]
    contact: Annotated[str, AfterValidator(_mail)] | None = None
    external_account: ExternalAccountPart | None = None
    ca: Annotated[str, AfterValidator(_file)] | None = None
    http_port: Annotated[int, AfterValidator(_any_port)] = 80
    profile: Annotated[str, AfterValidator(_profile)] | None = None


class FilesPart(_Part):
    """`files` of a certificate."""

    chain: Annotated[str, AfterValidator(_file)]
    key: Annotated[str, AfterValidator(_file)]


class ServerCertificatePart(_Part):
    """`node.certificate`; `local` when neither is there."""

    acme: AcmePart | None = None
    files: FilesPart | None = None


class ClientCertificatePart(_Part):
    """`carriers[].client_certificate`; `local` when it is not there."""

    files: FilesPart | None = None


class NodePart(_Part):
    """`node`."""

    name: DnsName
    contact_host: Annotated[Any, BeforeValidator(_contact_hosts)] = None
    address: Annotated[Any, BeforeValidator(_addresses)]
    tls_port: Port = 5061
    plain_port: Port = 5060
    tls12_port: Port = 5062
    media: MediaPart = MediaPart()
    resolvers: Resolvers = Field(default_factory=list)
    probes: ProbesPart = ProbesPart()
    identity: IdentityPart
    number_plan: NumberPlanPart
    realm: DnsName | None = None
    gates: Annotated[int, Field(ge=1, le=64)] = 2
    retention: Days = 365
    ladder_retention: Days = 30
    certificate: Annotated[ServerCertificatePart, BeforeValidator(_source)] = ServerCertificatePart()
    max_call_s: MaxCall = MAX_CALL_S
    grant_s: Annotated[int, AfterValidator(_grant)] = GRANT_S
    unsafe_trusted_clock: bool = False
    destinations: Annotated[str, AfterValidator(_file)] | None = None
    announcements: Annotated[str, AfterValidator(_place)] | None = None
    do_not_originate: Annotated[str, AfterValidator(_file)] | None = None
    unsafe_fictional_numbers: bool = False


class NumberLimitsPart(_Part):
    """`limits.number`: what each number may."""

    calls: MostCalls | None = None
    per_second: MostPerSecond | None = None


class LimitsPart(_Part):
    """`limits` of a trunk, a tenant or a reseller."""

    calls: MostCalls | None = None
    international: MostCalls | None = None
    classes: dict[Annotated[str, AfterValidator(_class)], MostCalls] = Field(default_factory=dict)
    per_second: MostPerSecond | None = None
    number: NumberLimitsPart = NumberLimitsPart()


class DialPlanPart(_Part):
    """`dial_plan` of a trunk."""

    country: Annotated[str, AfterValidator(_country)] | None = None
    region: Annotated[str, AfterValidator(_region)] | None = None
    emergency: Annotated[list[Annotated[str, AfterValidator(_emergency)]], Field(min_length=1)] | None = None
    national_prefix: Annotated[str, AfterValidator(_national_prefix)] | None = None
    international_prefix: Annotated[str, AfterValidator(_dialled_prefix)] | None = None
    tech_prefix: Annotated[str, AfterValidator(_dialled_prefix)] | None = None


class CallerPart(_Part):
    """`caller` of a trunk."""

    other: Annotated[OtherCaller, Field(strict=False)] = OtherCaller.REFUSE
    number: Annotated[str, AfterValidator(_number)] | None = None
    forwarded: bool = False


class NumberPart(_Part):
    """One of a trunk's `numbers`: alone, or with what is said of it."""

    number: Annotated[str, AfterValidator(_number)]
    failover: list[Name] | None = None
    calls_out: bool = True

    @model_validator(mode="before")
    @classmethod
    def _alone(cls, value: Any) -> Any:
        if isinstance(value, int | float):
            # YAML reads +1202 as a number, without its plus
            raise ValueError("must be text; put it in quotes")
        return {"number": _number(value)} if isinstance(value, str) else value


class TrunkPart(_Part):
    """One of `tenants[].trunks`."""

    name: Name
    identified_by: Annotated[Any, BeforeValidator(_identified_by)] = (
        IdentifiedBy.NETWORK,
        IdentifiedBy.CERTIFICATE,
    )
    networks: Networks | None = None
    client_certificate: Annotated[Any, BeforeValidator(_client_certificate)] = None
    username: Annotated[str, AfterValidator(_username)] | None = None
    unsafe_md5: bool = False
    numbers: Annotated[list[NumberPart], Field(max_length=_MOST_NUMBERS)] = Field(default_factory=list)
    host: Annotated[Any, BeforeValidator(_trunk_host)] = None
    tls_names: list[DnsName] = Field(default_factory=list)
    srtp: Suites = Field(default_factory=lambda: list(ALLOWED))
    max_call_s: MaxCall | None = None
    enabled: bool = True
    unsafe_tls12: bool = False
    destinations: DestinationsPart = DestinationsPart()
    limits: LimitsPart = LimitsPart()
    dial_plan: DialPlanPart | None = None
    caller: CallerPart = CallerPart()
    diversion: Annotated[Diverting, Field(strict=False)] = Diverting.DROP
    failover: list[Name] = Field(default_factory=list)


class ResellerPart(_Part):
    """One of `resellers`."""

    name: Name
    destinations: DestinationsPart = DestinationsPart()
    limits: LimitsPart = LimitsPart()


class TenantPart(_Part):
    """One of `tenants`."""

    name: Name
    reseller: Name | None = None
    retention: Days | None = None
    destinations: DestinationsPart = DestinationsPart()
    limits: LimitsPart = LimitsPart()
    trunks: list[TrunkPart] = Field(default_factory=list)


class CarrierPart(_Part):
    """One of `carriers`."""

    name: Name
    hosts: Hosts
    transport: Annotated[Transport, Field(strict=False)]
    media: Annotated[MediaPolicy, Field(strict=False)] = MediaPolicy.SRTP
    prefixes: list[Annotated[str, AfterValidator(_prefix)]] = Field(default_factory=list)
    networks: Networks
    tls_names: list[DnsName] = Field(default_factory=list)
    ca: Annotated[str, AfterValidator(_ca)] = "local"
    client_certificate: Annotated[ClientCertificatePart, BeforeValidator(_files)] = ClientCertificatePart()
    srtp: Suites = Field(default_factory=lambda: list(ALLOWED))
    emergency: bool = False
    enabled: bool = True
    trusted: bool = True


class FilePart(_Part):
    """The whole file."""

    node: NodePart
    resellers: list[ResellerPart] = Field(default_factory=list)
    tenants: list[TenantPart]
    carriers: list[CarrierPart]
