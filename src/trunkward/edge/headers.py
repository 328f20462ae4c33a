"""Which headers cross the border, in both directions; everything else stays on its side."""

#: Names of the other side's software and hosts stay out: User-Agent, Server, Warning, Organization,
#: Subject, Call-Info, P-*, X-*. What passes is what dialogs, offers and timers need: RFC 3261, 3262
#: (RSeq, RAck), 3311, 3326 (Reason), 4028 (session timers), 6086 (INFO), 8224 (Identity, Date).
PASSED = (
    # compact forms (RFC 3261 7.3.3, RFC 4028, RFC 8224): Supported, Session-Expires, Identity
    "k",
    "x",
    "y",
    "Allow",
    "Accept",
    "Supported",
    "Require",
    "Unsupported",
    "Min-SE",
    "Session-Expires",
    "RSeq",
    "RAck",
    "Reason",
    "Retry-After",
    "Recv-Info",
    "Info-Package",
    "Identity",
    "Date",
    # RFC 6442: where a caller is; a customer who sends it means it to arrive
    "Geolocation",
    "Geolocation-Routing",
    "Content-Disposition",
    "MIME-Version",
)

#: For requests that start a dialog.
INITIAL = frozenset(name.lower() for name in PASSED)
#: For everything else: topos' own marks must reach topos, which takes them off.
#: And a request's Route, which is that of its dialog; one in an INVITE that starts one is its sender's wish,
#: is not followed, and names the inside. Not Identity: who calls was judged with the INVITE, and a signature
#: names the caller to whom an anonymous call does not.
LATER = INITIAL - {"identity", "y"} | {"p-sr-xuid", "p-sr-xbranch", "route"}
