"""What one side could see of the other: secrets of one party's own view, searched in the other's.

Searched are both the decrypted SIP messages the party received and every packet of its capture. A secret that
the viewer uses itself is no secret: the node's address, and on loopback the address connections leave from.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from trunkward.calltest.capture import Packet
from trunkward.calltest.sip_trace import SipMessage

NODE_INTERNALS = (
    "kamailio",
    "rtpengine",
    "tw-edge",
    "tw-media",
    "tw-gate",
    "tw-signer",
    "tw-fetcher",
    "tw-worker",
    "tw-cert",
    "tw-web",
    "tw-live",
    "tw-identity",
    "valkey",
)
"""Names of the node's parts: nobody outside learns what the border is made of."""

MIN_SECRET_CHARS = 5
"""Shorter strings are found in any text by chance."""

_URI_HOST = re.compile(r"sips?:(?:[^@>\s]+@)?(\[[0-9a-fA-F:.]+\]|[^:>;,?\s]+)")
_SENT_BY = re.compile(r"SIP/2\.0/\w+\s+(\[[0-9a-fA-F:.]+\]|[^:;,\s]+)")
_CONNECTION = re.compile(r"IN IP[46] ([^/\s]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """One string of one side that the other must not see, and what it is."""

    what: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A secret seen where it must not be."""

    what: str
    value: str
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Visible:
    """Something of the other side that does pass end to end and is stated, not hidden."""

    what: str
    value: str


def hosts_of(messages: Iterable[SipMessage]) -> dict[str, str]:
    """The hosts and addresses a party wrote into its messages, or sent them from, and where they stood."""
    found: dict[str, str] = {}
    for message in messages:
        if message.received:
            continue
        found.setdefault(message.source[0], "address it sends from")
        # Record-Route goes back as it came, and of a response the Via is the other side's own.
        for name in ("contact", "route", "from", "via") if message.is_request else ("contact",):
            for value in message.values(name):
                hosts = (_SENT_BY if name == "via" else _URI_HOST).findall(value)
                found |= {host: f"{name.title()} host" for host in hosts if host not in found}
        for line in ("c=", "o="):
            for value in message.sdp(line):
                if address := _CONNECTION.search(value):
                    found.setdefault(address[1], f"SDP {line} address")
    return found


def secrets_of(messages: Iterable[SipMessage], known: Iterable[str] = ()) -> tuple[Secret, ...]:
    """Collect what a party's own messages hold of its inside: addresses, hosts, software, session ids, keys.

    `known` are hosts that are nobody's secret: the node's, and those the viewer itself uses.
    """
    messages = tuple(messages)
    nobodys = frozenset(known)
    found = {host: what for host, what in hosts_of(messages).items() if host not in nobodys}
    for message in messages:
        # The keys of a leg are secret whichever end of the leg chose them.
        for value in message.sdp("a=crypto:"):
            for key in re.findall(r"inline:([^|\s]+)", value):
                found[key] = "SDES key"
        for value in message.sdp("a=fingerprint:"):
            found[value.split()[-1]] = "DTLS fingerprint"
        for value in message.sdp("a=ice-pwd:"):
            found[value.strip()] = "ICE password"
        if message.received:
            continue
        for value in message.values("contact"):
            if uri := re.search(r"sips?:([^@>;\s]+)@", value):
                found[uri[1]] = "Contact user"
        if message.is_request:
            # Of a response the Via is the other side's own.
            for value in message.values("via"):
                if branch := re.search(r"branch=([^;,\s]+)", value):
                    found[branch[1]] = "Via branch"
            if "@" in (call_id := message.first("call-id")):
                found[call_id.rpartition("@")[2]] = "Call-ID host"
        for name in ("user-agent", "server"):
            for value in message.values(name):
                found[value] = name.title()
        for value in message.sdp("o="):
            fields = value.split()
            found[fields[1]] = "SDP o= session id"
            if len(fields[2]) >= MIN_SECRET_CHARS:
                found[fields[2]] = "SDP o= version"
        for value in message.sdp("a=ssrc:"):
            found[f"a=ssrc:{value.split()[0]}"] = "SDP a=ssrc line"
        for value in message.sdp("m=audio "):
            found[f"m=audio {value.split()[0]} "] = "SDP media port"
    return tuple(
        Secret(what=what, value=value) for value, what in found.items() if len(value) >= MIN_SECRET_CHARS
    )


def search(
    secrets: Iterable[Secret],
    *,
    messages: Iterable[SipMessage],
    packets: Iterable[Packet],
    also_own: frozenset[str] = frozenset(),
) -> tuple[Sighting, ...]:
    """Look for secrets in received messages and in packets towards the party.

    `also_own` are values the party itself uses (both run the same user agent): those are looked for only
    where they cannot be the party's own echo, so not in packets.
    """
    sightings: dict[tuple[str, str], Sighting] = {}
    received = [message for message in messages if message.received]
    payloads = [packet.payload for packet in packets]
    for secret in (
        *secrets,
        *(Secret(what="name of a part of the node", value=name) for name in NODE_INTERNALS),
    ):
        expression = re.escape(secret.value)
        if re.fullmatch(r"[\d.:]+", secret.value):
            # 127.0.0.1 does not stand in 127.0.0.10
            expression = rf"(?<!\d)(?<!\d\.){expression}(?!\d|\.\d)"
        pattern = re.compile(expression, re.IGNORECASE if secret.value in NODE_INTERNALS else 0)
        for message in received:
            if pattern.search(message.text):
                where = f"SIP: {message.start_line}"
                sightings.setdefault(
                    (secret.value, "sip"), Sighting(what=secret.what, value=secret.value, where=where)
                )
        if secret.value in also_own:
            continue
        raw = re.compile(expression.encode())
        if any(raw.search(payload) for payload in payloads):
            where = "packet capture"
            sightings.setdefault(
                (secret.value, "pcap"), Sighting(what=secret.what, value=secret.value, where=where)
            )
    # One line per kind and place: a version number that counts up is one leak, not three.
    grouped: dict[tuple[str, str], Sighting] = {}
    for (value, place), sighting in sightings.items():
        what = sighting.what if value not in NODE_INTERNALS else f"{sighting.what} ({value})"
        grouped.setdefault((what, place), sighting)
    return tuple(grouped.values())


def strangers(messages: Iterable[SipMessage], node: frozenset[str]) -> tuple[Sighting, ...]:
    """Hosts in received messages, at places where only one of the node's may stand.

    Whatever the parties' addresses are: SDP, Contact and the Via of a request name the node, and nobody
    before it has a Via or Record-Route in there.
    """
    found: dict[tuple[str, str], Sighting] = {}
    for message in messages:
        if not message.received:
            continue
        places = [
            (f"SDP {line} address", address[1])
            for line in ("c=", "o=")
            for value in message.sdp(line)
            if (address := _CONNECTION.search(value))
        ]
        places += [("Contact host", h) for v in message.values("contact") for h in _URI_HOST.findall(v)]
        if message.is_request:
            places += [("Via host", h) for v in message.values("via") for h in _SENT_BY.findall(v)]
            for name in ("via", "record-route"):
                hops = [hop for value in message.values(name) for hop in value.split(",")]
                places += [(f"second {name.title()}", hop.strip()) for hop in hops[1:]]
        for what, value in places:
            if value not in node:
                where = f"SIP: {message.start_line}"
                found.setdefault((what, value), Sighting(what=what, value=value, where=where))
    return tuple(found.values())


def passes_through(theirs: Iterable[SipMessage], ours: Iterable[SipMessage]) -> tuple[Visible, ...]:
    """What of the other party's messages this party sees unchanged: Call-ID, tags, From and To address."""
    ours_text = [message for message in ours if message.received]
    found: dict[str, str] = {}
    for message in theirs:
        if message.received:
            continue
        found.setdefault(message.first("call-id"), "Call-ID")
        for name in ("from", "to"):
            if tag := re.search(r";tag=([^;\s]+)", message.first(name)):
                found.setdefault(tag[1], "From or To tag")
            if uri := re.search(r"<([^>]+)>", message.first(name)):
                found.setdefault(uri[1], f"{name.title()} address")
    return tuple(
        Visible(what=what, value=value)
        for value, what in found.items()
        if value and any(value in message.text for message in ours_text)
    )
