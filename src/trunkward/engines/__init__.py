"""Rendering and steering the engines: Kamailio, rtpengine, the supervisor, files with keys in them."""
