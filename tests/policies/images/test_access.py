# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from policies.images import access
from policies.images.errors import AccessDenied
from policies.kinds import ImagePolicy, ImageRepository


def _policy(namespace: str | None) -> ImagePolicy:
    reference = {"name": "web"} | ({"namespace": namespace} if namespace else {})
    spec = {"imageRepositoryRef": reference, "policy": {"numerical": {}}}
    return ImagePolicy.read({"metadata": {"name": "web", "namespace": "apps"}, "spec": spec})


def _repository(access_from: Any) -> ImageRepository:
    spec = {"image": "web", "interval": "1m"} | (
        {"accessFrom": access_from} if access_from is not None else {}
    )
    return ImageRepository.read({"metadata": {"name": "web", "namespace": "images"}, "spec": spec})


def _selectors(*labels: dict[str, str] | None) -> dict[str, Any]:
    return {"namespaceSelectors": [{} if found is None else {"matchLabels": found} for found in labels]}


_MISSING = "missing ACL labels on 'accessFrom'"
_MISMATCH = "ACL labels mismatch on namespace 'apps'"


@pytest.mark.parametrize(
    ("namespace", "access_from", "labels", "why"),
    [
        (None, None, {}, ""),
        ("apps", None, {}, ""),
        ("apps", _selectors(), {}, ""),
        ("images", None, {"team": "web"}, _MISSING),
        ("images", _selectors(), {"team": "web"}, _MISMATCH),
        ("images", _selectors(None), {}, ""),
        ("images", _selectors({}), {}, ""),
        ("images", _selectors({"team": "web"}), {"team": "web", "env": "prod"}, ""),
        ("images", _selectors({"team": "web"}), {"team": "api"}, _MISMATCH),
        ("images", _selectors({"team": "web"}), {}, _MISMATCH),
        ("images", _selectors({"team": "web", "env": "prod"}), {"team": "web"}, _MISMATCH),
        ("images", _selectors({"team": "api"}, {"env": "prod"}), {"env": "prod"}, ""),
    ],
)
def test_who_may_use_a_repository(
    namespace: str | None, access_from: Any, labels: dict[str, str], why: str
) -> None:
    policy, repository = _policy(namespace), _repository(access_from)
    if not why:
        access.refuse_stranger(policy, repository, labels)
        return
    with pytest.raises(AccessDenied) as raised:
        access.refuse_stranger(policy, repository, labels)
    assert raised.value.message == (
        "failed to get the referred ImageRepository: access denied:"
        f" 'images/web' can't be accessed due to {why}"
    )
    assert raised.value.reason == "AccessDenied"
    assert raised.value.retryable, "the owner may change it at any time, and nobody tells us"


@pytest.mark.parametrize(("namespace", "crosses"), [(None, False), ("apps", False), ("images", True)])
def test_another_namespace_may_be_out_of_bounds_for_all(namespace: str | None, crosses: bool) -> None:
    policy = _policy(namespace)
    assert access.crosses(policy) is crosses
    if not crosses:
        access.refuse_blocked(policy)
        return
    with pytest.raises(AccessDenied) as raised:
        access.refuse_blocked(policy)
    assert raised.value.message == (
        "failed to get the referred ImageRepository: cannot access 'ImageRepository/images/web',"
        " cross-namespace references have been blocked"
    )
