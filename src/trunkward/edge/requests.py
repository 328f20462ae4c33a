"""Every request's first steps, natively: what needs no judgement is done here and never waits."""

from ipaddress import ip_address, ip_network

from trunkward.edge import headers, ksr, ladder, numbering, topos_fields
from trunkward.edge.announcements import Announcements
from trunkward.edge.calls import Calls
from trunkward.edge.dialogs import Dialogs
from trunkward.edge.others import Others, answer_known
from trunkward.edge.registrations import Registrations
from trunkward.edge.settings import EdgeSettings
from trunkward.edge.sides import Sides
from trunkward.edge.targets import Targets

#: Methods that nothing of the same dialog follows, or whose CSeq is another request's.
_WITHOUT_END = frozenset({"BYE", "ACK", "CANCEL"})
#: RFC 3261 8.1.1.6 suggests 70; a trunk is few hops away.
_MOST_HOPS = 70


class Requests:
    """Hygiene and routing of requests; calls begin in `Calls` and go on in `Dialogs`."""

    def __init__(
        self,
        settings: EdgeSettings,
        *,
        calls: Calls,
        dialogs: Dialogs,
        registrations: Registrations,
        others: Others,
        targets: Targets,
        announcements: Announcements,
    ) -> None:
        """Keeps what it needs; touches nothing."""
        self._registrations = registrations
        self._others = others
        self._announcements = announcements
        self._calls = calls
        self._dialogs = dialogs
        self._targets = targets
        self._sides = Sides(settings.call_id_alphabet, settings.call_id_prefix)
        self._plain = [ip_network(network) for network in settings.plain_networks]

    def received(self) -> None:
        """The request route."""
        plain = ksr.pv("$proto") != "tls"
        if plain and not self._known_plain_source():
            return  # an unknown source learns nothing from a plain listener, not even that we exist
        if not ksr.head_can_be_read():
            _malformed()
            return
        in_dialog = ksr.has_to_tag()
        record_id = self._sides.settle() if in_dialog else ""
        if not ksr.head_is_clear():
            _malformed()
            return
        if not ksr.sane():
            return
        if not ksr.max_forwards_ok(_MOST_HOPS):
            ksr.stateless_reply(483, "Too Many Hops")
            return
        method = ksr.method()
        # topos passes over a REGISTER, which may have several Contacts, and goes no further than here
        if topos_fields.are_forged() or (
            method != "REGISTER" and topos_fields.cannot_be_kept(needs_contact=method == "INVITE")
        ):
            ksr.stateless_reply(400, "Header Too Long Or Reserved")
            return
        ksr.answer_to_source()
        if method not in _WITHOUT_END and int(ksr.pv("$cs")) > numbering.MOST_OF_PEERS:
            ksr.stateless_reply(400, "CSeq Leaves No Room For A BYE")
            return
        if method == "CANCEL":
            if ksr.matches_transaction():
                ladder.got(ladder.cancel_key(ksr.call_id()), "caller", "CANCEL", reason=ksr.header("Reason"))
                self._announcements.ended()
                ksr.relay()
            else:
                ksr.stateless_reply(481, "Call/Transaction Does Not Exist")
            return
        if method != "ACK" and ksr.is_retransmission():
            return
        if in_dialog:
            self._in_dialog(method, record_id)
        elif method == "INVITE":
            self._calls.suspend()
        elif method == "REGISTER" and not plain:
            self._registrations.suspend()
        elif method == "ACK":
            return  # never answered (RFC 3261 17.1.1.3)
        elif plain:  # from a carrier's network, and others are not heard there
            answer_known(method, ksr.stateless_reply)
        else:
            self._others.received()

    def _in_dialog(self, method: str, record_id: str) -> None:
        if not ksr.loose_route():
            if method == "ACK":
                ksr.matches_transaction()  # the ACK of a refusal of ours ends here
            else:
                ksr.stateless_reply(481, "Call/Transaction Does Not Exist")
            return
        ksr.keep_only_headers(headers.LATER)
        ksr.use_contact_alias()
        self._dialogs.request(method, record_id)

    def _known_plain_source(self) -> bool:
        source = ip_address(ksr.source_ip())
        # a carrier speaks from where its calls are sent, too
        return any(source in network for network in self._plain) or self._targets.is_plain(str(source))


def _malformed() -> None:
    if not ksr.is_ack():
        ksr.stateless_reply(400, "Malformed Header")
