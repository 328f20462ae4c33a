"""Kamailio's configuration, rendered from what a node declares. Modules and values, no routing.

Each setting that is not Kamailio's default says why it is there.
"""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Self

import msgspec

from trunkward.admission.proofs import Proofs, proofs
from trunkward.admission.rows import authority_id
from trunkward.calls.attempt import Transport
from trunkward.control.secrets import usable
from trunkward.control.shown import SERVER
from trunkward.engines.call_id_mask import mask_alphabet, mask_prefix
from trunkward.engines.pki_files import PkiFiles
from trunkward.engines.shown_pair import target
from trunkward.settings import NG_PORT, Paths
from trunkward.sip.uri import host_in_uri
from trunkward.trunks.model import Address, Carrier, Declared, IdentifiedBy, NodeSettings, Trunk
from trunkward.trunks.secret import SealedSecret

#: Seconds; topos counts a dialog's life from its set-up and never refreshes it, so a row must
#: outlive the longest call. 24 h here; what ends calls earlier is not this.
LONGEST_CALL_S = 86_400
#: Milliseconds a worker waits for a verdict.
GATE_DEADLINE_MS = 500
#: Milliseconds a worker waits for rtpengine, which answers in less than one.
MEDIA_DEADLINE_MS = 250
#: Workers that wait so that none who carries SIP ever does, by their group (`trunkward.edge.groups`): as many
#: calls can wait for gates at once, as many ends for rtpengine, and as many hosts can be dialled.
WORKERS = {"default": 3, "gate": 8, "emergency": 2, "register": 2, "connect": 4}
#: Of TLS 1.2 what RFC 9325 section 4.2 still recommends: forward secrecy and AEAD, by OpenSSL's names.
TLS12_CIPHERS = ":".join(
    f"ECDHE-{key}-{cipher}"
    for cipher in ("AES256-GCM-SHA384", "CHACHA20-POLY1305", "AES128-GCM-SHA256")
    for key in ("ECDSA", "RSA")
)
_NEW = "method = TLSv1.3\n"
_OLD = f"method = TLSv1.2+\ncipher_list = {TLS12_CIPHERS}\n"
#: Connections in and out that Kamailio holds at once.
MAX_CONNECTIONS = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeFiles:
    """Where the rendered files of the edge go."""

    kamailio_cfg: Path
    tls_cfg: Path
    edge_json: Path

    @classmethod
    def under(cls, paths: Paths) -> Self:
        """The three files in the node's run directory."""
        directory = paths.run / "edge"
        return cls(
            kamailio_cfg=directory / "kamailio.cfg",
            tls_cfg=directory / "tls.cfg",
            edge_json=directory / "edge.json",
        )


def plain_transports(declared: Declared) -> list[Transport]:
    """The plain transports some carrier names; none is opened otherwise."""
    named = {carrier.transport for carrier in declared.carriers if carrier.enabled}
    return [transport for transport in (Transport.UDP, Transport.TCP) if transport in named]


def render_kamailio_cfg(declared: Declared, paths: Paths, *, mask_key: str) -> str:
    """`kamailio.cfg`; the secret in it, `mask_key`, shuffles Call-IDs and must outlive restarts."""
    node = declared.node
    files = EdgeFiles.under(paths)
    # in this order: what leaves for a peer goes by the first of its version and transport
    listen = [f"listen=tls:{_socket(address, node.tls_port)}" for address in node.addresses]
    if declared.has_tls12:
        listen += [f"listen=tls:{_socket(address, node.tls12_port)}" for address in node.addresses]
    listen += [
        f"listen={t.value}:{_socket(address, node.plain_port)}"
        for t in plain_transports(declared)
        for address in node.addresses
    ]
    sources = "\n".join(_tcp_source(address) for address in node.addresses)
    workers = "\n".join(
        f'async_workers_group="name={name};workers={count};nonblock=1;usleep=0"'
        for name, count in WORKERS.items()
    )
    script = Path(__file__).parents[1] / "edge" / "script.py"
    return f"""#!KAMAILIO
# Rendered by trunkward for {node.name}; changes are lost at the next start.
debug=1
log_stderror=yes
log_prefix="{{$mt $hdr(CSeq) $ci}} "
fork=yes
children=2
tcp_children=4
socket_workers=2
auto_aliases=no
server_header="Server: Trunkward"
user_agent_header="User-Agent: Trunkward"
server_signature=no
# no "Warning" header with our addresses in every reply
sip_warning=0
{sources}
# as everybody else writes IPv6 addresses (RFC 5952), so that they can be compared as text
ipv6_hex_style="c"
tcp_connection_lifetime=3605
# a PBX behind a NAT that has forgotten it is found out within a minute, and a NAT is reminded meanwhile
tcp_keepalive=yes
tcp_keepidle=30
tcp_keepintvl=10
tcp_keepcnt=3
tcp_max_connections={MAX_CONNECTIONS}
tls_max_connections={MAX_CONNECTIONS}
tcp_accept_no_cl=no
tcp_rd_buf_size=65536
# without it a message that came over TCP or TLS cannot be replaced (ksr.replace_message, set_call_id)
tcp_clone_rcvbuf=1
enable_tls=yes
# OpenSSL 3 keeps state per thread: several TLS processes without this die in handshakes
tls_threads_mode=2
# a queue that is full is told at once: a SIP worker that waits for room would hold everybody's BYE
{workers}
# a route takes up to three of these: handed over, waiting for a connection, sent
max_branches=30
{chr(10).join(listen)}

loadmodule "tls.so"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "sanity.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "textopsx.so"
loadmodule "kex.so"
loadmodule "corex.so"
loadmodule "tcpops.so"
loadmodule "nathelper.so"
loadmodule "async.so"
loadmodule "ctl.so"
loadmodule "htable.so"
loadmodule "rtimer.so"
{_topos(declared, mask_key)}
loadmodule "kemix.so"
loadmodule "app_python3.so"

modparam("tls", "config", "{files.tls_cfg}")
# the edge names the server it wants: the profile and the SNI follow from that
modparam("tls", "xavp_cfg", "tls")
modparam("tls", "low_mem_threshold1", 16384)
modparam("tls", "low_mem_threshold2", 8192)
modparam("tm", "fr_timer", 4000)
modparam("tm", "fr_inv_timer", 120000)
modparam("tm", "reparse_on_dns_failover", 0)
# a refusal of the next hop is passed on as it is, not turned into 500
modparam("tm", "failure_reply_mode", 3)
modparam("tm", "auto_inv_100_reason", "Trying")
# replies without a transaction go nowhere; so one is kept for as long as a peer may repeat its 2xx
# (RFC 3261 13.3.1.4, RFC 6026 7.1: 64 * T1), which then goes through the reply callback like the first
modparam("tm", "on_sl_reply", "ksr_stray_reply")
# replies to a BYE of ours are told by its transaction (edge/own_bye.py)
modparam("tm", "event_callback", "ksr_local_request")
modparam("tm", "wt_timer", 33000)
modparam("rr", "append_fromtag", 0)
modparam("rr", "enable_full_lr", 1)
modparam("ctl", "binrpc", "unix:{paths.run}/edge/ctl.sock")
modparam("htable", "htable", "calls=>size=12;autoexpire={LONGEST_CALL_S};")
modparam("htable", "htable", "grants=>size=12;autoexpire={LONGEST_CALL_S};")
modparam("htable", "htable", "cseqs=>size=12;autoexpire={LONGEST_CALL_S};")
modparam("htable", "htable", "leaving=>size=12;")
modparam("htable", "htable", "ended=>size=10;autoexpire=600;")
modparam("htable", "htable", "own_byes=>size=8;autoexpire=60;")
modparam("htable", "htable", "tls_passed=>size=8;autoexpire=86400;")
modparam("htable", "htable", "identified=>size=10;autoexpire=86400;")
modparam("htable", "htable", "tls_asked=>size=8;autoexpire=30;")
modparam("htable", "htable", "tls_waiting=>size=8;autoexpire=10;")
modparam("htable", "htable", "announced=>size=6;autoexpire=30;")
modparam("htable", "htable", "announced_to=>size=6;autoexpire=30;")
modparam("htable", "htable", "bindings=>size=10;autoexpire=3700;")
modparam("htable", "htable", "flows=>size=10;autoexpire=3700;")
# of the connections a trunk is registered on, the edge is told when they end
modparam("tcpops", "closed_event", 2)
modparam("tcpops", "event_callback", "ksr_connection_closed")
modparam("htable", "htable", "target_asked=>size=8;autoexpire=60;")
modparam("htable", "htable", "target_health=>size=8;")
# carriers are asked whether they are there by a process of its own (trunkward.edge.health)
modparam("rtimer", "timer", "name=health;interval=1;mode=1;")
modparam("rtimer", "exec", "timer=health;route=ksr_health")
modparam("htable", "event_callback", "ksr_htable_event")
# once a second after the round before, in a process of its own
modparam("rtimer", "timer", "name=second;interval=1;mode=1;")
modparam("rtimer", "exec", "timer=second;route=ksr_second")
# what Kamailio counts is written down each second, in a process of its own
modparam("rtimer", "timer", "name=numbers;interval=1;mode=1;")
modparam("rtimer", "exec", "timer=numbers;route=ksr_numbers")
modparam("app_python3", "load", "{script}")

cfgengine "python"
# callbacks that are not defined must be switched off, else every message raises
kemi.onsend_route_callback=""
kemi.reply_route_callback="ksr_any_reply"
kemi.event_route_callback=""
kemi.received_route_callback=""
kemi.pre_routing_callback=""
"""


def _topos(declared: Declared, mask_key: str) -> str:
    dialogs = f"topos_dialogs=>size=12;autoexpire={LONGEST_CALL_S};"
    return f"""loadmodule "topoh.so"
loadmodule "topos.so"
loadmodule "topos_htable.so"
modparam("topos", "storage", "htable")
# PBXs write their inner address into the Call-ID: the called side is shown another, shuffled with a
# secret alphabet (a mask, not a cipher); topoh lends topos that and does nothing else
modparam("topoh", "use_mode", 1)
modparam("topoh", "mask_key", "{mask_key}")
modparam("topoh", "callid_prefix", "{mask_prefix(mask_key)}")
modparam("topoh", "mask_callid", 1)
modparam("topos", "mask_callid", 1)
modparam("topos", "dialog_expire", {LONGEST_CALL_S})
modparam("topos", "branch_expire", 180)
{_contact_host(declared.node)}# no script events for each message sent and received
modparam("topos", "event_mode", 0)
modparam("topos_htable", "topos_htable_dialog", "{dialogs}")
modparam("topos_htable", "topos_htable_transaction", "topos_branches=>size=12;autoexpire=180;")
# rows are joined by "|", and the edge refuses what has one; encoded rows, the other way, are cut at 1023
# bytes a field, and PRACK and UPDATE before the answer never find theirs (6.0.1)
modparam("topos_htable", "topos_htable_base64", 0)
"""


def render_tls_cfg(declared: Declared, paths: Paths) -> str:
    """`tls.cfg`: TLS 1.3, but for trunks with `unsafe_tls12`; a client profile for each name we ask for."""
    pki = PkiFiles(paths.pki)
    pair = target(paths, SERVER)
    own = _shown(pki.node_key, pki.node)
    # towards peers that connect a public authority's certificate, if there is one; where we connect, our own
    # authority's: public ones no longer issue for clients
    server = own if declared.node.certificate is None else _shown(pair, pair)
    clients = _client_certificates(declared, paths)
    tls12 = {trunk.tls_names[0] for trunk in declared.trunks if trunk.unsafe_tls12 and trunk.tls_names}
    # A customer's certificate is bound by its fingerprint, a carrier's by chain and name: both are
    # the gate's to judge, so every certificate is taken here and its chain only looked at.
    taken = f"""verify_certificate = no
require_certificate = no
verify_client = optional_no_ca
ca_list = {paths.run}/edge/peers-ca.pem
"""
    text = f"""[server:default]
{_NEW}{server}{taken}"""
    if declared.has_tls12:
        for address in declared.node.addresses:
            text += f"""
# For trunks with unsafe_tls12 alone: the gate refuses everybody else here.
[server:{_socket(address, declared.node.tls12_port)}]
{_OLD}{server}{taken}"""
    text += f"""
# Whom no profile names is not trusted: nothing but a checked OPTIONS opens a connection.
[client:default]
{_NEW}{own}verify_certificate = yes
require_certificate = yes
ca_list = {paths.run}/edge/nobody-ca.pem
"""
    for name, ca_file in _tls_names(declared, paths):
        text += f"""
[client:any]
{_OLD if name in tls12 else _NEW}{clients.get(name, own)}verify_certificate = yes
require_certificate = yes
ca_list = {ca_file}
server_name = {name}
server_id = {name}
"""
    return text


def _shown(key: Path, certificate: Path) -> str:
    return f"""private_key = {key}
certificate = {certificate}
"""


def _client_certificates(declared: Declared, paths: Paths) -> dict[str, str]:
    """What a carrier is shown that has given us a certificate of its own, by the name we ask for."""
    return {
        carrier.tls_names[0]: _shown(*[target(paths, f"client-{carrier.name}")] * 2)
        for carrier in declared.carriers
        if carrier.client_certificate is not None and carrier.tls_names
    }


def render_edge_json(
    declared: Declared,
    paths: Paths,
    emergency: list[dict[str, Any]],
    *,
    mask_key: str,
    sealed: Mapping[str, Sequence[SealedSecret]],
) -> str:
    """The edge's own settings (`trunkward.edge.settings`). `sealed`: secrets in force, by trunk."""
    gates, probes = range(declared.node.gates), declared.node.probes
    peers: dict[str, dict[str, list[str]]] = {}
    for carrier in declared.carriers:
        if carrier.transport is Transport.TLS and carrier.tls_names:
            # of a name DNS is asked, and what it says is dialled under the same names (`edge.targets`)
            entry = peers.setdefault(carrier.tls_names[0], {"names": [], "hosts": []})
            entry["names"] += carrier.tls_names
            entry["hosts"] += [str(host) for host in carrier.hosts]
    for trunk in declared.trunks:
        if trunk.host is not None and trunk.tls_names:
            entry = peers.setdefault(trunk.tls_names[0], {"names": [], "hosts": []})
            entry["names"] += trunk.tls_names
            entry["hosts"].append(str(trunk.host))
    plain = [c for c in declared.carriers if c.transport is not Transport.TLS and c.enabled]
    known = {f"trunk:{trunk.name}": _trunk_peer(trunk) for trunk in declared.trunks}
    known |= {f"carrier:{carrier.name}": _carrier_peer(carrier) for carrier in declared.carriers}
    return msgspec.json.encode(
        {
            "node": declared.node.name,
            "gate_sockets": [str(paths.gate_socket(index)) for index in gates],
            "gate_deadline_ms": GATE_DEADLINE_MS,
            "ng_port": NG_PORT,
            "media_deadline_ms": MEDIA_DEADLINE_MS,
            "dialogs": str(paths.dialogs),
            "numbers": str(paths.edge_numbers),
            "registrations": str(paths.registrations),
            "outcomes": [str(paths.edge_records), str(paths.edge_overflow)],
            "ladder": str(paths.edge_ladder),
            "longest_call_s": LONGEST_CALL_S,
            "grant_s": declared.node.grant_s,
            "call_id_alphabet": mask_alphabet(mask_key),
            "call_id_prefix": mask_prefix(mask_key),
            "tls_peers": peers,
            "tls_authorities": dict(_tls_names(declared, paths)),
            "trunk_hosts": {
                t.name: str(t.host) for t in declared.trunks if t.host is not None and t.tls_names
            },
            "peers": known,
            "proofs": {
                t.name: standing
                for t in declared.trunks
                if t.registers and (standing := _proofs(t, declared, sealed.get(t.name, ()))) is not None
            },
            "plain_networks": sorted({str(network) for carrier in plain for network in carrier.networks}),
            "emergency": emergency,
            "tls12_port": declared.node.tls12_port if declared.has_tls12 else 0,
            "targets": str(paths.targets),
            "health": str(paths.target_health),
            "asked": {f"carrier:{c.name}": c.transport.value for c in declared.carriers if c.enabled},
            "probes": [probes.every_s, probes.down_after, probes.up_after],
        }
    ).decode()


def _proofs(trunk: Trunk, declared: Declared, sealed: Sequence[SealedSecret]) -> Proofs:
    good = [(secret.id, secret.until) for secret in usable(declared, trunk, sealed)]
    return proofs(trunk, authority_id(trunk.authority), good)


def _trunk_peer(trunk: Trunk) -> dict[str, Any]:
    return {
        "transport": Transport.TLS.value,
        "networks": [str(network) for network in trunk.networks],
        "by_network": trunk.identified_by == (IdentifiedBy.NETWORK,),
        "by_connection": trunk.demands(IdentifiedBy.DIGEST) or trunk.certified_by is not None,
        "certificates": [shown for shown in (trunk.certificate_sha256, *trunk.older_certificates) if shown],
        "hosts": [str(trunk.host)] if trunk.host else [],
        "names": list(trunk.tls_names) if trunk.host else [],
        "tls12": trunk.unsafe_tls12,
    }


def _carrier_peer(carrier: Carrier) -> dict[str, Any]:
    hosts = [str(host) for host in carrier.hosts]
    return {
        "transport": carrier.transport.value,
        # a carrier speaks from where we call it, too, whatever its calls to us come from
        "networks": [str(network) for network in carrier.networks] + _host_networks(carrier),
        "certificates": [],
        "hosts": hosts,
        "names": list(carrier.tls_names),
        "tls12": False,
    }


def _host_networks(carrier: Carrier) -> list[str]:
    found = []
    for host in carrier.hosts:
        with contextlib.suppress(ValueError):  # a name: its addresses are looked up (`edge.peers`)
            found.append(str(ip_network(host.host)))
    return found


def kamailio_command(paths: Paths) -> list[str]:
    """The command line: in the foreground, with shared memory for 90 kB a TLS connection."""
    files = EdgeFiles.under(paths)
    return [
        "/usr/sbin/kamailio",
        *("-f", str(files.kamailio_cfg)),
        *("-DD", "-E", "-m", "1024", "-M", "16"),
        # constant-time allocation: the default manager's debugging one was a sixth of all CPU here
        *("-x", "tlsf", "-X", "tlsf"),
        *("-Y", str(paths.run / "edge")),
    ]


def _tls_names(declared: Declared, paths: Paths) -> list[tuple[str, str]]:
    """Each server name we ask for, with the authorities its chain must lead to."""
    own = str(PkiFiles(paths.pki).sip_authority)
    names = {
        carrier.tls_names[0]: carrier.ca_file or own
        for carrier in declared.carriers
        if carrier.transport is Transport.TLS and carrier.tls_names
    }
    names |= {
        trunk.tls_names[0]: own for trunk in declared.trunks if trunk.host is not None and trunk.tls_names
    }
    return sorted(names.items())


def _tcp_source(address: Address) -> str:
    """Outbound connections leave from the node's own address, so that peers can tell it."""
    return f"tcp_source_ipv4={address}" if address.version == 4 else f"tcp_source_ipv6=[{address}]"


def _contact_host(node: NodeSettings) -> str:
    if len(node.contact_hosts) > 1:
        return ""  # then topos takes each listener's own address
    return f'modparam("topos", "contact_host", "{host_in_uri(node.contact_hosts[0])}")\n'


def _socket(address: Address, port: int) -> str:
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
