"""Which side of a call a request in a dialog comes from, and the Call-ID that side knows.

topos masks the Call-ID towards the called side, and takes the mask off what comes from there before the
script sees it. What Kamailio then answers by itself (100, 403, 481, 500, 503) would carry the caller's own
Call-ID to the called side: its inside, in a reply that side cannot even match. So a request from there
is given its masked Call-ID back for as long as it is ours, and the other one again when it is sent on.
"""

import base64
import binascii
import re

from trunkward.edge import ksr

_STANDARD = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
#: What `route_parameters` puts into Record-Route, and topos keeps from the peers and gives back.
_MARKS = re.compile(r";tw=([0-9a-zA-Z]+);twc=([0-9a-f]+)")


class Sides:
    """Tells the sides of a call apart, without looking the call up."""

    def __init__(self, alphabet: str, prefix: str) -> None:
        """`alphabet`: the 64 characters topoh masks with, `prefix`: what it puts in front."""
        self._prefix = prefix
        self._mask = str.maketrans(_STANDARD, alphabet + "*")

    def masked(self, call_id: str) -> str:
        """A Call-ID as topos shows it to the called side."""
        return self._prefix + base64.b64encode(call_id.encode()).decode().translate(self._mask)

    def settle(self) -> str:
        """For each request in a dialog, before anything can be answered; the call's record id, "" if none."""
        try:
            found = _MARKS.search(ksr.header("Route"))
            if found is None:
                return ""
            if found[2] != _mark(ksr.pv("$ft")):
                ksr.set_call_id(self.masked(ksr.call_id()), at_once=True)
        except UnicodeDecodeError:
            ksr.set_call_id("unreadable", at_once=True)  # it gets 400, and may have come from either side
            raise
        return found[1]


def route_parameters(record_id: str, caller_tag: str) -> str:
    """What is put into Record-Route for a call, so that each of its requests can be told."""
    return f";tw={record_id};twc={_mark(caller_tag)}"


def _mark(tag: str) -> str:
    return f"{binascii.crc32(tag.encode()):x}"
