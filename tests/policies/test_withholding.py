# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from policies.withholding import secret_words, withheld

ENCRYPTED = b'{"stringData": {"pin": "ENC[AES256_GCM,data:xY9=]"}}'


def test_words_that_can_be_read_in_the_encrypted_document_are_none() -> None:
    plain = b'{"stringData": {"pin": 48151623, "a": "no secret-word"}}'
    assert secret_words(plain, ENCRYPTED) == {"48151623", "secret-word"}


def test_a_message_says_everything_but_the_words() -> None:
    text = ".stringData.pin: expected string, got &value.valueUnstructured{Value:48151623}"
    assert withheld(text, {"481516", "48151623"}) == text.replace("48151623", "<withheld>")
    assert withheld(text, ()) == text
