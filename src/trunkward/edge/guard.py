"""No exception in a callback lets a message through, and none drops one silently.

KEMI by itself drops a request whose callback raised, with no reply, and forwards a reply whose
callback raised, as it is. Both are wrong here: a request is answered, a reply is emptied.
"""

import traceback
from collections.abc import Callable

from trunkward.edge import ksr

#: Headers that survive on a reply whose callback failed: none but what SIP cannot do without,
#: and topos' own mark, without which the reply would leave with its inside showing.
NOTHING_ELSE = frozenset({"p-sr-xbranch"})


def request(callback: Callable[[], None]) -> Callable[..., int]:
    """Wraps a callback that handles a request with no transaction yet: 500 when it raises."""

    def guarded(*_: object) -> int:
        ksr.another_message()
        try:
            callback()
        except Exception:
            _report(callback)
            ksr.stateless_reply(500, "Server Internal Error")
        return 1

    return guarded


def transaction(callback: Callable[[], None]) -> Callable[..., int]:
    """Wraps a callback that handles a suspended or failed transaction: 500 when it raises."""

    def guarded(*_: object) -> int:
        ksr.another_message()
        try:
            callback()
        except Exception:
            _report(callback)
            ksr.reply(500, "Server Internal Error")
        return 1

    return guarded


def reply(callback: Callable[[], None]) -> Callable[..., int]:
    """Wraps a callback that handles a reply: emptied when it raises, so that nothing inside shows.

    tm does not let a final reply be dropped here; one without SDP makes the caller end the call.
    """

    def guarded(*_: object) -> int:
        ksr.another_message()
        try:
            callback()
        except Exception:
            _report(callback)
            ksr.keep_only_headers(NOTHING_ELSE)
            ksr.remove_body()
        return 1

    return guarded


def event(callback: Callable[[str], None]) -> Callable[..., int]:
    """Wraps a callback that handles an engine's event: reported when it raises."""

    def guarded(_message: object, name: str = "") -> int:
        ksr.another_message()
        try:
            callback(name)
        except Exception:
            _report(callback)
        return 1

    return guarded


def _report(callback: Callable[..., None]) -> None:
    trace = " | ".join(line.strip() for line in traceback.format_exc().splitlines())
    ksr.log_error(f"edge callback {callback.__qualname__} failed: {trace}")
