# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib

import pytest

from policies.kinds import Receiver
from policies.receivers import paths
from policies.receivers.delivery import Delivery, Malformed
from policies.receivers.targets import NoTarget, shown, target

DIGESTS = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(50)]


def test_a_path_is_fluxs() -> None:
    # printf 'tokenwebapps' | sha256sum
    digest = "a1394b3d75f88fa1da8b5863e97bcbd61b8df2090f787482bdc833b5f2fd849d"
    assert paths.webhook_path("token", "web", "apps") == f"/hook/{digest}"
    assert paths.webhook_path(b"token", "web", "apps") == f"/hook/{digest}"


def test_without_a_token_name_and_namespace_make_it() -> None:
    digest = hashlib.sha256(b"webapps").hexdigest()
    assert paths.webhook_path("", "web", "apps") == f"/hook/{digest}"


@pytest.mark.parametrize(
    "digest", ["", "0" * 63, "0" * 65, "A" * 64, "g" * 64, "0" * 64 + "\n", "../" + "0" * 61]
)
def test_what_is_no_digest_is_no_path(digest: str) -> None:
    assert not paths.well_formed(digest)
    assert paths.well_formed("0" * 64)


def test_a_delivery_is_found_by_its_path_and_by_nobody_elses() -> None:
    made = paths.seal(DIGESTS[7], "nonce")
    assert paths.find(made.name, "nonce", DIGESTS) == [7]
    assert paths.find(made.name, "nonce", [DIGESTS[7], *DIGESTS]) == [0, 8]
    assert paths.find(made.name, "nonce", DIGESTS[8:]) == []
    assert paths.find(made.name, "another nonce", DIGESTS) == []


def test_nothing_that_leaves_the_front_door_is_the_same_twice_or_tells_the_path() -> None:
    first, second = (paths.seal(DIGESTS[0], nonce) for nonce in ("a", "b"))
    told = [
        first.name,
        second.name,
        first.key.hex(),
        second.key.hex(),
        paths.known_as(DIGESTS[0]),
        DIGESTS[0],
    ]
    assert len(set(told)) == len(told)
    assert len(first.key) == 32
    assert first.key.hex() not in repr(first)


@pytest.mark.parametrize(
    ("header", "is_json", "kind"),
    [
        ("application/json", True, "application/json"),
        ("Application/JSON; charset=utf-8", True, "application/json"),
        ("text/plain, application/json", True, "text/plain"),
        ("application/vnd.docker.distribution.events.v2+json", False, None),
        ("text/plain", False, "text/plain"),
        ("", False, ""),
        ("nonsense", False, ""),
        ("application/json\nX: y", False, None),
    ],
)
def test_what_a_body_says_it_is(header: str, is_json: bool, kind: str | None) -> None:
    delivery = Delivery(b"", {"Content-Type": header})
    assert delivery.is_json == is_json
    assert kind is None or delivery.content_type == kind


def test_a_delivery_comes_out_as_it_went_in() -> None:
    sent = Delivery(b'{"a":\n\n1}\xff\x00', {"X-Signature": 'ä="\n'})
    assert Delivery.unpack(sent.pack()) == sent
    assert "X-Signature" not in repr(sent)


@pytest.mark.parametrize(
    ("body", "read"), [(b'{"a": [1, 2.5, true]}', {"a": [1.0, 2.5, True]}), (b"null", {}), (b" {} ", {})]
)
def test_numbers_are_fractions_as_in_flux(body: bytes, read: object) -> None:
    found = Delivery(body).object()
    assert found == read
    assert all(type(one) is not int for one in found.get("a", []))


@pytest.mark.parametrize("body", [b"[]", b"1", b'"x"', b"{} {}", b""])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        Delivery(body).object()


def receiver(**entry: object) -> Receiver:
    spec = {
        "type": "generic",
        "secretRef": {"name": "x"},
        "resources": [{"kind": "Bucket", "name": "b", **entry}],
    }
    return Receiver.read({"metadata": {"name": "web", "namespace": "apps"}, "spec": spec})


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        ({}, ("source.toolkit.fluxcd.io", "v1", "apps", "b", "")),
        ({"kind": "ImageRepository"}, ("image.toolkit.fluxcd.io", "v1", "apps", "b", "")),
        ({"kind": "ArtifactGenerator"}, ("source.extensions.fluxcd.io", "v1beta1", "apps", "b", "")),
        ({"namespace": "infra"}, ("source.toolkit.fluxcd.io", "v1", "infra", "b", "")),
        (
            {"kind": "Kustomization", "apiVersion": "kustomize.toolkit.fluxcd.io/v1"},
            ("kustomize.toolkit.fluxcd.io", "v1", "apps", "b", ""),
        ),
        (
            {"name": "*", "matchLabels": {"b": "2", "a": "1"}},
            ("source.toolkit.fluxcd.io", "v1", "apps", "*", "a=1,b=2"),
        ),
        ({"name": "*", "matchLabels": {}}, ("source.toolkit.fluxcd.io", "v1", "apps", "*", "")),
        # As in Flux labels say nothing of an object that is named.
        ({"matchLabels": {"a": "1"}}, ("source.toolkit.fluxcd.io", "v1", "apps", "b", "")),
    ],
)
def test_what_an_entry_means(entry: dict[str, object], found: tuple[str, ...]) -> None:
    one = receiver(**entry)
    meant = target(one, one.spec.resources[0], no_cross_namespace_refs=False)
    assert (meant.group, meant.version, meant.namespace, meant.name, meant.labels) == found


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({"namespace": "infra"}, "infra is another namespace"),
        ({"kind": "Kustomization"}, "give Kustomization an apiVersion"),
        ({"kind": "HelmRelease"}, "give HelmRelease an apiVersion"),
        ({"name": "*"}, "set matchLabels"),
    ],
)
def test_an_entry_that_names_nothing_says_why(entry: dict[str, object], why: str) -> None:
    one = receiver(**entry)
    with pytest.raises(NoTarget, match=why):
        target(one, one.spec.resources[0], no_cross_namespace_refs=True)


def test_a_filter_sees_what_describes_an_object_and_nothing_else() -> None:
    obj = {
        "apiVersion": "v1",
        "kind": "Bucket",
        "metadata": {"name": "b", "generation": 3},
        "spec": {"secret": 1},
    }
    seen = shown(obj)
    assert seen == {"apiVersion": "v1", "kind": "Bucket", "metadata": {"name": "b", "generation": 3.0}}
    assert type(seen["metadata"]["generation"]) is float
