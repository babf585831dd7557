# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policies.clock import rfc3339
from policies.images import scans
from policies.images.errors import InvalidExclusion
from policies.images.scans import Turn
from policies.kinds import ImageRepository
from policies.kinds.imagerepository import DEFAULT_EXCLUSIONS
from tests.fixtures.upstream_reflector import Reflector

_NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
_NAME = "ghcr.io/acme/web"


@pytest.mark.parametrize(
    ("listed", "exclusions", "tags"),
    [
        ("1.0 2.0 10.0", [], "2.0 10.0 1.0"),
        ("b a c", [], "c b a"),
        ("a a b", [], "b a a"),
        ("1.0 sha256-abc.sig sig 1.sign", DEFAULT_EXCLUSIONS, "sig 1.sign 1.0"),
        ("1.0 sha256-abc.sig", ["^latest$"], "sha256-abc.sig 1.0"),
        ("1.0 latest latest-dev", ["^latest$"], "latest-dev 1.0"),
        ("1.0 1.0-rc1 arc", ["rc"], "1.0"),  # found anywhere
        ("1.0 1.1 1.2", ["1$", "0$"], "1.2"),
        ("1.0 1.1", [""], ""),
        ("", DEFAULT_EXCLUSIONS, ""),
        ("Z a _ 9", [], "a _ Z 9"),
    ],
)
def test_what_is_kept_of_a_registrys_list(listed: str, exclusions: list[str], tags: str) -> None:
    assert scans.kept(iter(listed.split()), exclusions).tags == tuple(tags.split())


def test_the_sample_is_the_last_ten_of_the_alphabet() -> None:
    found = scans.kept([f"{n:02}" for n in range(25)], [])
    assert found.latest == tuple(f"{n:02}" for n in range(24, 14, -1))
    assert scans.kept(["a"], []).latest == ("a",)
    assert scans.kept([], []).latest == ()


@pytest.mark.parametrize("tags", [[], ["1.0"], ["b", "a"], ["<é>&\u2028"], [f"v{n}" for n in range(1000)]])
def test_the_revision_is_upstreams(reflector: Reflector, tags: list[str]) -> None:
    found = scans.kept(tags, [])
    assert found.revision == reflector.checksum(found.tags)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=6)))
def test_any_tags_have_upstreams_revision(reflector: Reflector, tags: list[str]) -> None:
    found = scans.kept(tags, [])
    assert found.revision == reflector.checksum(found.tags)


def test_the_revision_changes_with_the_tags_and_not_with_their_order() -> None:
    assert scans.kept(["a", "b"], []).revision == scans.kept(["b", "a"], []).revision
    assert scans.kept(["a", "b"], []).revision != scans.kept(["a", "c"], []).revision


@pytest.mark.parametrize(
    ("exclusions", "message"),
    [
        (["x", "["], "scan failed: failed to compile regex [: error parsing regexp: missing closing ]: `[`"),
        (["(?:a?){1000}b"] * 25, "scan failed: the expressions of spec.exclusionList would take too long"),
    ],
)
def test_an_expression_that_cannot_be_used_is_refused(exclusions: list[str], message: str) -> None:
    with pytest.raises(InvalidExclusion) as raised:
        scans.kept(["a" * 128] * 1000, exclusions)
    assert raised.value.message.startswith(message)
    assert raised.value.reason == "ReadOperationFailed"
    assert raised.value.remedy
    assert raised.value.retryable


def _repository(spec: dict[str, Any] | None = None, **status: Any) -> ImageRepository:
    scanned = {
        "canonicalImageName": _NAME,
        "lastHandledReconcileAt": "before",
        "lastScanResult": {
            "tagCount": 1,
            "scanTime": rfc3339(_NOW - timedelta(seconds=100)),
            "revision": "1",
        },
        "observedExclusionList": list(DEFAULT_EXCLUSIONS),
    }
    return ImageRepository.read(
        {
            "metadata": {"name": "web", "namespace": "apps"},
            "spec": {"image": _NAME, "interval": "5m", **(spec or {})},
            "status": {key: value for key, value in (scanned | status).items() if value is not None},
        }
    )


@pytest.mark.parametrize(
    ("repository", "told", "turn"),
    [
        (_repository(), {}, Turn("", 200)),
        (_repository(), {"requested": "before"}, Turn("", 200)),
        (_repository(), {"requested": "again"}, Turn("reconcile requested", 300)),
        (_repository(lastHandledReconcileAt=None), {"requested": "x"}, Turn("reconcile requested", 300)),
        (_repository(lastScanResult=None), {"requested": "again"}, Turn("first scan", 300)),
        (_repository(), {"name": "docker.io/x"}, Turn("new image name", 300)),
        (_repository(canonicalImageName=None), {}, Turn("new image name", 300)),
        (_repository({"exclusionList": ["a"]}), {}, Turn("updated exclusion list", 300)),
        (_repository({"exclusionList": []}), {}, Turn("", 200)),
        (_repository({"exclusionList": ["b", "a"]}, observedExclusionList=["a", "b"]), {}, Turn("", 200)),
        (
            _repository({"exclusionList": ["b", "a"]}, observedExclusionList=["a", "c"]),
            {},
            Turn("updated exclusion list", 300),
        ),
        (_repository(observedExclusionList=None), {}, Turn("updated exclusion list", 300)),
        (_repository(), {"at_hand": False}, Turn("no tags in database", 300)),
        (_repository({"interval": "100s"}), {}, Turn("triggered by interval", 100)),
        (_repository({"interval": "100999ms"}), {}, Turn("triggered by interval", 100.999)),
        (_repository({"interval": "101s"}), {}, Turn("", 1)),
        (_repository({"interval": "1s"}), {}, Turn("triggered by interval", 1)),
        (_repository(lastScanResult={"tagCount": 1}), {}, Turn("triggered by interval", 300)),
    ],
    ids=lambda value: value.reason or "not yet" if isinstance(value, Turn) else "",
)
def test_when_to_scan_and_why(repository: ImageRepository, told: dict[str, Any], turn: Turn) -> None:
    asked = {"name": _NAME, "requested": "", "at_hand": True} | told
    assert scans.turn(repository, asked.pop("name"), now=_NOW, **asked) == turn
