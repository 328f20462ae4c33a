"""The SRTP suites we accept and offer. Nothing else in the program names one.

No 32-bit tags (RFC 3711 section 9.5 warns of them), no NULL, no F8, no AES-192. Names as in SDP
(RFC 4568, RFC 6188, RFC 7714). Standard library only: the edge looks at it too.
"""

#: Best first.
ALLOWED = (
    "AEAD_AES_256_GCM",
    "AEAD_AES_128_GCM",
    "AES_256_CM_HMAC_SHA1_80",
    "AES_CM_128_HMAC_SHA1_80",
)
#: Master key and salt together, in bytes (RFC 7714 section 12, RFC 6188 section 2, RFC 4568 section 6.2).
KEY_BYTES = {
    "AEAD_AES_256_GCM": 44,
    "AEAD_AES_128_GCM": 28,
    "AES_256_CM_HMAC_SHA1_80": 46,
    "AES_CM_128_HMAC_SHA1_80": 30,
}
