"""SDP and SRTP policy: what is offered, accepted, refused."""
