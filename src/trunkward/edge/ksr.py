"""The one place that touches `KSR`: every engine call wrapped once, with a type.

KSR functions answer 1 and -1 (and a few other ints) for true and false, so `not KSR.x()` is
always False. Here they answer `bool`, and values that may be absent answer `str` ("" for none).
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import KSR  # type: ignore[import-not-found]

from trunkward.edge import lines

#: RFC 3261 8.1.1 and 12, 18, 20: what dialogs, transactions and bodies are made of, compact forms included.
_NEEDED = frozenset(
    {"via", "v", "from", "f", "to", "t", "call-id", "i", "cseq", "max-forwards", "contact", "m"}
    | {"record-route", "content-type", "c", "content-length", "l"}
)
#: RFC 3323 section 4.1.1.3.
NOBODY = "sip:anonymous@anonymous.invalid"
_async: Any = getattr(KSR, "async")  # a keyword in Python, a module in Kamailio
#: Asked for dozens of times a call.
_pv_get = KSR.pv.gete
_pv_set = KSR.pv.sets


# ---- log -------------------------------------------------------------------------------------
def log_error(text: str) -> None:
    """One line at ERROR."""
    KSR.err(text + "\n")


def log_warning(text: str) -> None:
    """One line at WARNING."""
    KSR.warn(text + "\n")


# ---- Kamailio itself -------------------------------------------------------------------------
def statistic(name: str) -> str:
    """One of Kamailio's own statistics, "" for one it does not have."""
    return pv(f"$stat({name})")


def version() -> str:
    """Kamailio's version."""
    return pv("$version(num)")


# ---- the message in hand ---------------------------------------------------------------------
def pv(name: str) -> str:
    """The value of a pseudo-variable as text, "" when it has none."""
    value = _pv_get(name)
    return value if type(value) is str else str(value)


def set_pv(name: str, value: str) -> None:
    """Sets a pseudo-variable to text."""
    _pv_set(name, value)


def method() -> str:
    """The request's method, or the method in the CSeq of a reply."""
    return str(KSR.kx.get_method())


def status() -> int:
    """The status code of the reply in hand."""
    return int(KSR.kx.get_status())


def ruri() -> str:
    """The Request-URI."""
    return str(KSR.kx.get_ruri())


def call_id() -> str:
    """The Call-ID."""
    return str(KSR.kx.get_callid())


def body() -> str:
    """The body, "" when there is none."""
    return str(KSR.kx.gete_body())


def contact_uri() -> str:
    """The URI of the first Contact, "" when there is none."""
    contact = header("Contact")
    return contact.partition("<")[2].partition(">")[0] or contact.partition(";")[0]


def source_ip() -> str:
    """Where the message came from."""
    return str(KSR.kx.get_srcip())


def source_host() -> str:
    """`host:port` the message in hand came from, as it stands in a URI."""
    source = source_ip()
    return f"[{source}]:{pv('$sp')}" if ":" in source else f"{source}:{pv('$sp')}"


def is_ack() -> bool:
    """Whether the request in hand is one that is never answered."""
    return bool(KSR.is_ACK())


def has_to_tag() -> bool:
    """Whether the To header has a tag: the request belongs to a dialog (RFC 3261 12.2)."""
    return int(KSR.siputils.has_totag()) > 0


_lines: list[lines.Lines] = []


def another_message() -> None:
    """Says that a callback has begun: what was read of the message before is not about this one."""
    _lines.clear()


def head_can_be_read() -> bool:
    """Whether Kamailio can read the message to the end of its head. What it cannot read it cannot remove.

    A no for the one header that each message has: nothing gets here without a Via.
    """
    return int(KSR.hdr.is_present("Via")) > 0


def head_is_clear() -> bool:
    """Whether Kamailio sees the header lines that are seen here, and no others (`lines`), all of it UTF-8."""
    return head().is_clear


def head() -> lines.Lines:
    """The header lines of the message in hand."""
    if not _lines:
        try:
            _lines.append(lines.Lines(pv("$mb")))
        except UnicodeDecodeError:
            _lines.append(lines.Lines(_message_that_is_no_text()))
            _lines[0].is_clear = False
    return _lines[0]


def header(name: str, index: int = 0) -> str:
    """The `index`th value of a header, "" when there is none."""
    found = head().values(name.lower())
    return found[index] if index < len(found) else ""


def headers(name: str, limit: int = 10) -> list[str]:
    """All values of a header, in their order, at most `limit`."""
    return head().values(name.lower())[:limit]


def add_header(name: str, value: str) -> None:
    """Appends one header to the message in hand."""
    KSR.hdr.append(f"{name}: {value}\r\n")


def add_reply_header(name: str, value: str) -> None:
    """Appends one header to the reply that will be made for the request in hand."""
    KSR.hdr.append_to_reply(f"{name}: {value}\r\n")


def remove_header(name: str) -> None:
    """Removes every header of this name. Raises `ValueError` when it cannot be removed."""
    if KSR.hdr.remove(name) < 0:
        raise ValueError(f"header {name!r} cannot be removed")


def keep_only_headers(allowed: frozenset[str]) -> None:
    """Removes every header but the ones SIP cannot do without and the `allowed` (lower-case names).

    Raises `ValueError` when one cannot be removed, or when Kamailio might see others than are seen here.
    """
    seen = head()
    if not seen.is_clear:
        raise ValueError("a head that can be read in two ways")
    for name in seen.names - allowed - _NEEDED:
        remove_header(name)


def set_body(text: str, content_type: str) -> bool:
    """Replaces the body."""
    return int(KSR.textops.set_body(text, content_type)) > 0


def message() -> str:
    """The whole message in hand, as received; U+FFFD stands for what is no UTF-8."""
    try:
        return pv("$mb")
    except UnicodeDecodeError:
        return _message_that_is_no_text()


def _message_that_is_no_text() -> str:
    # app_python3 raises on bytes it cannot decode; in hexadecimal digits they come, 32 kB of them, and
    # longer messages are refused by the core (msg_recv_max_size)
    digits = pv("$(mb{s.encode.hexa})")
    if not digits:
        raise ValueError("a message that is no UTF-8, and a long one")
    return bytes.fromhex(digits).decode(errors="replace")


def replace_message(text: str) -> None:
    """Puts another message in the place of the one in hand. Needs the core's `tcp_clone_rcvbuf`."""
    _lines.clear()
    if int(KSR.textopsx.msg_set_buffer(text)) <= 0:
        raise ValueError("the message in hand cannot be replaced")


def body_is_sdp() -> bool:
    """Whether the message in hand says that its body is a session description."""
    return pv("$cT").partition(";")[0].strip().lower() == "application/sdp"


def remove_body() -> bool:
    """Takes the body off the message in hand."""
    return int(KSR.textopsx.remove_body()) > 0


def empty_reply() -> None:
    """Leaves nothing of the reply in hand but its being one; for a reply that could not be looked at.

    Reads no text of it: one byte that is no UTF-8 makes that raise. Each step is taken whatever became of
    the others. Not a body that `set_body` has put in: that one cannot be taken out again.
    """
    code = status()
    steps: list[Callable[[], object]] = [
        lambda: KSR.textopsx.change_reply_status(code, "Emptied"),
        # but for topos' own mark, without which the reply would leave with its inside showing. It keeps what
        # dialogs and transactions are made of by itself, and says -1 always
        lambda: KSR.textopsx.keep_hf_re("^P-SR-XBranch$"),
        remove_body,
        lambda: show_from(NOBODY),
        lambda: show_to(NOBODY),
    ]
    if code >= 300:
        steps.append(lambda: remove_header("Contact"))  # topos leaves that of a redirection as it is
    for step in steps:
        try:
            step()
        except Exception as problem:
            log_error(f"a reply not wholly emptied: {problem!a}")


def drop() -> None:
    """The reply in hand goes nowhere, once the callback returns."""
    KSR.set_drop()


# ---- native hygiene --------------------------------------------------------------------------
def max_forwards_ok(limit: int) -> bool:
    """False when Max-Forwards has run out (RFC 3261 16.3, item 3)."""
    return int(KSR.maxfwd.process_maxfwd(limit)) >= 0


def sane() -> bool:
    """Kamailio's own sanity checks; they send the refusal themselves."""
    return int(KSR.sanity.sanity_check(17895, 7)) > 0


# ---- transactions ----------------------------------------------------------------------------
def is_retransmission() -> bool:
    """True for a request this node already has a transaction for; absorbs it."""
    if int(KSR.tmx.t_precheck_trans()) > 0:
        KSR.tm.t_check_trans()
        return True
    return int(KSR.tm.t_check_trans()) == 0


def matches_transaction() -> bool:
    """True when a transaction exists that this CANCEL or ACK belongs to."""
    return int(KSR.tm.t_check_trans()) > 0


def new_transaction() -> bool:
    """Makes the transaction, so that retransmissions are absorbed while the request waits."""
    return int(KSR.tm.t_newtran()) > 0


def is_cancelled() -> bool:
    """Whether the caller gave up while the request was waiting."""
    return int(KSR.tm.t_is_canceled()) > 0


def suspend() -> str:
    """Suspends the transaction in hand. The name `resume` knows it by, "" when it could not be."""
    if int(KSR.tmx.t_suspend()) < 0:
        return ""
    return f"{pv('$T(id_index)')}:{pv('$T(id_label)')}"


def resume(transaction: str, callback: str) -> None:
    """Runs `callback` on a suspended transaction, here and now, unless it has ended meanwhile."""
    index, _, label = transaction.partition(":")
    number = int(label)
    KSR.tmx.t_continue(int(index), number - (number >> 31 << 32), callback)  # a C int, of an unsigned one


def release() -> None:
    """Ends the transaction in hand without a reply."""
    KSR.tm.t_release()


def later(callback: str, data: str, group: str) -> bool:
    """Runs `callback` in a worker of `group`, where `later_data` gives it `data`. False: no room."""
    return int(_async.task_group_data(callback, group, data)) > 0


def later_data() -> str:
    """What `later` was given, in the callback it named."""
    return str(_async.get_data())


def set_final_response_timeout(invite_ms: int, request_ms: int) -> None:
    """Tm's fr_inv and fr timers for this transaction, in milliseconds."""
    KSR.tm.t_set_fr(invite_ms, request_ms)


def on_reply(callback: str) -> None:
    """Arms the reply callback of this transaction."""
    KSR.tm.t_on_reply(callback)


def on_failure(callback: str) -> None:
    """Arms the failure callback of this transaction."""
    KSR.tm.t_on_failure(callback)


def relay() -> bool:
    """Sends the request on; False when it could not be sent."""
    return int(KSR.tm.t_relay()) > 0


def reply(code: int, phrase: str) -> bool:
    """Answers the transaction in hand."""
    return int(KSR.tm.t_reply(code, phrase)) > 0


def own_contact() -> str:
    """A Contact of ours for the side of the message in hand: where it arrived."""
    address = pv("$Ri")
    host = f"[{address}]" if ":" in address else address
    return f"<sip:{host}:{pv('$Rp')};transport={pv('$proto').lower()}>"


def reply_with_sdp(code: int, phrase: str, sdp: str) -> bool:
    """The same with a session description."""
    KSR.textops.set_reply_body(sdp, "application/sdp")
    return reply(code, phrase)


def stateless_reply(code: int, phrase: str) -> None:
    """Answers with no transaction, or in one when there is one."""
    KSR.sl.send_reply(code, phrase)


def final_status() -> int:
    """The winning status, in a failure callback."""
    return int(KSR.tm.t_get_status_code())


def is_unanswered() -> bool:
    """Whether nothing at all has come of the branch that failed, in a failure callback."""
    return int(KSR.tm.t_branch_timeout()) > 0 and int(KSR.tm.t_branch_replied()) <= 0


# ---- routing ---------------------------------------------------------------------------------
def record_route(parameters: str) -> None:
    """Puts this node in the dialog's path, with parameters that come back on each request."""
    KSR.rr.add_rr_param(parameters)
    KSR.rr.record_route()


def loose_route() -> bool:
    """Follows the Route set (RFC 3261 16.4)."""
    return int(KSR.rr.loose_route()) > 0


def set_target(uri: str, next_hop: str) -> None:
    """The Request-URI and where to send it."""
    KSR.seturi(uri)
    if next_hop:
        KSR.setdsturi(next_hop)
    else:
        KSR.resetdsturi()


def expect_tls_server(name: str) -> None:
    """The name a new outbound TLS connection asks for and must be shown (SNI, RFC 5922)."""
    KSR.pv.sets("$xavp(tls=>server_id)", name)
    KSR.pv.sets("$xavp(tls[0]=>server_name)", name)


def send_options(uri: str, from_value: str, to_value: str) -> None:
    """Sends an OPTIONS of our own, out of any dialog."""
    headers_text = f"From: {from_value}\r\nTo: {to_value}\r\n"
    KSR.tm.t_uac_send("OPTIONS", uri, "", "", headers_text, "")


def send_request(method: str, uri: str, next_hop: str, headers_text: str, *, answers_to: str = "") -> bool:
    """Sends a request of our own; From, To, Call-ID and CSeq stand among its headers. False: not sent.

    `answers_to`: each reply of its transaction, and nothing else, runs `ksr_own_reply`, where this is known.
    """
    _being_sent.append(answers_to)
    try:
        return int(KSR.tm.t_uac_send(method, uri, next_hop, "", headers_text, "")) > 0
    finally:
        _being_sent.pop()


#: Requests of ours that tm is making at this moment: what their answers are to be known by.
_being_sent: list[str] = []
_ANSWERS_TO = "$avp(answers_to)"


def local_request(_event: str) -> None:
    """What tm runs with the transaction of each request of ours in hand, before it leaves."""
    if _being_sent and _being_sent[-1]:
        KSR.pv.sets(_ANSWERS_TO, _being_sent[-1])
        on_reply("ksr_own_reply")


def answers_to() -> str:
    """What `send_request` was given for the reply in hand, "" for none."""
    return pv(_ANSWERS_TO)


def connection_id() -> int:
    """Kamailio's id of the connection the message in hand came on."""
    return int(KSR.kx.get_conid())


def is_connected(connection: int) -> bool:
    """Whether TCP is through; TLS may not be yet."""
    return int(KSR.tcpops.tcp_conid_state(connection)) == 1


def connection_alive(connection: int) -> bool:
    """Whether a connection can be written to."""
    return int(KSR.tcpops.tcp_conid_alive(connection)) > 0


def close_connection(connection: int) -> None:
    """Closes a connection."""
    KSR.tcpops.tcp_close_connection_id(connection)


def tell_when_closed(connection: int) -> bool:
    """Has `ksr_connection_closed` run when this connection ends; False when it has."""
    return int(KSR.tcpops.tcp_enable_closed_event_cid(connection)) > 0


def use_connection(connection: int) -> None:
    """Sends the request in hand on this connection and no other."""
    KSR.tcpops.tcp_set_otcpid(connection)
    KSR.tcpops.tcp_set_otcpid_flag(1)


def open_no_connection() -> None:
    """Sends the request in hand only where a connection exists already."""
    KSR.set_forward_no_connect()


def next_hop() -> str:
    """`host:port` the request in hand will be sent to."""
    return f"{pv('$nh(d)')}:{pv('$nh(p)')}"


def ruri_host() -> str:
    """`host:port` of the Request-URI."""
    return f"{pv('$rd')}:{pv('$rp')}"


def set_next_hop(uri: str) -> None:
    """Where to send the request in hand, whatever its Request-URI."""
    KSR.setdsturi(uri)


def connection_to(host: str) -> int:
    """The id of a live connection with `host:port` at its other end, 0 when there is none."""
    if int(KSR.tcpops.tcp_get_conid(host, "$var(connection)")) < 0:
        return 0
    return int(pv("$var(connection)") or 0)


def show_from(uri: str) -> None:
    """Puts another URI into the From header of the message in hand; tag and display name stay.

    By assignment, not by a substitution: a URI that came from a peer must not be read as a pattern.
    """
    if pv("$fu") != uri:
        KSR.pv.sets("$fu", uri)


def show_from_name(name: str) -> None:
    """Puts a display name into the From header of the message in hand, quotes included."""
    KSR.pv.sets("$fn", name)


def show_to(uri: str) -> None:
    """The same for the To header."""
    if pv("$tu") != uri:
        KSR.pv.sets("$tu", uri)


def set_call_id(call_id: str, *, at_once: bool) -> None:
    """Puts another Call-ID into the message in hand; `at_once`: also for what is answered to it."""
    remove_header("Call-ID")
    KSR.hdr.append(f"Call-ID: {call_id}\r\n")
    if at_once:
        KSR.textopsx.msg_apply_changes()


def add_contact_alias() -> None:
    """Notes the real source beside a Contact that names another address (NAT, RFC 5626's problem)."""
    KSR.nathelper.set_contact_alias()


def use_contact_alias() -> None:
    """Sends towards the source noted by `add_contact_alias`, over its own connection."""
    KSR.nathelper.handle_ruri_alias()


def answer_to_source() -> None:
    """Replies go where the request came from, whatever its Via says (RFC 3581)."""
    KSR.force_rport()


# ---- shared memory ---------------------------------------------------------------------------
def table_get(table: str, key: str) -> str:
    """A row of a shared table, "" when absent."""
    value = KSR.htable.sht_get(table, key)
    return "" if value is None else str(value)


def table_set(table: str, key: str, value: str, expires_s: int) -> bool:
    """Writes a row that expires by itself."""
    return int(KSR.htable.sht_setxs(table, key, value, expires_s)) > 0


def table_set_forever(table: str, key: str, value: str) -> bool:
    """Writes a row that stays until it is removed."""
    return int(KSR.htable.sht_sets(table, key, value)) > 0


@contextlib.contextmanager
def table_locked(table: str, key: str) -> Iterator[None]:
    """Keeps every other process from this row; touch no other row meanwhile, it may share the lock."""
    KSR.htable.sht_lock(table, key)
    try:
        yield
    finally:
        KSR.htable.sht_unlock(table, key)


def table_rows(table: str) -> list[tuple[str, str]]:
    """All rows of a table of text. The part of it that is read is locked, so nothing else is done here."""
    found = []
    KSR.htable.sht_iterator_start("rows", table)
    try:
        while int(KSR.htable.sht_iterator_next("rows")) > 0:
            found.append((_pv_get("$shtitkey(rows)"), _pv_get("$shtitval(rows)")))
    finally:
        KSR.htable.sht_iterator_end("rows")
    return found


def table_remove(table: str, key: str) -> None:
    """Removes a row."""
    KSR.htable.sht_rm(table, key)
