"""What every reason code means and what to do about it: one table, for answers, commands and pages.

A new `Reason` gets its row here; `python tools/reasons_page.py --write` then makes docs/reasons.md anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from trunkward.calls.verdict import Blame, Reason
from trunkward.sip.reason import refusal, release


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonRow:
    """One reason code, for whoever meets it."""

    #: What it means: the rest of a sentence that begins with the code.
    means: str
    #: What to do about it.
    do: str
    #: What whoever was refused hears beside the code; no price, limit or name of ours. "": the code alone.
    heard: str = ""
    #: The SIP status codes it comes with, each with its Q.850 cause (RFC 3398 sections 7.2.4.1, 8.2.6.1);
    #: None where no cause fits. No status at all: it is no refusal.
    answers: Mapping[int, int | None] = field(default_factory=dict)
    #: Who may have to act.
    blames: tuple[Blame, ...] = (Blame.NOBODY,)
    #: Of one of these who cannot do it alone: who does what, in words that follow on his name.
    together: Mapping[Blame, str] = field(default_factory=dict)
    #: Said by the edge itself, with no gate to ask or after one has admitted the call.
    by_edge: bool = False
    #: A caller may hear why, before the answer (`node.announcements`).
    announced: bool = False


#: Who has to act, in words, by a verdict's `blame`.
WHO: Mapping[str, str] = {
    Blame.CUSTOMER: "the customer",
    Blame.CALLER: "the caller",
    Blame.CARRIER: "the carrier",
    Blame.US: "whoever runs this node",
    Blame.NOBODY: "nobody",
}
_SENDER = (Blame.CUSTOMER, Blame.CARRIER)
#: An offer is refused with 488, an answer with 502.
_MEDIA: Mapping[int, int | None] = {488: 65, 502: 27}

REASONS: Mapping[Reason, ReasonRow] = {
    Reason.ADMITTED: ReasonRow(
        means="the call was let through",
        do="nothing; how it ended is in the outcome",
    ),
    Reason.ADMITTED_EMERGENCY: ReasonRow(
        means="an emergency number, called by an identified trunk",
        do="nothing",
    ),
    Reason.UNKNOWN_SOURCE: ReasonRow(
        answers={403: None},
        blames=(Blame.CALLER,),
        means="certificate and network together are no trunk's and no carrier's (on a plain listener: the"
        " network is no carrier's, and no answer is sent)",
        do="compare the record's `source` and `certificate_sha256` with `networks` and"
        " `client_certificate`; a carrier's certificate needs a name of `tls_names` and its `ca`",
    ),
    Reason.CERTIFICATE_REQUIRED: ReasonRow(
        answers={403: None},
        blames=(Blame.CALLER,),
        means="TLS, but no client certificate was shown",
        do="give the PBX its certificate and key",
    ),
    Reason.CREDENTIALS_REQUIRED: ReasonRow(
        answers={401: None, 407: None},
        blames=(Blame.CALLER,),
        means="digest credentials were asked for: so every call of a trunk with `digest` begins. A"
        " record is made only of who shows a trunk's certificate from elsewhere; of all, a line a minute and"
        " source in `gate-N.log`",
        do="nothing, if the same call comes again with credentials; else enter both in the PBX",
    ),
    Reason.CREDENTIALS_STALE: ReasonRow(
        answers={401: None, 407: None},
        blames=(Blame.CALLER,),
        means="credentials for a nonce that is too old, that this node has not made, or of before a start of"
        " Valkey; asked for again. It makes no record",
        do="nothing: the PBX answers the new one by itself",
    ),
    Reason.CREDENTIALS_REPLAYED: ReasonRow(
        answers={401: None, 407: None},
        blames=(Blame.CALLER,),
        means="credentials that were used before, with the same nonce and count; asked for again",
        do="a PBX that repeats itself, or somebody who has read its messages: look at the record's `source`",
    ),
    Reason.CREDENTIALS_REFUSED: ReasonRow(
        answers={403: None},
        blames=(Blame.CALLER,),
        means="digest credentials that prove nothing, or not with this network and certificate; the finding"
        " says which, and the caller is told nothing",
        do="enter username and secret in the PBX anew; many of them from one source are an attack",
    ),
    Reason.TLS12_REFUSED: ReasonRow(
        answers={403: 21},
        blames=_SENDER,
        means="it came to the port for TLS 1.2, which is for trunks with `unsafe_tls12`",
        do="use `node.tls_port` and TLS 1.3; if the PBX cannot, declare the exception",
        heard="use TLS 1.3, on its port",
    ),
    Reason.TRUNK_DISABLED: ReasonRow(
        announced=True,
        # to a carrier it is like any number that is not here
        answers={403: 21, 404: 1},
        blames=(Blame.US,),
        means="the trunk, or its tenant, has `enabled: false`",
        do="enable it, or leave it so",
        heard="not in service",
    ),
    Reason.MALFORMED_REQUEST: ReasonRow(
        answers={400: 41},
        blames=_SENDER,
        means="Request-URI or From cannot be read as SIP URIs",
        do="look at the URI the finding quotes",
    ),
    Reason.IDENTITY_TOO_LARGE: ReasonRow(
        answers={438: 41},
        blames=_SENDER,
        means="more Identity headers than ten, one of more than 8 KiB, or more than 16 KiB together: none may"
        " be lost on the way, and so many are not carried",
        do="find out who on the way adds them; a call has one, and one for each time it was diverted",
        heard="too many Identity headers, or too long ones",
    ),
    Reason.CALLING_NUMBER_MALFORMED: ReasonRow(
        announced=True,
        answers={403: 21},
        blames=(Blame.CUSTOMER,),
        means="From holds no number the trunk's dial plan can read, or is anonymous, and nothing else names"
        " one of its numbers",
        do="send the number in the user part of From, with `+` or as dialled nationally; or set the trunk's"
        " `caller.number`",
    ),
    Reason.CALLING_NUMBER_NOT_PERMITTED: ReasonRow(
        answers={403: 21},
        blames=(Blame.CUSTOMER,),
        means="a calling number that is not the trunk's own, nor verified for it",
        do="show one of its numbers; or `./trunkward evidence add` with a document (level A), or `./trunkward"
        " number verify` (level B); or set the trunk's `caller`",
        heard="this calling number may not be shown from here",
    ),
    Reason.CALLING_NUMBER_NOT_VALID: ReasonRow(
        answers={403: 21, 603: 21},
        blames=_SENDER,
        means="a North American calling number nobody can have: N11, 555, an unassigned area code",
        do="send a real one; 555-01xx are for laboratories (`node.unsafe_fictional_numbers`)",
        heard="nobody has this calling number",
    ),
    Reason.DO_NOT_ORIGINATE: ReasonRow(
        answers={403: 21, 603: 21},
        blames=_SENDER,
        means="a calling number from which nobody calls: on the list `node.do_not_originate`, or one of our"
        " own with `calls_out: false`",
        do="nothing, if it was a fake; else take it off the list",
        heard="nobody calls from this number",
    ),
    Reason.CALLED_NUMBER_NOT_VALID: ReasonRow(
        answers={404: 1},
        blames=(Blame.CUSTOMER,),
        means="a North American number nobody can have",
        do="look at what was dialled",
    ),
    Reason.CALLED_NUMBER_MALFORMED: ReasonRow(
        announced=True,
        answers={484: 28},
        blames=_SENDER,
        means="the Request-URI holds no number",
        do="send it with `+`, or as dialled nationally",
    ),
    Reason.CALLED_NUMBER_UNKNOWN: ReasonRow(
        announced=True,
        answers={404: 1},
        blames=(Blame.CARRIER,),
        means="an inbound call to a number in no trunk's inventory",
        do="add it to a trunk's `numbers`, or tell the carrier",
        heard="the number called is not here",
    ),
    Reason.NO_ROUTE: ReasonRow(
        announced=True,
        answers={404: 3},
        blames=(Blame.US,),
        means="no carrier has a prefix of this number",
        do='add a beginning of the number to a carrier\'s `prefixes`; `"+"` takes every number',
        heard="there is no way to this number",
    ),
    Reason.NO_EMERGENCY_ROUTE: ReasonRow(
        announced=True,
        answers={404: 3},
        blames=(Blame.US,),
        means="an emergency number was called, and no carrier takes emergency calls",
        do="set `emergency: true` for a carrier that does, at once",
        heard="nobody here can take calls for help: use another line",
    ),
    Reason.TAKES_NO_CALLS: ReasonRow(
        announced=True,
        answers={404: 3},
        blames=(Blame.US,),
        means="an inbound call to a number whose trunk has no `host`, and nobody to stand in for it",
        do="give the trunk a `host`, or a `failover`",
        heard="nobody takes calls at this number",
    ),
    Reason.METHOD_REFUSED: ReasonRow(
        answers={405: 63},
        blames=(Blame.CALLER,),
        means="a request that is no INVITE reached the judgement",
        do="nothing you can configure; the edge answers all others itself",
        heard="not taken here, or not over this transport",
    ),
    Reason.NO_OFFER: ReasonRow(
        answers={488: 65},
        blames=_SENDER,
        means="no SDP in the INVITE, or not as one `application/sdp` body",
        do='switch off "late offer" or "empty INVITE" on the PBX',
    ),
    Reason.SRTP_REQUIRED: ReasonRow(
        answers=_MEDIA,
        blames=_SENDER,
        means="a stream without SRTP",
        do="require SRTP on the PBX or carrier",
    ),
    Reason.SRTP_SUITE_REFUSED: ReasonRow(
        answers=_MEDIA,
        blames=_SENDER,
        means="only suites we don't accept, a switched-off protection, or a weak DTLS fingerprint",
        do="offer AES-GCM, or AES-CM with the 80-bit tag",
    ),
    Reason.SDES_WITHOUT_TLS: ReasonRow(
        answers={488: 65},
        blames=(Blame.CARRIER,),
        means="SRTP keys in SDP over UDP or TCP",
        do="use TLS, or offer plain RTP there if `media: rtp` is meant",
    ),
    Reason.MEDIA_MALFORMED: ReasonRow(
        answers=_MEDIA,
        blames=_SENDER,
        means="SDP that cannot be read, mixed protections, no audio, a key of the wrong length",
        do="look at the finding; it never quotes a key",
    ),
    Reason.NODE_DRAINING: ReasonRow(
        answers={503: 41},
        blames=(Blame.US,),
        means="the node is being emptied (`Retry-After: 30`); its emergency and running calls go on",
        do="nothing, if that is meant; else `./trunkward undrain`",
        heard="no new calls for now; try again later",
    ),
    Reason.MEDIA_ADDRESS_FAMILY: ReasonRow(
        answers=_MEDIA,
        blames=_SENDER,
        means="media of an IP version this node has no address of; an answer, or a later offer, of another"
        " version than its leg has",
        do="write `c=` of the version the finding names, or give `node.address` and `node.media.address`"
        " the other one too",
    ),
    Reason.TRUNK_HELD: ReasonRow(
        # to a carrier: not available for the time being
        answers={403: 21, 480: 20},
        blames=(Blame.US,),
        means="calls of the trunk, its tenant or its reseller are held (`./trunkward hold`)",
        do="find out why (`./trunkward history`); when all is well, `./trunkward release` whom the finding"
        " names",
        heard="not available now",
    ),
    Reason.INTERNATIONAL_HELD: ReasonRow(
        answers={403: 21},
        blames=(Blame.US,),
        means="calls abroad of the trunk, its tenant or its reseller are held (`./trunkward hold"
        " --international`)",
        do="find out why (`./trunkward history`); when all is well, `./trunkward release` whom the finding"
        " names",
        heard="calls abroad are not possible now",
    ),
    Reason.DESTINATION_UNKNOWN: ReasonRow(
        announced=True,
        answers={403: 21},
        blames=(Blame.CUSTOMER,),
        means="the table of destinations knows no numbers that begin so, or none as long, and so not what"
        " they cost",
        do="look at the number; if there are such numbers, add a line with their class to the file of"
        " `node.destinations`",
        heard="this number is not known to be anybody's",
    ),
    Reason.DESTINATION_NOT_ALLOWED: ReasonRow(
        announced=True,
        answers={403: 21},
        blames=(Blame.CUSTOMER,),
        means="trunk, tenant or reseller does not open the country; where none says anything, only the one at"
        " home is open",
        do="if the customer means to call there, take the steps the finding names: every list there is must"
        " open the country",
        heard="calls to this country are not open",
    ),
    Reason.CLASS_NOT_ALLOWED: ReasonRow(
        announced=True,
        answers={403: 21},
        blames=(Blame.CUSTOMER,),
        means="a class of numbers that is not opened, of a country that is, or of none: the list names"
        " single classes and not this one; or no country opens it by itself (premium, satellite, shared cost"
        " and more)",
        do="if the customer means to call there, take the steps the finding names: every list there is must"
        " open the class or the prefix",
        heard="calls to this kind of number are not open",
    ),
    Reason.RATE_TOO_HIGH: ReasonRow(
        announced=True,
        answers={403: 21},
        blames=(Blame.CUSTOMER,),
        means="a minute costs more than the `destinations.max_rate` that holds there (0.30 where nobody"
        " writes another), or nobody knows what it costs, and no class or prefix opens the number",
        do="if the customer means to call there, take the steps the finding names",
        heard="calls to this number are not open",
    ),
    Reason.OUTSIDE_HOURS: ReasonRow(
        announced=True,
        answers={403: 21},
        blames=(Blame.CUSTOMER,),
        means="trunk, tenant or reseller places no such calls at this time of the week",
        do="if that is not meant, widen the `destinations.hours` the finding names",
        heard="no such calls at this time",
    ),
    Reason.LIMIT_CALLS: ReasonRow(
        # no circuit available towards a carrier; a customer whose lines are taken is busy
        answers={503: 34, 486: 17},
        blames=(Blame.CUSTOMER,),
        means="as many calls as `limits` allows are up: of the number, the trunk, the tenant or the reseller,"
        " in all, abroad, or to a class of numbers (`Retry-After`; the finding says which)",
        do="wait for one to end, or have whoever sets that limit raise it; `./trunkward limits TRUNK` shows"
        " what is in use",
        announced=True,
        heard="too many calls at once; try again later",
    ),
    Reason.LIMIT_RATE: ReasonRow(
        answers={503: 42, 486: 17},
        blames=(Blame.CUSTOMER,),
        means="more calls a second than `limits.per_second` (or `limits.number.per_second`) allows"
        " (`Retry-After` has the exact seconds)",
        do="space the calls, or have whoever sets that limit raise it",
        heard="too many calls in a short time; try again later",
    ),
    Reason.LIMITS_UNAVAILABLE: ReasonRow(
        answers={503: 41},
        blames=(Blame.US,),
        means="Valkey does not answer, which counts calls for all nodes; no customer's call goes uncounted",
        do="`./trunkward status` says why; what still goes is in the posture table",
        heard="a fault here; try again later",
    ),
    # ---- money
    Reason.NO_PRICE: ReasonRow(
        answers={403: 21},
        blames=(Blame.US,),
        means="nobody knows what the call costs, and what it costs is counted: the deck of the tenant, or of"
        " each carrier, has no rate for the number or was never imported, or there is no deck, and no"
        " indicative price",
        do="add the prefix to the deck the finding names, or import that deck (`./trunkward deck import`), or"
        " name another (`deck`)",
        heard="there is no price for this number",
    ),
    Reason.NO_MARGIN: ReasonRow(
        answers={404: 3},
        blames=(Blame.US,),
        means="each carrier with this prefix asks more than the call is sold for, less `node.margin`, or it"
        " is not known what it asks",
        do="look at the two prices (`./trunkward deck show`): the selling deck, a carrier's, or"
        " `node.margin` is to be"
        " changed",
        heard="this number cannot be called from here",
    ),
    Reason.SPEND_CAP: ReasonRow(
        announced=True,
        # the customer's own cap; and those of all carriers that would take it
        answers={403: 21, 503: 34},
        blames=(Blame.CUSTOMER, Blame.US),
        # it is his account, and nobody may raise his own cap
        together={Blame.CUSTOMER: "who asks; whoever runs this node raises the cap"},
        means="what the call may cost at first is no longer there under a cap (`spend`) of the trunk, the"
        " tenant, the"
        " reseller, or of each carrier (`Retry-After` when something of it will be free; the finding says"
        " which, and"
        " what is spent)",
        do="`./trunkward spend` shows what is spent and by which calls; if they are meant, the customer asks"
        " and whoever runs this node raises the cap (`./trunkward spend raise`); if not, he holds them"
        " (`./trunkward hold`), and the customer looks for who places them",
        heard="what may be spent on calls now is used up",
    ),
    Reason.SPEND_FROZEN: ReasonRow(
        answers={503: 41},
        blames=(Blame.US,),
        means="Valkey was started anew and may have lost what was spent: calls that cost money wait until"
        " each node has"
        " told it of its calls, or for the longest grant (`Retry-After`); or what is spent is counted in"
        " another currency than `node.currency`",
        do="nothing, if it passes within seconds; else what the finding says, `./trunkward status`,"
        " `valkey.log`",
        heard="a fault here; try again later",
    ),
    Reason.SPEND_UNAVAILABLE: ReasonRow(
        answers={503: 41},
        blames=(Blame.US,),
        means="what the call costs could not be reserved: Valkey does not answer, and what may be spent"
        " without it is used"
        " up, or not meant for this call",
        do="`./trunkward status` says what is wrong with Valkey",
        heard="a fault here; try again later",
    ),
    # ---- signatures of calls from carriers; RFC 3398 has no Q.850 cause for these but "call rejected"
    Reason.IDENTITY_MISSING: ReasonRow(
        answers={428: 21},
        blames=_SENDER,
        announced=True,
        means="a call without a signature, from a carrier, or a trunk in transit, with"
        " `verification.missing: refuse`",
        do="have whoever sent it sign its calls, or write `missing: pass` for it",
        heard="calls from here are to be signed",
    ),
    Reason.IDENTITY_STALE: ReasonRow(
        answers={403: 21},
        blames=_SENDER,
        announced=True,
        means="a signature of another time than now, from one whose failed signatures are refused",
        do="its signer's clock, or somebody who uses signatures again; ours is seen in `./trunkward status`",
    ),
    Reason.IDENTITY_INFO_BAD: ReasonRow(
        answers={436: 21},
        blames=_SENDER,
        announced=True,
        means="the certificate of a signature cannot be had from its URL",
        do="the record's `verification` says why: for `url-refused` nothing was fetched, and whoever signed"
        " it has to name an https URL; else `fetcher.log` says what its host did. `trunkward verification`"
        " tells how many calls of this sender are so",
    ),
    Reason.IDENTITY_CREDENTIAL: ReasonRow(
        answers={437: 21},
        blames=_SENDER,
        announced=True,
        means="the certificate of a signature may sign no calls: of no trusted authority, ended, revoked, or"
        " without the profile",
        do="tell whoever sent it; look also at the age of the trusted list (`trunkward certs`)",
    ),
    Reason.IDENTITY_INVALID: ReasonRow(
        answers={438: 21},
        blames=_SENDER,
        announced=True,
        means="a signature that is not this call's: malformed, of other numbers, seen with another call, or"
        " not made with its certificate's key",
        do="the finding names which; many from one of them are an attack, or numbers it rewrites",
    ),
    Reason.NO_FINDING: ReasonRow(
        answers={500: 41},
        blames=(Blame.US,),
        means="no check looked at the call, or no route came of it",
        do="a fault of ours: report it with the record",
        heard="a fault here",
    ),
    Reason.POLICY_NOT_LOADED: ReasonRow(
        answers={503: 41},
        blames=(Blame.US,),
        means="the gate has no policy yet",
        do="look at `worker.log`; wait until `./trunkward status` ends with 0",
    ),
    Reason.DEADLINE_EXCEEDED: ReasonRow(
        answers={503: 41},
        blames=(Blame.US,),
        means="the gate's verdict came too late; the caller got `gate-unavailable`",
        do="look at the machine's load, and at how long its disk takes",
    ),
    Reason.RECORD_NOT_WRITTEN: ReasonRow(
        answers={503: 41},
        blames=(Blame.US,),
        means="the disk did not take the record",
        do="free space, look at `gate-N.log`",
    ),
    Reason.INTERNAL_ERROR: ReasonRow(
        answers={503: 41},
        blames=(Blame.US,),
        means="a fault inside the gate",
        do="report the trace in `gate-N.log`",
    ),
    Reason.GATE_UNAVAILABLE: ReasonRow(
        answers={503: 41},
        blames=(Blame.US,),
        by_edge=True,
        means="no gate gave a usable verdict in time",
        do="`./trunkward status`, `gate-N.log`, `kamailio.log`",
    ),
    Reason.MEDIA_UNAVAILABLE: ReasonRow(
        answers={503: 47},
        blames=(Blame.US,),
        by_edge=True,
        means="rtpengine did not answer or refused",
        do="`./trunkward status`, `rtpengine.log`",
    ),
    Reason.NO_WORKER_FREE: ReasonRow(
        answers={503: 42},
        blames=(Blame.US,),
        by_edge=True,
        means="nobody took the call up in time: all workers of the edge waited for gates or rtpengine, or"
        " their queue was full",
        do="the lines before it in `kamailio.log` tell what they waited for; the machine's load",
    ),
    Reason.NO_ROUTE_LEFT: ReasonRow(
        answers={503: 38},
        blames=(Blame.CARRIER, Blame.CUSTOMER, Blame.US),
        by_edge=True,
        means="no route could be sent to, or none was left after those that failed; or nothing came back from"
        " the last one (its caller gets 408 and no code)",
        do="`explain` says which were tried, and what came of each; look for"
        ' "outbound TLS to ... refused" in `kamailio.log`: it says whether nothing listens'
        " there, nobody answers, the handshake broke off, or whose certificate was shown",
    ),
    Reason.MALFORMED_REPLY: ReasonRow(
        answers={502: 27},
        blames=(Blame.CARRIER, Blame.CUSTOMER),
        by_edge=True,
        means="the called side answered with a header topology hiding could not store, or with a message"
        " that could be read in two ways, and was hung up",
        do="shorter Record-Route and Contact headers on the called side; lines that end in CR LF, and UTF-8",
    ),
    # ---- registrations
    Reason.NOT_A_REGISTERING_TRUNK: ReasonRow(
        answers={403: 21},
        blames=_SENDER,
        means="it tried to register, and the configuration does not have `host: registered` for it",
        do="write `host: registered` for the trunk, or switch the registration off in the PBX",
        heard="nobody registers here from there; switch the registration off",
    ),
    Reason.ADDRESS_OF_ANOTHER: ReasonRow(
        answers={403: 21},
        blames=(Blame.CUSTOMER,),
        means="it tried to register an address that is neither the trunk's username nor one of its numbers",
        do="have the PBX register the trunk's username",
        heard="register the trunk's username",
    ),
    Reason.EXTENSION_UNKNOWN: ReasonRow(
        answers={420: 63},
        blames=(Blame.CUSTOMER,),
        means="a REGISTER that requires an extension other than `path` and `outbound`, such as `gin`",
        do="switch that extension off in the PBX",
    ),
    Reason.REGISTRATION_TOO_BRIEF: ReasonRow(
        answers={423: 31},
        blames=(Blame.CUSTOMER,),
        means="a registration for less than 60 seconds; `Min-Expires` says so",
        do="nothing, or a longer interval in the PBX: most take the one they are told",
        heard="register for longer",
    ),
    Reason.REGISTRATION_OVERTAKEN: ReasonRow(
        answers={500: 41},
        blames=(Blame.CUSTOMER,),
        means="a REGISTER with the Call-ID of one before and no higher CSeq (RFC 3261 section 10.3)",
        do="nothing when it stays alone; else two programs use one Call-ID",
        heard="a later registration was here before",
    ),
    Reason.REGISTRATIONS_UNAVAILABLE: ReasonRow(
        answers={503: 41},
        blames=(Blame.US,),
        means="Valkey, where registrations are kept, did not answer; those before go on",
        do="`./trunkward status`, `valkey.log`",
        heard="a fault here; try again later",
    ),
    Reason.NOT_REGISTERED: ReasonRow(
        answers={480: 20},
        blames=(Blame.CUSTOMER,),
        by_edge=True,
        means="a call to a trunk with `host: registered` that has no registration whose connection stands",
        do="`./trunkward registrations`; the PBX's own log says why it is not registered",
    ),
}


def party_called(row: ReasonRow, direction: str) -> tuple[Blame, ...]:
    """Who may have to act on a refusal after admission: of customer and carrier, the one that was called."""
    caller = Blame.CUSTOMER if direction == "outbound" else Blame.CARRIER
    return tuple(blame for blame in row.blames if blame is not caller) or row.blames


def who_acts(code: str, blame: str) -> str:
    """Who has to act on a refusal, in words; a code or a blame of another version as it stands."""
    row = told(code)
    more = row.together.get(Blame(blame)) if row and blame in Blame else None
    return ", ".join(filter(None, (WHO.get(blame, blame), more)))


def told(code: str) -> ReasonRow | None:
    """The row of a code in a record; None for a code of another version."""
    return REASONS.get(Reason(code)) if code in Reason else None


def headers(reason: Reason, status: int) -> list[tuple[str, str]]:
    """The `Reason` headers of a refusal, one a protocol (RFC 3326): SIP, and Q.850 where a cause fits."""
    found = [refusal(status, reason.value)]
    if (cause := REASONS[reason].answers.get(status)) is not None:
        found.append(release(cause))
    return found
