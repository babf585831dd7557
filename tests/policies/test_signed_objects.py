# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from policies import signed_objects
from policies.signed_objects import Signed

SIGNATURE = "-----BEGIN SSH SIGNATURE-----\nU1NI\n\nabc\n-----END SSH SIGNATURE-----"
HEADERS = b"tree 4b825dc\nauthor Ada <ada@example.com> 1 +0000\ncommitter Ada <ada@example.com> 1 +0000"
MESSAGE = b"\n\nsubject\n\ngpgsig is not a header here\n indented\n"


def header(signature: str) -> bytes:
    return b"gpgsig " + signature.replace("\n", "\n ").encode()


def test_a_commits_signature_is_a_header_and_the_rest_is_what_was_signed() -> None:
    raw = HEADERS + b"\n" + header(SIGNATURE) + MESSAGE
    assert signed_objects.commit(raw) == Signed(HEADERS + MESSAGE, SIGNATURE)


def test_headers_after_the_signature_stay() -> None:
    raw = HEADERS + b"\n" + header(SIGNATURE) + b"\nencoding ISO-8859-1" + MESSAGE
    assert signed_objects.commit(raw) == Signed(HEADERS + b"\nencoding ISO-8859-1" + MESSAGE, SIGNATURE)


def test_the_lines_of_another_header_stay() -> None:
    merged = b"\nmergetag object 1\n type commit\n gpgsig no"
    assert signed_objects.commit(HEADERS + merged + MESSAGE) == Signed(HEADERS + merged + MESSAGE, "")


def test_an_unsigned_commit_has_no_signature() -> None:
    assert signed_objects.commit(HEADERS + MESSAGE) == Signed(HEADERS + MESSAGE, "")
    assert signed_objects.commit(HEADERS) == Signed(HEADERS, "")


TAG = b"object 1\ntype commit\ntag v1\ntagger Ada <ada@example.com> 1 +0000\n\nversion 1\n"


def test_a_tags_signature_is_the_end_of_its_message() -> None:
    assert signed_objects.tag(TAG + SIGNATURE.encode() + b"\n") == Signed(TAG, SIGNATURE + "\n")
    assert signed_objects.tag(TAG) == Signed(TAG, "")


def test_a_signature_quoted_in_the_message_is_part_of_what_was_signed() -> None:
    quoted = TAG + SIGNATURE.encode() + b"\n"
    assert signed_objects.tag(quoted + SIGNATURE.encode()) == Signed(quoted, SIGNATURE)
