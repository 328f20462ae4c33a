"""The decision service: attempts in, verdicts out, over unix sockets; one process a core."""
