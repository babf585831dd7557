# SPDX-License-Identifier: Apache-2.0
"""spec.ref means the commit that source-controller would take, under the revision it would write."""

from __future__ import annotations

from typing import Any

import pytest

from policies import reference
from policies.reference import InvalidReference, Kind, ReferenceNotFound

A, B, C, D = (char * 40 for char in "abcd")
URL = "https://git.example.com/acme/fleet"
LISTING = f"""\
{A}\tHEAD
{A}\trefs/heads/main
{B}\trefs/heads/feature/x
{C}\trefs/pull/420/head
{B}\trefs/tags/v1.0.0
{D}\trefs/tags/v1.1.0
{C}\trefs/tags/v1.1.0^{{}}
{A}\trefs/tags/v2.0.0-rc.1
{A}\trefs/tags/v3
{A}\trefs/tags/latest
"""


@pytest.mark.parametrize(
    ("ref", "sha", "refname", "revision"),
    [
        ({"branch": "main"}, A, "refs/heads/main", f"main@sha1:{A}"),
        ({"branch": "feature/x"}, B, "refs/heads/feature/x", f"feature/x@sha1:{B}"),
        ({"tag": "v1.0.0"}, B, "refs/tags/v1.0.0", f"v1.0.0@sha1:{B}"),
        ({"tag": "v1.1.0"}, C, "refs/tags/v1.1.0", f"v1.1.0@sha1:{C}"),
        ({"semver": ">=1.0.0"}, C, "refs/tags/v1.1.0", f"v1.1.0@sha1:{C}"),
        ({"semver": ">=1.0.0-0"}, A, "refs/tags/v2.0.0-rc.1", f"v2.0.0-rc.1@sha1:{A}"),
        ({"semver": "1.0.x"}, B, "refs/tags/v1.0.0", f"v1.0.0@sha1:{B}"),
        ({"name": "refs/heads/main"}, A, "refs/heads/main", f"refs/heads/main@sha1:{A}"),
        ({"name": "refs/pull/420/head"}, C, "refs/pull/420/head", f"refs/pull/420/head@sha1:{C}"),
        ({"name": "refs/tags/v1.1.0"}, C, "refs/tags/v1.1.0", f"refs/tags/v1.1.0@sha1:{C}"),
        ({"name": "refs/tags/v1.1.0^{}"}, C, "refs/tags/v1.1.0", f"refs/tags/v1.1.0^{{}}@sha1:{C}"),
        ({"name": "HEAD"}, A, "HEAD", f"HEAD@sha1:{A}"),
        ({"commit": D}, D, "", f"sha1:{D}"),
        ({"commit": D.upper()}, D, "", f"sha1:{D}"),
        ({"commit": D, "branch": "main"}, D, "refs/heads/main", f"main@sha1:{D}"),
        ({"commit": D, "name": "refs/heads/main"}, D, "refs/heads/main", f"refs/heads/main@sha1:{D}"),
        ({"commit": "", "name": None, "branch": "main"}, A, "refs/heads/main", f"main@sha1:{A}"),
    ],
)
def test_a_ref_is_resolved(ref: dict[str, Any], sha: str, refname: str, revision: str) -> None:
    found = reference.resolve(reference.choose(ref), reference.parse_listing(LISTING), url=URL)
    assert (found.sha, found.refname, found.revision) == (sha, refname, revision)


ALL = {"commit": D, "name": "refs/heads/n", "tag": "t", "semver": "1.x", "branch": "b"}


@pytest.mark.parametrize(
    ("ref", "kind"),
    [
        (ALL, Kind.COMMIT),
        ({key: ALL[key] for key in ("name", "tag", "semver", "branch")}, Kind.NAME),
        ({key: ALL[key] for key in ("tag", "semver", "branch")}, Kind.TAG),
        ({key: ALL[key] for key in ("semver", "branch")}, Kind.SEMVER),
        ({"branch": "b"}, Kind.BRANCH),
    ],
    ids=["commit", "name", "tag", "semver", "branch"],
)
def test_the_most_exact_field_counts(ref: dict[str, str], kind: Kind) -> None:
    assert reference.choose(ref).kind is kind


@pytest.mark.parametrize("ref", [None, {}, {"branch": ""}])
def test_master_is_the_default(ref: dict[str, str] | None) -> None:
    assert reference.choose(ref).refname == "refs/heads/master"


@pytest.mark.parametrize(
    ("ref", "said"),
    [
        ({"branch": "gone"}, f"unable to clone '{URL}': couldn't find remote ref \"refs/heads/gone\""),
        ({"tag": "gone"}, f"unable to clone '{URL}': couldn't find remote ref \"refs/tags/gone\""),
        ({"name": "refs/x/gone"}, "unable to resolve ref 'refs/x/gone' to a specific commit"),
        ({"semver": "^9"}, "no match found for semver: ^9"),
        ({"semver": "3.0.0"}, "no match found for semver: 3.0.0"),
    ],
    ids=["branch", "tag", "name", "semver", "tag of one number"],
)
def test_what_is_missing_is_said_in_flux_words(ref: dict[str, str], said: str) -> None:
    with pytest.raises(ReferenceNotFound) as caught:
        reference.resolve(reference.choose(ref), reference.parse_listing(LISTING), url=URL)
    assert caught.value.message == f"failed to checkout and determine revision: {said}"
    assert caught.value.reason == "GitOperationFailed"
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("ref", "said"),
    [
        ({"semver": ">>1"}, 'semver parse error: improper constraint: ">>1"'),
        ({"commit": "abc123"}, "commit 'abc123' is not a full commit id"),
        ({"branch": "a..b"}, "'refs/heads/a..b' is not a valid ref name"),
        ({"branch": "a b"}, "is not a valid ref name"),
        ({"branch": "a:refs/heads/b"}, "is not a valid ref name"),
        ({"branch": "x.lock"}, "is not a valid ref name"),
        ({"branch": "/x"}, "is not a valid ref name"),
        ({"tag": "v*"}, "is not a valid ref name"),
        ({"tag": "x\n"}, "is not a valid ref name"),
        ({"name": "--upload-pack=evil"}, "is not a valid ref name"),
        ({"name": "refs/heads/x/"}, "is not a valid ref name"),
        ({"name": "refs/heads/a@{1}"}, "is not a valid ref name"),
    ],
)
def test_what_can_never_be_asked_for_waits_for_a_new_spec(ref: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        reference.choose(ref)
    assert said in caught.value.message
    assert not caught.value.retryable


def test_equal_versions_are_all_candidates() -> None:
    listing = f"{A}\trefs/tags/1.0.0+a\n{B}\trefs/tags/1.0.0+b\n{C}\trefs/tags/0.9.0\n"
    found = reference.candidates(reference.choose({"semver": "*"}), reference.parse_listing(listing).values())
    assert [ref.sha for ref in found] == [A, B]
