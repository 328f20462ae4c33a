"""The yardstick: a bare Kamailio TLS proxy."""
