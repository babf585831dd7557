# SPDX-License-Identifier: Apache-2.0
"""What the App asks of GitHub is what Fairway uses, and nothing besides."""

from __future__ import annotations

from collections.abc import Mapping

from policies.github import events, permissions
from sandbox.forge.admin import Forge
from workers.github import app_auth, calls

# GitHub sends these to every App.
_UNASKED = {"ping", "installation", "installation_repositories"}
# No token names it: GitHub sends comments and merge groups only to who may read these.
_FOR_EVENTS = {"issues", "merge_queues"}


def _of_tokens() -> dict[str, set[str]]:
    """Return every permission that some token asks for, with its levels."""
    found: dict[str, set[str]] = {}
    for module in (app_auth, calls):
        for name, wanted in vars(module).items():
            if name.isupper() and isinstance(wanted, Mapping):
                for permission, level in wanted.items():
                    found.setdefault(permission, set()).add(level)
    return found


def test_a_token_asks_for_what_the_app_has_and_the_app_for_what_a_token_needs() -> None:
    used, asked = _of_tokens(), permissions.asked()
    assert {name: "write" if "write" in levels else "read" for name, levels in used.items()} == {
        name: level for name, level in asked.items() if name not in _FOR_EVENTS
    }
    assert {asked[name] for name in _FOR_EVENTS} == {"read"}


def test_the_app_hears_every_event_that_is_read() -> None:
    assert set(permissions.subscribed()) | _UNASKED == events.KNOWN
    assert len(set(permissions.subscribed())) == len(permissions.EVENTS)


def test_the_forge_gives_and_sends_it(forge: Forge) -> None:
    app = forge.create_app("asked", permissions=permissions.asked(), events=permissions.subscribed())
    assert app.permissions == dict(permissions.asked())
    assert app.events == permissions.subscribed()
