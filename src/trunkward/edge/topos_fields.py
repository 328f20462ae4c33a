"""What topos can keep of a message. What it cannot, it lets through as it is: so that is stopped before.

topos (6.0.1) joins the fields of a row with "|", packs a message's Via and Record-Route into 8 kB, its
rows into 8 kB more, and its key into 1 kB. When one of these does not fit, or a Contact or Record-Route
cannot be parsed, `tps_request_sent` fails, its caller does not look, and the message leaves unhidden.
"""

import re

from trunkward.edge import ksr

#: Bytes of one field; a hundred is usual.
_LONGEST_FIELD = 640
#: Bytes of what names a dialog: Call-ID and a tag are parts of one key.
_LONGEST_NAME = 256
#: Bytes of all of them; a row holds those of both sides.
_LONGEST_ALL = 2048
#: Lines of Via, or of Record-Route.
_MOST_LINES = 20
_URI = r"<sips?:[^<>\"|\s]+>"
_PARAMETERS = r"(?:\s*;[^<>\",|]*)?"
_DISPLAY = r"(?:\"[^\"|]*\"|[^<>\",|:]*)\s*"
_CONTACT = re.compile(rf"\s*(?:{_DISPLAY}{_URI}{_PARAMETERS}|sips?:[^<>\"|\s,;?]+{_PARAMETERS})\s*")
_ROUTES = re.compile(rf"\s*{_DISPLAY}{_URI}{_PARAMETERS}\s*(?:,\s*{_DISPLAY}{_URI}{_PARAMETERS}\s*)*")


def are_forged() -> bool:
    """Whether a request brings marks that only topos may put there."""
    return ksr.header_count("P-SR-XBranch") > 0 or ksr.header_count("P-SR-XUID") > int(ksr.has_to_tag())


def reply_cannot_be_kept() -> bool:
    """The same for a reply; a forged mark stands beside topos' own."""
    if ksr.header_count("P-SR-XBranch") > 1 or ksr.header_count("P-SR-XUID"):
        return True
    return cannot_be_kept(needs_contact=ksr.method() == "INVITE" and 200 <= ksr.status() < 300)


def cannot_be_kept(*, needs_contact: bool) -> bool:
    """Whether the message in hand has something that topos cannot keep whole, or not read.

    `needs_contact`: whether it makes a dialog (RFC 3261 12.1).
    """
    try:
        vias = ksr.all_headers("Via", _MOST_LINES)
        routes = ksr.all_headers("Record-Route", _MOST_LINES)
        contacts = ksr.all_headers("Contact", 1)
    except ValueError:
        return True
    if any(not _ROUTES.fullmatch(route) for route in routes):
        return True
    if any(not _CONTACT.fullmatch(contact) for contact in contacts):
        return True
    if not contacts and needs_contact:
        return True
    texts = [
        *vias,
        *routes,
        *contacts,
        ksr.header("Call-ID"),
        ksr.header("CSeq"),
        ksr.header("From"),
        ksr.header("To"),
    ]
    lengths = [len(text) for text in texts]
    if (
        max(lengths) <= _LONGEST_NAME
        and sum(lengths) <= _LONGEST_FIELD
        and not any("|" in text for text in texts)
    ):
        return False  # as nearly every message: short enough whatever is joined with what
    named = [ksr.call_id(), ksr.pv("$ft"), ksr.pv("$tt"), ksr.header("CSeq")]
    fields = [",".join(vias), ",".join(routes), *contacts, ksr.header("From"), ksr.header("To")]
    return (
        max(map(len, named)) > _LONGEST_NAME
        or max(map(len, fields)) > _LONGEST_FIELD
        or sum(map(len, fields)) > _LONGEST_ALL
        or any("|" in text for text in (*named, *vias, *contacts))
    )
