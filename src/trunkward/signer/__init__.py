"""The process that holds the SHAKEN private key and signs what the gate asks, within its own limits."""
