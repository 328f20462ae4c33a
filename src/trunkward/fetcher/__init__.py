"""The process that fetches certificate chains for the gates, which speak to nobody outside."""
