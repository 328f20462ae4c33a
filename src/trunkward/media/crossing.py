"""What of an SDP crosses the border: the lines and attributes below. Standard library only: the edge uses it.

Who made a session, with what software and to talk about what (`i=`, `u=`, `e=`, `p=`, `a=tool`, `a=ssrc` with
its cname) stays on its side, and so does whatever nobody here has heard of.
"""

from collections.abc import MutableMapping

from trunkward.media.sdp import origin_of

#: By their first two characters.
_LINES = frozenset({"c=", "t=", "m="})
#: By what stands before their first colon.
_ATTRIBUTES = frozenset(
    {"b=AS", "b=CT", "b=TIAS", "b=RS", "b=RR"}  # RFC 8866 5.8, 3890, 3556
    | {f"a={name}" for name in ("rtpmap", "fmtp", "ptime", "maxptime", "framerate")}  # RFC 8866 6
    | {f"a={name}" for name in ("sendrecv", "sendonly", "recvonly", "inactive")}
    # RFC 3605, 5761, 5506, 4585, 5888; no `group`: media lines stay apart, as rtpengine has them
    | {f"a={name}" for name in ("rtcp", "rtcp-mux", "rtcp-rsize", "rtcp-fb", "mid")}
    # RFC 4568, 8122, 4145, 8842
    | {f"a={name}" for name in ("crypto", "fingerprint", "setup", "tls-id")}
    # RFC 3312: `Require: precondition` crosses as well
    | {f"a={name}" for name in ("curr", "des", "conf")}
)


def crossing(sdp: str, session: int, versions: MutableMapping[str, int], author: str) -> str:
    """An SDP as the other side is shown it, with `session` for its author's number of it.

    The version goes on counting as the author's does, from 1 (RFC 3264 section 8); `versions` keeps by
    author where it began. Raises `MalformedSdp`.
    """
    # everything that anybody takes for the end of a line is one here
    lines = sdp.splitlines()
    version, address = origin_of(lines)
    count = (version - versions.setdefault(author, version)) % 2**32 + 1
    kept = [line for line in lines[3:] if line[:2] in _LINES or line.partition(":")[0] in _ATTRIBUTES]
    return "\r\n".join(("v=0", f"o=- {session} {count} {address}", "s=-", *kept, ""))
