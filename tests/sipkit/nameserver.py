"""A DNS server for tests: answers from a table over UDP, may fall silent, and counts what it was asked."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable
from types import TracebackType

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from sipkit.transport import Address

#: A record: owner without the dot at its end, type, data as in a zone file.
type Record = tuple[str, str, str]


class NameServer:
    """Authoritative for whatever it is told; everything else does not exist."""

    def __init__(self, at: Address, records: Iterable[Record] = (), *, ttl_s: int = 30) -> None:
        """Binds; `with` starts and stops it."""
        self.at = at
        self.ttl_s = ttl_s
        self.records = list(records)
        #: Every question, `SRV _sips._tcp.example.net`.
        self.asked: list[str] = []
        self.silent = False
        #: Names about which nothing is said: their own servers are dead.
        self.silent_about: set[str] = set()
        family = socket.AF_INET6 if ":" in at.host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.bind((at.host, at.port))
        self._socket.settimeout(0.1)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> NameServer:
        """Starts to answer."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops, and waits until it has."""
        self._stopping.set()
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while not self._stopping.is_set():
            try:
                data, peer = self._socket.recvfrom(4096)
            except TimeoutError:
                continue
            try:
                query = dns.message.from_wire(data)
            except dns.exception.DNSException:
                continue
            name = query.question[0].name.to_text(omit_final_dot=True).lower()
            if not self.silent and name not in self.silent_about:
                self._socket.sendto(self._answer(query).to_wire(), peer)

    def _answer(self, query: dns.message.Message) -> dns.message.Message:
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append(f"{kind} {name}")
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA
        records = list(self.records)
        found = [data for owner, of, data in records if (owner, of) == (name, kind)]
        if found:
            reply.answer.append(
                dns.rrset.from_text(question.name, self.ttl_s, dns.rdataclass.IN, question.rdtype, *found)
            )
        elif not any(owner == name for owner, _, _ in records):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply
