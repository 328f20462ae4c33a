"""The call test: both parties of a call played by a real user agent, the call measured from outside the node."""
