"""The firewall is somebody else's: what the kernel says of its rules is the same after a node as before."""

import socket
import struct
from pathlib import Path

from wire.up.conftest import Home

#: linux/netlink.h, linux/netfilter/nfnetlink.h and nf_tables.h.
_NETLINK_NETFILTER = 12
_NFNL_SUBSYS_NFTABLES = 10
_NFT_MSG_GETGEN = 16
_NLM_F_REQUEST = 1
_HEADERS = struct.calcsize("=IHHII") + struct.calcsize("=BBH")


def _rules() -> list[str]:
    """The generation of the nftables ruleset, which each change counts up, and the tables of old iptables in use."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER) as kernel:
        kernel.bind((0, 0))
        kind = _NFNL_SUBSYS_NFTABLES << 8 | _NFT_MSG_GETGEN
        kernel.send(struct.pack("=IHHIIBBH", _HEADERS, kind, _NLM_F_REQUEST, 0, 0, 0, 0, 0))
        answer = kernel.recv(4096)
    # the first attribute: length, NFTA_GEN_ID, the number; the rest tells who asks
    found = [answer[_HEADERS : _HEADERS + 8].hex()]
    for name in ("ip_tables_names", "ip6_tables_names"):
        path = Path("/proc/net") / name
        found.append(path.read_text() if path.exists() else "")
    return found


def test_up_never_touches_it(home: Home) -> None:
    """Summary: no rule of nftables or iptables has changed while a node was started, ran and was stopped."""
    before = _rules()
    home.start()
    assert _rules() == before
    assert home.stop() == 0
    assert _rules() == before
