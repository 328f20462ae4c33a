"""Every request's first steps, natively: what needs no judgement is done here and never waits."""

import re
from ipaddress import ip_address, ip_network

from trunkward.edge import headers, ksr
from trunkward.edge.calls import Calls
from trunkward.edge.settings import EdgeSettings

#: RFC 3261 8.1.1.6 suggests 70; a trunk is few hops away.
_MOST_HOPS = 70
#: topos stores each of these in a field of 1023 bytes, base64url-encoded; a longer one would be
#: cut and the message sent with its inside showing. 640 leaves room for what this node adds.
_LONGEST_FIELD = 640
_RECORD_ID = re.compile(r";tw=([0-9a-zA-Z]+)")
_IN_DIALOG = frozenset({"INVITE", "ACK", "BYE", "UPDATE", "PRACK", "INFO", "OPTIONS"})
ALLOW = "INVITE, ACK, CANCEL, BYE, UPDATE, PRACK, INFO, OPTIONS"


class Requests:
    """Hygiene and routing of requests; an initial INVITE is handed to `Calls`."""

    def __init__(self, settings: EdgeSettings, calls: Calls) -> None:
        """Keeps what it needs; touches nothing."""
        self._calls = calls
        self._plain = [ip_network(network) for network in settings.plain_networks]

    def received(self) -> None:
        """The request route."""
        plain = ksr.pv("$proto") != "tls"
        if plain and not self._known_plain_source():
            return  # an unknown source learns nothing from a plain listener, not even that we exist
        if not ksr.sane():
            return
        if not ksr.max_forwards_ok(_MOST_HOPS):
            ksr.stateless_reply(483, "Too Many Hops")
            return
        if self._cannot_be_hidden():
            ksr.stateless_reply(400, "Header Too Long Or Reserved")
            return
        method = ksr.method()
        ksr.reuse_connection()
        if method == "CANCEL":
            if ksr.matches_transaction():
                ksr.relay()
            else:
                ksr.stateless_reply(481, "Call/Transaction Does Not Exist")
            return
        if method != "ACK" and ksr.is_retransmission():
            return
        if ksr.has_to_tag():
            self._in_dialog(method)
        elif method == "INVITE":
            self._calls.suspend()
        elif method == "OPTIONS":
            ksr.add_reply_header("Allow", ALLOW)
            ksr.stateless_reply(200, "OK")
        elif method != "ACK":  # an ACK is never answered (RFC 3261 17.1.1.3)
            ksr.add_reply_header("Allow", ALLOW)
            ksr.stateless_reply(405, "Method Not Allowed")

    def _in_dialog(self, method: str) -> None:
        record_id = _record_id(ksr.header("Route"))
        if not ksr.loose_route():
            if method == "ACK":
                ksr.matches_transaction()  # the ACK of a refusal of ours ends here
            else:
                ksr.stateless_reply(481, "Call/Transaction Does Not Exist")
            return
        if method == "REFER":
            ksr.stateless_reply(403, "REFER Refused")
            return
        if method not in _IN_DIALOG:
            ksr.add_reply_header("Allow", ALLOW)
            ksr.stateless_reply(405, "Method Not Allowed")
            return
        ksr.keep_only_headers(headers.LATER)
        ksr.use_contact_alias()
        self._calls.in_dialog(method, record_id)

    def _known_plain_source(self) -> bool:
        source = ip_address(ksr.source_ip())
        return any(source in network for network in self._plain)

    @staticmethod
    def _cannot_be_hidden() -> bool:
        """What topos could not store, or would take for a mark of its own."""
        if ksr.header_count("P-SR-XBranch") or ksr.header_count("P-SR-XUID") > int(ksr.has_to_tag()):
            return True
        vias = sum(len(via) + 2 for via in ksr.headers("Via", 20))
        routes = sum(len(route) + 2 for route in ksr.headers("Record-Route", 20))
        return (
            max(vias, routes, len(ksr.header("Contact")), len(ksr.header("From")), len(ksr.header("To")))
            > _LONGEST_FIELD
        )


def _record_id(route: str) -> str:
    """What `record_route` was given for this call; topos keeps it from the peers, and gives it back."""
    found = _RECORD_ID.search(route)
    return found.group(1) if found else ""
