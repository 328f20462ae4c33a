"""The process `web`: the node's health over HTTP, on loopback. It reads nothing private; no call needs it."""
