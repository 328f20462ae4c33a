"""What an answer says of itself to whoever has asked: how to look at it without Trunkward.

Its commands are run as they stand here by a test, with openssl and sha256sum.
"""

README = """\
An answer to a traceback request: answer.txt is for reading, answer.json has the same for programs.
To look whether it is as it was written takes OpenSSL 3, sha256sum and a shell (bash), in this directory.

1. The list of files is signed (Ed25519, RFC 8032; the 64 bytes of the signature as they are). This must say
   "Signature Verified Successfully":

    openssl pkeyutl -verify -pubin -inkey heads.pub -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig

2. Each file is the one that was signed. This must say OK of every file, and no file but these,
   SHA256SUMS and SHA256SUMS.sig may be here:

    sha256sum --check --strict SHA256SUMS

   The first line of SHA256SUMS, "# trunkward-manifest-2", says what the list is, so that nothing else that
   was signed with this key is ever taken for one; sha256sum passes over it. The others name one file each.

   Both together: a changed answer fails 2; a list that was changed with it fails 1.

3. The key is the provider's. heads.pub came with this answer, so whoever had made up the one had made up the
   other. Have the provider tell you this number in another way (its published contact, an earlier answer);
   on its node "trunkward journal heads" shows it, behind "sha256:":

    openssl pkey -pubin -in heads.pub -outform DER | sha256sum

What a call's "proof" in answer.json is (and that of each line in "signed_without_record", for which no call
is on record):

"text" is the line the signer had on disk before the signature left. Its "commits" say of each number only
SHA-256(salt || name || NUL || value); "values" has [salt in hex, value] by name. For the name orig:

    { printf "$(echo SALT | sed 's/../\\\\x&/g')"; printf 'orig\\0%s' VALUE; } | sha256sum

"head" is what the node signed in the minute after, of all its journals: three parts with a space between.
The first is an Ed25519 signature in base64url without padding (RFC 4648 section 5), by the key in heads.pub,
over the bytes of the second, as they stand. The third opens what the second commits to: [salt in hex, head],
where the commitment is SHA-256(salt || "head" || NUL || the head's JSON as it stands). A head names a
journal, the number of its last line ("seq") and that line's SHA-256 ("hash"). Where "seq" is the number of
the call's own line ("line"), "hash" is the SHA-256 of "text". Where it is a later one, the lines between are
about other people's calls and stay on the node, which can be asked to follow them. An empty "head": the
answer was given before the next one was signed, which is done each minute; ask again.
"""
