# SPDX-License-Identifier: Apache-2.0
"""Who and where, as every event says it: the repository, the installation, the people."""

from __future__ import annotations

from dataclasses import dataclass

from policies.github.payload import LOGIN, OWNER, REPOSITORY, WORD, Payload, number, optional, text, value

_BOT = "[bot]"


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository as an event names it; the numeric id outlives renames."""

    id: int
    owner: str
    name: str
    private: bool

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"


@dataclass(frozen=True, slots=True)
class Account:
    """Whoever did or wrote something; the numeric id decides, the login is for people."""

    id: int
    login: str
    bot: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event happened; without an installation it comes from a repository's own webhook."""

    repository: Repository
    installation_id: int | None

    @property
    def account(self) -> str:
        return self.repository.owner


def repository(payload: Payload) -> Repository:
    """Read the repository of an event."""
    owner = value(payload, dict, "repository", "owner")
    # An organization's `owner` in a push has both; older servers send only `name`.
    key = "login" if "login" in owner else "name"
    return Repository(
        id=number(payload, "repository", "id"),
        owner=text(payload, OWNER, "repository", "owner", key),
        name=text(payload, REPOSITORY, "repository", "name"),
        private=value(payload, bool, "repository", "private"),
    )


def installation_id(payload: Payload) -> int | None:
    """Read through which installation of the App an event came."""
    if payload.get("installation") is None:
        return None
    return number(payload, "installation", "id")


def account(payload: Payload, *path: str) -> Account:
    """Read an account."""
    login = text(payload, LOGIN, *path, "login")
    kind = value(payload, str, *path, "type")
    return Account(number(payload, *path, "id"), login, bot=kind == "Bot" or login.endswith(_BOT))


def author(payload: Payload, *path: str) -> Account | None:
    """Read who wrote something; None when GitHub does not say, because the account is gone."""
    return optional(lambda: account(payload, *path), payload, *path)


def action(payload: Payload) -> str:
    """Read what happened."""
    return text(payload, WORD, "action")
