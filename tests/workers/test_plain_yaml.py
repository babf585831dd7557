# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from workers.plain_yaml import NotPlain, load


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(b"", "it is empty", id="nothing"),
        pytest.param(b"# nothing\n", "it is empty", id="a-comment"),
        pytest.param(b"a: 1\n\tb: hunter2", "it is no YAML: line 2: found", id="a-tab"),
        pytest.param(b"users: [hunter2", "it is no YAML: line", id="an-open-list"),
        pytest.param(b"\xff\xfe\xff", "it is no YAML:", id="no-text"),
        pytest.param(b"\x00hunter2", "it is no YAML:", id="a-null-byte"),
        pytest.param(b"a: &a hunter2\nb: *a", "it has YAML aliases", id="an-alias"),
        pytest.param(
            b"a: &a [x,x]\n"
            + b"\n".join(b"%c: &%c [*%c,*%c]" % (i + 1, i + 1, i, i) for i in range(97, 121)),
            "it has YAML aliases",
            id="a-bomb-of-aliases",
        ),
        pytest.param(b"[" * 5000, "it is nested more than 16 levels deep", id="a-deep-list"),
        pytest.param(b"{a: " * 5000, "it is nested more than 16 levels deep", id="a-deep-mapping"),
    ],
)
def test_what_is_not_plain_is_refused_without_what_it_holds(text: bytes, message: str) -> None:
    with pytest.raises(NotPlain) as caught:
        load(text)
    assert str(caught.value).startswith(message)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param(
            b"a: 0123\nb: true\nc: 2026-99-99\nd: 1:1:1",
            {"a": "0123", "b": "true", "c": "2026-99-99", "d": "1:1:1"},
            id="texts-as-they-stand",
        ),
        pytest.param(
            b"a: \nb: ~\nc: null\nd: 'null'\ne: ''",
            {"a": None, "b": None, "c": None, "d": "null", "e": ""},
            id="nulls",
        ),
        pytest.param(b'{"a": ["b", {"c": "\\n"}]}', {"a": ["b", {"c": "\n"}]}, id="json"),
        pytest.param(b"---\n", None, id="an-empty-document"),
        pytest.param(b"a: b\n---\nc: d", {"a": "b"}, id="the-first-document"),
        pytest.param(b"? [a]\n: b", {}, id="a-list-as-key"),
        pytest.param(b"<<: {a: b}", {"<<": {"a": "b"}}, id="a-merge"),
        pytest.param(b"!!python/object/apply:os.system [x]", ["x"], id="a-tag"),
    ],
)
def test_plain_yaml_is_what_it_is_made_of(text: bytes, found: Any) -> None:
    assert load(text) == found
