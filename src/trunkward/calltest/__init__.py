"""The call test: real user agents play both parties, the calls are measured from outside the node."""
