"""The certificate the node shows, where it is not its own authority's: obtained, checked, put into use.

Two processes with a wall between them. `obtain` speaks ACME with the Internet and holds no key but its
account's. `install` holds the key, speaks with nobody outside, and believes nothing `obtain` brings before it
has looked at it.
"""
