# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from policies.images import digests
from policies.kinds.imagepolicy import ImagePolicyStatus, ImageRef, ReflectionPolicy

_A, _B = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"


def _ref(tag: str, digest: str | None = None, name: str = "web") -> ImageRef:
    return ImageRef(name=name, tag=tag, digest=digest)


@pytest.mark.parametrize(
    ("reflection", "known", "asks"),
    [
        ("Never", None, False),
        ("Never", _ref("1"), False),
        ("Never", _ref("2", _A), False),
        ("IfNotPresent", None, True),
        ("IfNotPresent", _ref("1"), True),
        ("IfNotPresent", _ref("1", ""), True),
        ("IfNotPresent", _ref("1", _A), False),
        ("IfNotPresent", _ref("2", _A), True),
        ("IfNotPresent", _ref("1", _A, name="api"), True),
        ("Always", None, True),
        ("Always", _ref("1", _A), True),
    ],
)
def test_when_the_digest_is_asked_for(
    reflection: ReflectionPolicy, known: ImageRef | None, asks: bool
) -> None:
    assert digests.must_ask(reflection, known, "web", "1") is asks


@pytest.mark.parametrize(
    ("reflection", "known", "before", "digest", "latest", "previous"),
    [
        # The first choice, and the same one again.
        ("Never", None, None, "", "web:1", None),
        ("Never", _ref("1"), None, "", "web:1", None),
        ("Never", _ref("1"), _ref("0"), "", "web:1", "web:0"),
        # Another tag, or another image.
        ("Never", _ref("0"), None, "", "web:1", "web:0"),
        ("Never", _ref("0"), _ref("1"), "", "web:1", "web:0"),
        ("Never", _ref("1", name="api"), None, "", "web:1", "api:1"),
        # The digest goes when nobody wants it any more.
        ("Never", _ref("1", _A), None, "", "web:1", f"web:1@{_A}"),
        ("Never", _ref("1"), None, _B, "web:1", None),
        # It is kept while the tag is the same, and comes with the next.
        ("IfNotPresent", _ref("1", _A), _ref("0"), "", f"web:1@{_A}", "web:0"),
        ("IfNotPresent", _ref("1"), None, _A, f"web:1@{_A}", "web:1"),
        ("IfNotPresent", _ref("0", _A), None, _B, f"web:1@{_B}", f"web:0@{_A}"),
        # It follows the tag.
        ("Always", _ref("1", _A), None, _A, f"web:1@{_A}", None),
        ("Always", _ref("1", _A), _ref("0"), _B, f"web:1@{_B}", f"web:1@{_A}"),
        ("Always", None, None, _A, f"web:1@{_A}", None),
    ],
)
def test_what_the_status_says_of_the_image(
    reflection: ReflectionPolicy,
    known: ImageRef | None,
    before: ImageRef | None,
    digest: str,
    latest: str,
    previous: str | None,
) -> None:
    status = ImagePolicyStatus(latest_ref=known, observed_previous_ref=before)
    found = digests.refs(reflection, status, "web", "1", digest)
    assert str(found.latest) == latest
    assert (str(found.previous) if found.previous else None) == previous


def test_the_status_is_written_without_empty_fields() -> None:
    status = ImagePolicyStatus(latest_ref=_ref("0", ""))
    assert digests.refs("Always", status, "web", "1", _A).status == {
        "latestRef": {"name": "web", "tag": "1", "digest": _A},
        "observedPreviousRef": {"name": "web", "tag": "0"},
    }
    assert digests.refs("Never", ImagePolicyStatus(), "web", "1").status == {
        "latestRef": {"name": "web", "tag": "1"},
        "observedPreviousRef": None,
    }
