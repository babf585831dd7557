# SPDX-License-Identifier: Apache-2.0
"""What a single setting may look like: each check turns a text into a value, or says what to write.

A refusal never repeats the value: it may hold a password.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import SplitResult, urlsplit

from policies.kinds.meta import seconds
from policies.objects import GroupKind
from policies.selectors import InvalidSelector, parse

Check = Callable[[str], Any]


class Secret:
    """A text that shows itself only to whoever asks for its value."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "Secret(…)" if self._value else "Secret()"


_DNS_LABEL = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_DNS_SUBDOMAIN = re.compile(rf"{_DNS_LABEL}(?:\.{_DNS_LABEL})*")
_CLUSTER = re.compile(r"(?=.{1,63}\Z)[a-z0-9]+(?:[-.][a-z0-9]+)*")  # it stands in hidden lines of comments
# github.com has letters, digits and hyphens; accounts managed by an enterprise end in _shortcode.
_ACCOUNT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98}[A-Za-z0-9])?")
_LISTEN = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):(?P<port>[0-9]{1,5})")


def _matching(pattern: re.Pattern[str], remedy: str) -> Check:
    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(remedy)
        return text

    return check


cluster_name = _matching(
    _CLUSTER, "write up to 63 small letters and digits, with single dots and dashes between"
)
dns_label = _matching(re.compile(_DNS_LABEL), "write a namespace's name: small letters, digits and dashes")
dns_subdomain = _matching(_DNS_SUBDOMAIN, "write an object's name: small letters, digits, dots and dashes")
account = _matching(_ACCOUNT, "write logins of users or organizations, separated by commas")
app_id = _matching(
    re.compile(r"[0-9]{1,19}|Iv[A-Za-z0-9.]{8,60}"), "write the App's numeric id, or its client id (Iv…)"
)


def one_of(*allowed: str) -> Check:
    """Return a check for a closed set of words."""

    def check(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"write {' or '.join(allowed)}")
        return text

    return check


def whole(low: int, high: int) -> Check:
    """Return a check for a whole number within bounds."""

    def check(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise ValueError(f"write a whole number from {low} to {high}")
        return int(text)

    return check


def boolean(text: str) -> bool:
    """Accept what Go's flags accept, which people know from Flux."""
    if text.lower() in ("true", "t", "1"):
        return True
    if text.lower() in ("false", "f", "0"):
        return False
    raise ValueError("write true or false")


def always_true(text: str) -> bool:
    """Accept only what Fairway does anyway."""
    if not boolean(text):
        raise ValueError("Fairway always does so, leave it out or write true")
    return True


def always_false(text: str) -> bool:
    """Accept only what Fairway does anyway."""
    if boolean(text):
        raise ValueError("Fairway never does so, leave it out or write false")
    return False


def duration(text: str) -> float:
    """Accept a duration as Go writes it; returns seconds."""
    try:
        return seconds(text)
    except ValueError:
        raise ValueError("write a duration such as 30s, 1m30s or 750ms") from None


def group_kind(text: str) -> GroupKind:
    """Accept `group/Kind`, or `Kind` of the core group."""
    group, _, kind = text.rpartition("/")
    if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", kind) or (group and not _DNS_SUBDOMAIN.fullmatch(group)):
        raise ValueError("write group/Kind, separated by commas")
    return GroupKind(group, kind)


def label_selector(text: str) -> str:
    """Accept a label selector."""
    try:
        parse(text)
    except InvalidSelector:
        raise ValueError("write a label selector such as app=web,tier in (a,b)") from None
    return text


def absolute_path(text: str) -> str:
    """Accept a path that means the same in every process."""
    if not text.startswith("/") or "\0" in text:
        raise ValueError("write an absolute path")
    return text


def listen_address(text: str) -> str:
    """Accept host:port with a port that others can be told."""
    match = _LISTEN.fullmatch(text)
    if not match or not 1 <= int(match["port"]) <= 65535:
        raise ValueError("write host:port, with a port from 1 to 65535")
    return text


def base_url(text: str) -> str:
    """Accept an http or https address that paths can be put after; without its last slash."""
    parts = _split(text)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("write an address that begins with https:// or http://")
    if parts.username is not None or parts.query or parts.fragment or re.search(r"[\s\\]", text):
        raise ValueError("write an address without user, password, ? and #")
    return text.rstrip("/")


def redis_url(text: str) -> str:
    """Accept what both redis-py and Celery understand the same way."""
    parts = _split(text)
    if parts is None or parts.scheme not in ("redis", "rediss") or not parts.hostname:
        raise ValueError("write an address that begins with redis:// or rediss://")
    if not re.fullmatch(r"(/[0-9]{0,3})?", parts.path) or parts.query or parts.fragment:
        raise ValueError("write redis://[:password@]host[:port][/database], the database being a number")
    return text


def _split(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        _ = parts.port  # out of range shows only when it is read
    except ValueError:
        return None
    return parts
