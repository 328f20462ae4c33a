"""A small asyncio SIP user-agent toolkit for tests and load. Test-only: nothing in `src/` may import it.

It reads tolerantly (what a peer sends is kept as it came) and writes exactly what it is told (so a test
can also send what no decent user agent would). It is deliberately not a SIP stack: no proxying, no DNS, no
registrations database.

The rooms: `message` and `address` (grammar), `dialog` (RFC 3261 section 12, pure), `sdp`, `certificates`
(a throw-away authority), `transport` (TLS 1.3, TCP, UDP flows), `transaction`, `call` and `agent` (a user
agent), `load` (open-loop load with minimal parsing).
"""

from sipkit.agent import UserAgent
from sipkit.call import Call, CallEnded, CallRefused, Reply
from sipkit.message import Message, parse

__all__ = ["Call", "CallEnded", "CallRefused", "Message", "Reply", "UserAgent", "parse"]
