"""Dialogs (RFC 3261 section 12), pure: what they remember and what they make of the next request.

1. The route set comes from Record-Route: reversed for the caller (12.1.2), in order for the callee (12.1.1).
2. The remote target is the peer's Contact, and a target refresh (re-INVITE, UPDATE, their 2xx) replaces it
   (12.2).
3. A request goes to the remote target through the route set; a strict router first in the set takes the
   Request-URI's place and the remote target goes to the end of the Route (12.2.1.1).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sipkit.address import name_addr, sip_uri
from sipkit.message import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialog:
    """One dialog as one side sees it. `local` and `remote` are From/To values without tag."""

    call_id: str
    local: str
    local_tag: str
    remote: str
    remote_tag: str
    remote_target: str
    route_set: tuple[str, ...] = ()
    local_seq: int = 0
    remote_seq: int = 0
    secure: bool = False

    def next_request(self) -> Dialog:
        """Return the dialog with its local sequence number raised (12.2.1.1)."""
        return replace(self, local_seq=self.local_seq + 1)

    def refreshed(self, message: Message) -> Dialog:
        """Return the dialog with the remote target of a target refresh, if the message has a Contact
        (12.2.1.2)."""
        contact = message.get("Contact")
        return replace(self, remote_target=name_addr(contact).uri) if contact else self

    def routing(self) -> tuple[str, tuple[str, ...]]:
        """Return Request-URI and Route values of a request in this dialog (12.2.1.1)."""
        if not self.route_set:
            return self.remote_target, ()
        first = name_addr(self.route_set[0]).uri
        if sip_uri(first).is_loose_router:
            return self.remote_target, self.route_set
        return first, (*self.route_set[1:], f"<{self.remote_target}>")

    def next_hop(self) -> str:
        """Return the URI whose host and port a request is sent to: the first route, else the target
        (8.1.2)."""
        return name_addr(self.route_set[0]).uri if self.route_set else self.remote_target

    def headers(self, method: str, via: str) -> list[tuple[str, str]]:
        """Return the headers that every request of this dialog starts with, CSeq as `local_seq` stands."""
        _, routes = self.routing()
        return [
            ("Via", via),
            *(("Route", value) for value in routes),
            ("Max-Forwards", "70"),
            ("From", f"{self.local};tag={self.local_tag}"),
            ("To", f"{self.remote};tag={self.remote_tag}" if self.remote_tag else self.remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{self.local_seq} {method}"),
        ]


def as_caller(invite: Message, reply: Message) -> Dialog:
    """Return the caller's dialog from its INVITE and a 101-299 response with a To tag (12.1.2)."""
    local, remote = invite.get("From"), reply.get("To")
    contact = reply.get("Contact")
    return Dialog(
        call_id=invite.call_id,
        local=untagged(local),
        local_tag=name_addr(local).tag,
        remote=untagged(remote),
        remote_tag=name_addr(remote).tag,
        remote_target=name_addr(contact).uri if contact else invite.uri,
        route_set=tuple(reversed(reply.values("Record-Route"))),
        local_seq=invite.cseq[0],
        secure=invite.uri.lower().startswith("sips:"),
    )


def as_callee(invite: Message, local_tag: str) -> Dialog:
    """Return the callee's dialog from the INVITE it received (12.1.1)."""
    local, remote = invite.get("To"), invite.get("From")
    return Dialog(
        call_id=invite.call_id,
        local=untagged(local),
        local_tag=local_tag,
        remote=untagged(remote),
        remote_tag=name_addr(remote).tag,
        remote_target=name_addr(invite.get("Contact")).uri,
        route_set=invite.values("Record-Route"),
        remote_seq=invite.cseq[0],
        secure=invite.uri.lower().startswith("sips:"),
    )


def untagged(value: str) -> str:
    """Return a From or To value without its tag parameter, everything else as it stood."""
    head, bracket, tail = value.rpartition(">")
    kept = [part for part in tail.split(";") if not part.strip().lower().startswith("tag=")]
    return head + bracket + ";".join(kept)
