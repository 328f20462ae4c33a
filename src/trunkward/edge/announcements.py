"""What a refused caller hears before the refusal: a file, played by rtpengine as early media.

1. In a worker, the transaction suspended: rtpengine gets the caller's offer, an answer of ours for a far end
   that is nobody, and the file. If any of it fails the refusal goes at once, as without a file.
2. With the transaction in hand: 183 with the SDP, and it is suspended again for as long as the file lasts.
3. Its time being over is what ends it: tm's timer runs the failure callback, which refuses. Nobody waits.
4. A CANCEL is answered by tm itself. The request route, which sees it, has the media ended.
"""

import os
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from trunkward.edge import attempt, ksr, ladder, state
from trunkward.edge.compact import compact, expand
from trunkward.edge.media import Media, MediaRefused
from trunkward.edge.rtpengine import Rtpengine, RtpengineUnavailable
from trunkward.edge.suspended import Suspended
from trunkward.media.answer import AnswerRefused
from trunkward.media.sdp import MalformedSdp
from trunkward.media.silence import silent_answer

#: Played at once, over all processes; who is one too many is refused without.
MOST = 32
#: Seconds of the longest file (`engines.announcements`), and after one until the last of it was heard.
_LONGEST_S, _AFTER_S = 15.0, 0.3
#: Seconds after which a row is forgotten whatever happened.
_KEPT_S = 20
#: Those that are played or about to be, by record id; and their media by what an INVITE and its CANCEL share.
_PLACES, _MEDIA = "announced", "announced_to"
_BRANCH = re.compile(r";\s*branch\s*=\s*([^;,\s]+)", re.IGNORECASE)
#: The far end's tag in rtpengine.
_NOBODY = "announcement"


class Announcements:
    """Plays files to callers who are refused."""

    def __init__(
        self,
        engine: Rtpengine,
        media: Media,
        suspended: Suspended,
        refuse: Callable[[dict[str, Any]], None],
        group: str,
    ) -> None:
        """`refuse` answers the transaction in hand with a verdict; `group`: workers that may wait."""
        self._engine = engine
        self._media = media
        self._suspended = suspended
        self._refuse = refuse
        self._group = group

    def begin(self, held: str, facts: dict[str, Any], verdict: dict[str, Any]) -> None:
        """Refuses a suspended call, after its announcement where there is one; in a worker of the group."""
        told = verdict.get("announcement")
        if not told or not _may_be_played(told["file"]) or not _place_for(verdict["record_id"]):
            self._suspended.resume(held, partial(self._refuse, verdict))
            return
        call = {
            "record_id": verdict["record_id"],
            "media_id": f"{verdict['record_id']}n",
            "caller_tag": facts["from_tag"],
            "caller_source": attempt.source_of(facts),
            "hops": [told["hop"]],
            "called_suites": [],
            "called_family": "IP4",
        }
        try:
            offer = self._media.offer(call, told["offer"], forward=True, again=False)
            sdp = self._media.answer(call, silent_answer(offer), _NOBODY, forward=True, again=False)
            lasts_s = self._engine.play(call["media_id"], call["caller_tag"], told["file"])
        except (MediaRefused, AnswerRefused, MalformedSdp, RtpengineUnavailable) as problem:
            ksr.log_warning(f"call {call['record_id']}: refused without its announcement: {problem}")
            self._suspended.resume(held, partial(self._refuse, verdict))
            self._give_up(call)
            return
        then = partial(self._play, call, verdict, sdp, min(lasts_s, _LONGEST_S) + _AFTER_S)
        if not self._suspended.resume(held, then):
            self._give_up(call)  # the caller has given up meanwhile

    def _give_up(self, call: dict[str, Any]) -> None:
        ksr.table_remove(_PLACES, call["record_id"])
        self._media.end(call)

    def _play(self, call: dict[str, Any], verdict: dict[str, Any], sdp: str, lasts_s: float) -> None:
        refusal = {name: verdict[name] for name in ("record_id", "status", "phrase", "reason", "headers")}
        state.set_way({"media": call, "verdict": refusal})
        ksr.table_set(_MEDIA, _key(), compact(call), _KEPT_S)
        if not ksr.is_cancelled():
            ksr.add_reply_header("Contact", ksr.own_contact())  # RFC 3261 section 12.1.1
            ksr.reply_with_sdp(183, "Session Progress", sdp)
            ladder.sent(call["record_id"], "caller", "183", "INVITE", sdp)
            if self._suspended.hold(int(lasts_s * 1000), "ksr_announced"):
                return
        self._refuse(verdict)
        self.ended()

    def over(self) -> None:
        """The failure callback: the file has been played."""
        told = state.way()
        if ksr.is_cancelled():
            ksr.reply(487, "Request Terminated")
        else:
            self._refuse(told["verdict"])
        self.ended()

    def ended(self) -> None:
        """The announcement of the INVITE in hand, or of the one its CANCEL is in hand of, is over, if any."""
        key = _key()
        if text := ksr.table_get(_MEDIA, key):
            ksr.table_remove(_MEDIA, key)
            ksr.table_remove(_PLACES, expand(text)["record_id"])
            # without a free worker rtpengine itself ends what nobody sends to
            ksr.later("ksr_media_given_up", text, self._group)


def _may_be_played(file: str) -> bool:
    # whoever opens a pipe waits, and with rtpengine all calls would
    return os.path.isfile(file) and os.access(file, os.R_OK)


def _place_for(record_id: str) -> bool:
    """Takes a place and then looks whether there were enough: of two that look at once, none is too many."""
    ksr.table_set(_PLACES, record_id, "taken", _KEPT_S)
    if len(ksr.table_rows(_PLACES)) <= MOST:
        return True
    ksr.table_remove(_PLACES, record_id)
    return False


def _key() -> str:
    """What an INVITE and its CANCEL have in common (RFC 3261 section 9.1), and nobody else can know."""
    found = _BRANCH.search(ksr.header("Via"))
    return f"{ksr.call_id()} {found[1] if found else ''}"
