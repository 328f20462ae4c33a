"""No exception in a callback lets a message through, and none drops one silently.

KEMI by itself drops a request whose callback raised, with no reply, and forwards a reply whose
callback raised, as it is. Both are wrong here: a request is answered, a reply is emptied.

What goes wrong may be the reading itself: app_python3 gives text as strict UTF-8, and raises on any
other byte a peer has put in. So nothing here reads the message in hand.
"""

import traceback
from collections.abc import Callable

from trunkward.edge import ksr


def request(callback: Callable[[], None]) -> Callable[..., int]:
    """Wraps a callback that handles a request with no transaction yet: 500 when it raises.

    400 when it could not even be read: SIP is UTF-8 (RFC 3261 section 25.1). No ACK is answered.
    """

    def guarded(*_: object) -> int:
        ksr.another_message()
        try:
            callback()
        except Exception as problem:
            _report(callback)
            if ksr.is_ack():
                pass
            elif isinstance(problem, UnicodeDecodeError):
                ksr.stateless_reply(400, "Not UTF-8")
            else:
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


def task(callback: Callable[[str, str], None]) -> Callable[..., int]:
    """Wraps a worker's task for a suspended transaction (`NAME DATA`): 500 on that one when it raises."""

    def guarded(*_: object) -> int:
        ksr.another_message()
        held, _blank, text = ksr.later_data().partition(" ")
        try:
            callback(held, text)
        except Exception:
            _report(callback)
            ksr.resume(held.partition("@")[0], "ksr_fault")
        return 1

    return guarded


def fault() -> None:
    """What the transaction of a task that raised is answered."""
    ksr.reply(500, "Server Internal Error")


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
            ksr.empty_reply()
        return 1

    return guarded


def incoming_reply(callback: Callable[[], None]) -> Callable[..., int]:
    """Wraps the callback that sees each reply first: the reply goes nowhere when it raises.

    Nor does a reply whose head Kamailio cannot read to its end: it could be forwarded, but no header of
    it removed, and topos would leave it alone. Its sender repeats it, and is timed out.
    """

    def guarded(*_: object) -> int:
        ksr.another_message()
        try:
            if ksr.head_can_be_read():
                callback()
                return 1
            ksr.log_warning("a reply whose head cannot be read goes nowhere")
        except Exception:
            _report(callback)
        ksr.drop()
        return 1

    return guarded


def stray_reply(*_: object) -> int:
    """A reply to no transaction of ours goes nowhere: tm has Kamailio forward it, past every callback.

    Anyone could have the node send anything anywhere with it (a second Via names the receiver), and a
    peer's late 200 would show its inside.
    """
    ksr.drop()
    return 1


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
    # as ASCII: the log is a C string, and takes neither half a surrogate pair nor NUL
    ksr.log_error(f"edge callback {callback.__qualname__} failed: {trace.encode('unicode_escape').decode()}")
