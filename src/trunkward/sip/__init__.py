"""SIP names, status codes and header grammar."""
