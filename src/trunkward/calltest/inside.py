"""What one side could see of the other: secrets of one party's own view, searched in the other's.

Searched are both the decrypted SIP messages the party received and every packet of its capture.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from trunkward.calltest.capture import Packet
from trunkward.calltest.sip_trace import SipMessage

NODE_INTERNALS = ("kamailio", "rtpengine", "tw-edge", "tw-media", "tw-gate", "tw-signer", "tw-worker")
"""Names of the node's parts: nobody outside learns what the border is made of."""

MIN_SECRET_CHARS = 5
"""Shorter strings are found in any text by chance."""


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


def secrets_of(messages: Iterable[SipMessage], rtp_ports: Iterable[int] = ()) -> tuple[Secret, ...]:
    """Collect what a party's own messages hold of its inside: addresses, software, session ids, keys."""
    found: dict[str, str] = {}
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
            if uri := re.search(r"sips?:(?:([^@>;\s]+)@)?([^>;\s]+)", value):
                if uri[1]:
                    found[uri[1]] = "Contact user"
                found[uri[2]] = "Contact address"
        if message.is_request:
            # Of a response the Via is the other side's own.
            for value in message.values("via"):
                if via := re.search(r"SIP/2\.0/\w+\s+([^\s;,]+)", value):
                    found[via[1]] = "Via address"
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
    for port in rtp_ports:
        found[f"m=audio {port} "] = "SDP media port"
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
        pattern = re.compile(re.escape(secret.value), re.IGNORECASE if secret.value in NODE_INTERNALS else 0)
        for message in received:
            if pattern.search(message.text):
                where = f"SIP: {message.start_line}"
                sightings.setdefault(
                    (secret.value, "sip"), Sighting(what=secret.what, value=secret.value, where=where)
                )
        if secret.value in also_own:
            continue
        raw = re.compile(re.escape(secret.value.encode()))
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


def extra_vias(messages: Iterable[SipMessage]) -> tuple[Sighting, ...]:
    """Received dialog-forming requests must show one Via (the node's) and no Record-Route of another's."""
    sightings = []
    for message in messages:
        if not (message.received and message.is_request):
            continue
        for name in ("via", "record-route"):
            hops = [hop for value in message.values(name) for hop in value.split(",")]
            sightings += [
                Sighting(what=f"second {name.title()}", value=hop.strip(), where=f"SIP: {message.start_line}")
                for hop in hops[1:]
            ]
    return tuple(sightings)


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
