"""Worker groups of Kamailio (its core parameter `async_workers_group`), one for each kind of waiting.

None of them carries SIP, and no kind of waiting stands behind another: an end of a call never queues behind
a judgement, and a peer that does not answer holds nobody but who dials it.
"""

#: Calls being set up: for gates, and for rtpengine.
SETUP = "gate"
#: Calls for help, which stand behind no others.
EMERGENCY = "emergency"
#: Running calls and their ends: for rtpengine. Kamailio makes a group of this name in any case.
RUNNING = "default"
#: Registrations, and what else is no call: for gates.
REGISTER = "register"
#: Outbound TLS: for handshakes, one worker a host at most.
CONNECT = "connect"
