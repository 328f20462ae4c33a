"""What a far end says that only lets something be heard: one audio stream, and nothing comes back.

Standard library only: the edge answers so for a call that goes nowhere.
"""

from trunkward.media.sdp import parse_sdp

#: Of a session description (RFC 3264 section 8.4): nothing is to be sent there.
_NOWHERE = "c=IN IP4 0.0.0.0"
#: Any port will do at an address that is none.
_PORT = 65_534
#: What of an audio section says how to read it.
_KEPT = ("a=rtpmap:", "a=fmtp:", "a=ptime:", "a=mid:")


def silent_answer(offer: str) -> str:
    """The answer to an offer: its first audio stream taken, every other one refused.

    Raises `MalformedSdp`.
    """
    sdp = parse_sdp(offer)
    bare = [line.rstrip("\r\n") for line in sdp.lines]
    starts = [index for index, line in enumerate(bare) if line.startswith("m=")]
    ends = [*starts[1:], len(bare)]
    lines = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", _NOWHERE, "t=0 0"]
    taken = False
    for media, start, end in zip(sdp.media, starts, ends, strict=True):
        kind, _port, rest = bare[start].split(" ", 2)
        if taken or media.kind != "audio" or media.rejected:
            lines.append(f"{kind} 0 {rest}")
            continue
        taken = True
        lines.append(f"{kind} {_PORT} {rest}")
        lines += [line for line in bare[start + 1 : end] if line.startswith(_KEPT)]
        lines.append("a=sendonly")
    return "".join(f"{line}\r\n" for line in lines)
