"""Runs inside Kamailio: reads an attempt, asks the gate, applies the verdict. Decides nothing.

Only the standard library may be imported here, and of it nothing that loads OpenSSL a second
time into Kamailio (`ssl`, `hashlib`): two OpenSSL states in one process have crashed it.
"""
