"""The supervisor's configuration: which processes make a node, as which user, in which order.

`supervisord` keeps them; each is started through util-linux: `setpriv` gives it its user, no
capability and no way to gain one, and ends it when the supervisor dies however it dies (at once: what
must outlive a process is on the disk before it is needed). Kamailio also gets a process namespace: when
its first process is killed the kernel takes the rest with it, which by themselves would keep the port.
"""

import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trunkward.engines.kamailio import EdgeFiles, kamailio_command
from trunkward.engines.pki_files import PkiFiles
from trunkward.engines.rtpengine import rtpengine_command
from trunkward.engines.shown_pair import places
from trunkward.engines.valkey import valkey_command
from trunkward.settings import SYSTEM_AUTHORITIES, Paths
from trunkward.trunks.model import AcmeSettings, Declared
from trunkward.trunks.signing import Revocation

#: For a process namespace, for giving itself up inside it, and for taking the engine with it when it dies.
_NAMESPACE_CAPABILITIES = "+sys_admin,+setuid,+setgid,+setpcap,+kill"

#: Whom its directory lets in (`engines.valkey`).
_ASKS_VALKEY = ("tw-live",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One process of the node."""

    name: str
    user: str
    command: list[str]
    #: Lower starts first and stops last.
    priority: int
    environment: Mapping[str, str] = field(default_factory=dict)
    own_processes: bool = False
    #: Groups beside the user's own.
    groups: tuple[str, ...] = ()
    #: Addresses and the port it gets sockets for, taken before root is given up (`certificates.bind`).
    bound: tuple[tuple[str, ...], int] | None = None


def programs(declared: Declared, paths: Paths, signers: Sequence[Program]) -> list[Program]:
    """The node's processes. `signers`: of each identity (`engines.signers`)."""
    python = sys.executable
    home = [
        "--config",
        str(paths.config),
        "--state",
        str(paths.state),
        "--run",
        str(paths.run),
        "--log",
        str(paths.log),
    ]
    shared = declared.node.live
    live = ["--live", shared.where] if shared is not None else []
    trust = ["--unsafe-trusted-clock"] if declared.node.unsafe_trusted_clock else []
    trust += ["--policy-administrator"] if declared.node.policy_administrator is not None else []
    trust += ["--hard-revocation"] if declared.node.verification.revocation is Revocation.HARD else []
    gates = [
        Program(
            name=f"gate-{index}",
            user="tw-gate",
            command=[python, "-m", "trunkward.gate", "--index", str(index), *trust, *home, *live],
            priority=40,
            groups=_ASKS_VALKEY,
        )
        for index in range(declared.node.gates)
    ]
    return [
        *(
            [Program(name="valkey", user="tw-live", command=valkey_command(paths), priority=5)]
            if shared is None
            else []
        ),
        Program(name="rtpengine", user="tw-media", command=rtpengine_command(declared, paths), priority=10),
        *signers,
        Program(
            name="fetcher",
            user="tw-fetcher",
            command=_fetcher_command(declared, paths, [*home, *live]),
            priority=25,
            groups=_ASKS_VALKEY,
        ),
        Program(
            name="worker",
            user="tw-worker",
            command=[
                *(python, "-m", "trunkward.worker", *home, *live),
                *(("--database", paths.database) if paths.database else ()),
            ],
            priority=30,
            groups=_ASKS_VALKEY,
        ),
        *gates,
        Program(
            name="kamailio",
            user="tw-edge",
            command=kamailio_command(paths),
            priority=50,
            environment={
                "TRUNKWARD_EDGE": str(EdgeFiles.under(paths).edge_json),
                # SIP is bytes: with a UTF-8 locale every regular expression is compiled for wide characters
                "LC_ALL": "C",
            },
            own_processes=True,
        ),
        *certificate_programs(declared, paths),
        *identity_programs(declared, paths),
        # the last: no call needs it
        Program(
            name="web",
            user="tw-web",
            command=[python, "-m", "trunkward.api", *home, *live],
            priority=70,
            groups=_ASKS_VALKEY,
        ),
    ]


def _fetcher_command(declared: Declared, paths: Paths, home: list[str]) -> list[str]:
    node = declared.node
    authorities = paths.fetcher_authorities if node.verification.ca_file else SYSTEM_AUTHORITIES
    return [
        *(sys.executable, "-m", "trunkward.fetcher", "--authorities", str(authorities)),
        *(word for host in node.resolvers for word in ("--resolver", str(host))),
        *(word for net in node.verification.unsafe_networks for word in ("--unsafe-network", str(net))),
        *(["--policy-administrator"] if node.policy_administrator is not None else []),
        *home,
    ]


def certificate_programs(declared: Declared, paths: Paths) -> list[Program]:
    """The two of `certificates`, as far as anything comes from elsewhere."""
    node, pki, python = declared.node, PkiFiles(paths.pki), sys.executable
    found = []
    acme = node.certificate
    if isinstance(acme, AcmeSettings):
        here = paths.acme_state.parent
        external = ["--external-key-id", acme.external_key_id, "--external-key", str(here / "external.key")]
        command = [
            *(python, "-m", "trunkward.certificates.obtain"),
            *("--directory", acme.directory),
            *("--trusted", str(here / "ca.pem" if acme.ca_file else SYSTEM_AUTHORITIES)),
            *("--account-key", str(pki.acme_account_key)),
            *("--request", str(pki.server_request)),
            *("--chain", str(paths.acme_chain)),
            *("--state", str(paths.acme_state)),
            *(["--contact", acme.contact] if acme.contact else []),
            *(["--profile", acme.profile] if acme.profile else []),
            *(external if acme.external_key_file else []),
        ]
        # an authority looks at any address that the name has in DNS, at IPv6 first where there is one
        bound = (tuple(map(str, node.addresses)), acme.http_port)
        found.append(Program(name="acme", user="tw-cert", command=command, priority=60, bound=bound))
    if places(declared, paths):
        command = [
            *(python, "-m", "trunkward.certificates.install"),
            *("--places", str(paths.run / "edge" / "certificates.json")),
            *("--control", str(paths.run / "edge" / "ctl.sock")),
            *("--state", str(paths.shown_state)),
            *("--host", str(node.address)),
            *("--port", str(node.tls_port)),
        ]
        found.append(Program(name="certificates", user="tw-edge", command=command, priority=60))
    return found


def identity_programs(declared: Declared, paths: Paths) -> list[Program]:
    """The one that speaks with the authorities of SHAKEN, where there are some."""
    if declared.node.policy_administrator is None:
        return []
    command = [
        *(sys.executable, "-m", "trunkward.certificates.identities"),
        *("--task", str(paths.identities_task)),
        *("--state", str(paths.identities_state)),
    ]
    return [Program(name="identities", user="tw-identity", command=command, priority=60)]


def render_supervisord_conf(wanted: list[Program], paths: Paths, open_files: int) -> str:
    """`supervisord.conf`. `open_files` is the limit its programs are started under."""
    text = f"""[supervisord]
nodaemon=true
# its own lines are in its log, which is rotated; what still goes to standard error is a crash of its own
silent=true
user=root
logfile={_plain(paths.log)}/supervisor.log
logfile_maxbytes=10MB
logfile_backups=3
pidfile={_plain(paths.run)}/supervisor.pid
childlogdir={_plain(paths.log)}
strip_ansi=true
minfds={open_files}

[unix_http_server]
file={_plain(paths.supervisor_socket)}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://{_plain(paths.supervisor_socket)}
"""
    for program in wanted:
        environment = ",".join(f'{name}="{_plain(value)}"' for name, value in program.environment.items())
        text += f"""
[program:{program.name}]
command={_quoted(_confined(program))}
priority={program.priority}
environment=PYTHONUNBUFFERED="1"{"," if environment else ""}{environment}
directory=/
autostart=true
autorestart=true
startsecs=1
startretries=1000000
stopsignal=TERM
stopwaitsecs=10
stopasgroup=true
killasgroup=true
redirect_stderr=true
stdout_logfile={_plain(paths.log)}/{program.name}.log
stdout_logfile_maxbytes=50MB
stdout_logfile_backups=3
"""
    return text


def _confined(program: Program) -> list[str]:
    setpriv = shutil.which("setpriv") or "/usr/bin/setpriv"
    groups = f"--groups={','.join(program.groups)}" if program.groups else "--init-groups"
    become = [
        *(setpriv, f"--reuid={program.user}", f"--regid={program.user}", groups),
        *("--no-new-privs", "--inh-caps=-all", "--bounding-set=-all", "--"),
    ]
    # after it: a change of user takes away the wish to die with one's parent (prctl(2), PR_SET_PDEATHSIG)
    die = [setpriv, "--pdeathsig=KILL", "--"]
    if program.bound is not None:
        hosts, port = program.bound
        bind = [sys.executable, "-I", "-m", "trunkward.certificates.bind", ",".join(hosts), str(port)]
        return [*bind, *become, *die, *program.command]
    if not program.own_processes:
        return [*become, *die, *program.command]
    unshare = shutil.which("unshare") or "/usr/bin/unshare"
    namespace = [unshare, "--pid", "--fork", "--kill-child", "--"]
    # unshare stays root, waiting for the engine, with no more than what it needed to get there
    bounds = ["--no-new-privs", f"--bounding-set=-all,{_NAMESPACE_CAPABILITIES}"]
    return [setpriv, *bounds, "--pdeathsig=KILL", "--", *namespace, *become, *die, *program.command]


def _quoted(command: list[str]) -> str:
    # supervisord splits like a shell
    return _plain(shlex.join(command))


def _plain(value: object) -> str:
    # %(name)s is expanded
    return str(value).replace("%", "%%")
