# SPDX-License-Identifier: Apache-2.0
"""A repository's own file, read from its default branch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from app.cli.redis import EmbeddedRedis
from policies.settings import Settings
from tests.fixtures.cluster import Cluster
from tests.workers.github.conftest import MakePlace, Place, able, make_place
from workers.configuration import narrowed_of
from workers.context import Context
from workers.github import PermissionMissing
from workers.permissions import forget_missing, missing_of, note_missing

__all__ = ["able", "make_place"]

FILE = "version: 1\norders: {hold: off}\ninstances: {here: {home: on}, there: {environments: [prod]}}\n"


@pytest.fixture
def context(cluster: Cluster, redis_server: EmbeddedRedis) -> Context:
    settings = {"FAIRWAY_REDIS_URL": redis_server.url, "KUBECONFIG": str(cluster.kubeconfig)}
    return Context(Settings.from_env({**settings, "FAIRWAY_CLUSTER": "here"}, lambda _: ""))


@pytest.fixture
def at(context: Context) -> Callable[[Place], Context]:
    def of(place: Place) -> Context:
        context.__dict__["github"] = place.github
        return context

    return of


def test_without_a_file_everything_is_as_the_binding_has_it(
    able: Place, at: Callable[[Place], Context]
) -> None:
    found = narrowed_of(at(able), able.name)
    assert (found.tenant.bound, found.home, found.problems, found.unreadable) == (True, True, (), None)


def test_the_file_of_the_default_branch_counts(able: Place, at: Callable[[Place], Context]) -> None:
    able.forge.commit(able.repo, {".fairway.yaml": FILE}, "Narrow", branch="topic")
    assert narrowed_of(at(able), able.name).rules.rule("hold", "").off is False
    able.forge.commit(able.repo, {".fairway.yaml": FILE}, "Narrow")
    found = narrowed_of(at(able), able.name, fresh=True)
    assert found.rules.rule("hold", "").off is True
    assert (found.home, found.others) == (True, frozenset({"prod"}))


def test_it_is_remembered_for_a_moment(able: Place, at: Callable[[Place], Context]) -> None:
    context = at(able)
    narrowed_of(context, able.name)
    before = able.used()
    assert narrowed_of(context, able.name.upper()).unreadable is None
    assert able.used() == before


def test_a_file_that_cannot_be_used_lets_no_order_act(able: Place, at: Callable[[Place], Context]) -> None:
    able.forge.commit(able.repo, {".fairway.yaml": "version: 2\n"}, "Break")
    assert narrowed_of(at(able), able.name, fresh=True).unreadable is not None
    able.forge.commit(able.repo, {".fairway.yaml": None, ".fairway.yaml/a": "x"}, "Make it a folder")
    problem = narrowed_of(at(able), able.name, fresh=True).unreadable
    assert problem is not None
    assert problem.message == ".fairway.yaml is not a file"


def test_without_the_permission_to_read_nothing_is_taken_for_granted(
    make_place: MakePlace, at: Callable[[Place], Context]
) -> None:
    place = make_place(permissions={"statuses": "write"})
    problem = narrowed_of(at(place), place.name).unreadable
    assert problem is not None
    assert "contents: read" in problem.message


def test_one_that_is_not_served_is_not_read(able: Place, at: Callable[[Place], Context]) -> None:
    context = at(able)
    context.settings = replace(context.settings, github_accounts=("acme",))
    before = able.used()
    assert narrowed_of(context, able.name).tenant.bound is False
    assert able.used() == before


def test_what_the_app_may_not_do_is_noted(context: Context) -> None:
    error = PermissionMissing("no", permission="contents: write", remedy="grant it")
    note_missing(context, "acme/Fleet", error, "rollbacks")
    assert missing_of(context, "Acme/fleet") == {"contents: write": "rollbacks"}
    forget_missing(context, "acme/fleet", "contents: write")
    assert missing_of(context, "acme/fleet") == {}
