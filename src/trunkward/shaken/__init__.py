"""STIR/SHAKEN: PASSporTs, attestation, certificates. Bytes and a time in, a value out."""
