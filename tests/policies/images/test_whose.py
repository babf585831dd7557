# SPDX-License-Identifier: Apache-2.0
"""Which pull requests count as ours for new images: a branch's name proves nothing."""

from __future__ import annotations

from typing import Any

import pytest

from policies.images.record import Record, line
from policies.images.setters import Image
from policies.images.whose import Claim, Stranger, claim, confirmed, policies_of, source_of
from policies.tenancy import EVERYTHING, Grant, Tenant

BRANCH = "fairway/images/apps.fleet/policy-web"
RECORD = Record("b" * 40, {"apps:web": Image("ghcr.io/acme/web", "6.9.1", "")})
APPS = Tenant((Grant(frozenset({"apps", "infra"})),))
GITHUB = "https://github.com"


def said(branch: str = BRANCH, record: Record = RECORD, **more: Any) -> Claim | Stranger:
    given = {"by_us": True, "from_fork": False, "tenant": APPS, "body": line(record), **more}
    return claim(branch, given.pop("body"), **given)


def test_one_of_ours_is_believed() -> None:
    assert said() == Claim(("apps", "fleet"), RECORD)
    assert said("fairway/images/other.fleet/all", tenant=Tenant((EVERYTHING,))) == Stranger(
        "record", ("other", "fleet")
    )


@pytest.mark.parametrize(
    ("why", "given"),
    [
        ("branch", {"branch": "topic"}),
        ("branch", {"branch": "fairway/rollback/prod-41"}),
        ("branch", {"branch": "fairway/images/apps.fleet"}),
        ("branch", {"branch": "fairway/images/../all"}),
        ("author", {"by_us": False}),
        ("fork", {"from_fork": True}),
        ("namespace", {"branch": "fairway/images/others.fleet/policy-web"}),
        ("namespace", {"tenant": Tenant(reason="not bound")}),
        ("record", {"body": ""}),
        ("record", {"record": Record("b", {})}),
        # Also one of its own other namespaces: an automation writes only policies beside itself.
        ("record", {"record": Record("b", {"infra:web": RECORD.images["apps:web"]})}),
        ("record", {"record": Record("b", {**RECORD.images, "others:web": RECORD.images["apps:web"]})}),
    ],
)
def test_what_others_can_write_is_not(why: str, given: dict[str, Any]) -> None:
    found = said(**given)
    assert isinstance(found, Stranger)
    assert found.why == why


def automation(**reference: str) -> dict[str, Any]:
    return {"metadata": {"namespace": "apps", "name": "fleet"}, "spec": {"sourceRef": reference}}


def test_an_automation_names_its_source() -> None:
    assert source_of(automation(name="src")) == ("apps", "src")
    assert source_of(automation(name="src", namespace="flux-system")) == ("flux-system", "src")
    assert source_of({"metadata": {"namespace": "apps"}}) == ("apps", "")


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ({"spec": {"url": "https://github.com/acme/fleet"}}, None),
        ({"spec": {"url": "https://github.com/ACME/Fleet.git"}}, None),
        ({"spec": {"url": "https://github.com/acme/other"}}, "elsewhere"),
        ({"spec": {"url": "https://example.com/acme/fleet"}}, "elsewhere"),
        ({}, "elsewhere"),
        (None, "elsewhere"),
    ],
)
def test_its_source_has_to_be_this_repository(source: dict[str, Any] | None, why: str | None) -> None:
    found = confirmed(
        ("apps", "fleet"), automation(name="src"), source, repository="acme/fleet", github_url=GITHUB
    )
    assert (found.why if found else None) == why


def test_an_automation_that_is_gone_is_none() -> None:
    source = {"spec": {"url": "https://github.com/acme/fleet"}}
    found = confirmed(("apps", "fleet"), None, source, repository="acme/fleet", github_url=GITHUB)
    assert found == Stranger("automation", ("apps", "fleet"))


def test_policies_are_told_by_their_names() -> None:
    assert policies_of(RECORD) == {"apps:web": ("apps", "web")}
