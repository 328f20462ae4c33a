"""What topos can keep of a message. What it cannot, it lets through as it is: so that is stopped before.

topos (6.0.1) joins the fields of a row with "|", packs a message's Via and Record-Route into 8 kB, its
rows into 8 kB more, and its key into 1 kB. When one of these does not fit, or a Contact or Record-Route
cannot be parsed, `tps_request_sent` fails, its caller does not look, and the message leaves unhidden.
"""

from trunkward.edge import addresses, ksr

#: Bytes of one field; a hundred is usual.
_LONGEST_FIELD = 640
#: Bytes of what names a dialog: Call-ID and a tag are parts of one key.
_LONGEST_NAME = 256
#: Bytes of all of them; a row holds those of both sides.
_LONGEST_ALL = 2048
#: Lines of Via, or of Record-Route.
_MOST_LINES = 20


def are_forged() -> bool:
    """Whether a request brings marks that only topos may put there."""
    head = ksr.head()
    marks = len(head.values("p-sr-xuid"))
    return bool(head.values("p-sr-xbranch")) or marks > 1 or (marks == 1 and not ksr.has_to_tag())


def reply_cannot_be_kept() -> bool:
    """The same for a reply; a forged mark stands beside topos' own. Also for one that reads in two ways."""
    head = ksr.head()
    if not head.is_clear or len(head.values("p-sr-xbranch")) > 1 or head.values("p-sr-xuid"):
        return True
    return cannot_be_kept(needs_contact=ksr.method() == "INVITE" and 200 <= ksr.status() < 300)


def cannot_be_kept(*, needs_contact: bool) -> bool:
    """Whether the message in hand has something that topos cannot keep whole, or not read.

    `needs_contact`: whether it makes a dialog (RFC 3261 12.1).
    """
    head = ksr.head()
    vias, routes, contacts = head.values("via"), head.values("record-route"), head.values("contact")
    cseq, sender, receiver = head.values("cseq"), head.values("from"), head.values("to")
    if len(contacts) > 1 or len(vias) > _MOST_LINES or len(routes) > _MOST_LINES:
        return True
    if needs_contact and not contacts:
        return True
    texts = [*vias, *routes, *contacts, *head.values("call-id"), *cseq, *sender, *receiver]
    together = ",".join(texts)
    # nearly every message is short enough whatever is joined with what
    if len(together) > _LONGEST_FIELD or "|" in together or max(map(len, texts)) > _LONGEST_NAME:
        named = [ksr.call_id(), ksr.pv("$ft"), ksr.pv("$tt"), *cseq]
        fields = [",".join(vias), ",".join(routes), *contacts, *sender, *receiver]
        if (
            max(map(len, named)) > _LONGEST_NAME
            or max(map(len, fields)) > _LONGEST_FIELD
            or sum(map(len, fields)) > _LONGEST_ALL
            or any("|" in text for text in (*named, *vias, *contacts))
        ):
            return True  # before anything is matched
    return not (all(map(addresses.is_route, routes)) and all(map(addresses.is_contact, contacts)))
