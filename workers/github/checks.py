# SPDX-License-Identifier: Apache-2.0
"""Check runs: a report with annotations on files and lines, one of a name and external id per commit.

What GitHub shows is read before every write, so a create that ended in a 502 is found the next time.
Annotations cannot be taken back and a finished run is not opened again: where that would be needed, a new
run takes the old one's place. What a person has asked for again is a run with another external id, since
GitHub waits for one that says something new.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import quote

from policies.budget import Urgency
from workers.github.calls import CHECKS, Calls
from workers.github.errors import ServerError, Unreachable

_MOST_PER_REQUEST = 50
_LARGEST_OUTPUT = 65_535  # GitHub counts characters; bytes are never fewer
_LARGEST_MESSAGE = 64 * 1024
_LONGEST_TITLE = 255
_CUT = "\n\n… the rest does not fit"
_MOST_BUTTONS = 3
_LONGEST_BUTTON = {"label": 20, "description": 40, "identifier": 20}


class Conclusion(StrEnum):
    ACTION_REQUIRED = "action_required"
    CANCELLED = "cancelled"
    FAILURE = "failure"
    NEUTRAL = "neutral"
    SKIPPED = "skipped"
    SUCCESS = "success"
    TIMED_OUT = "timed_out"


class Level(StrEnum):
    FAILURE = "failure"
    NOTICE = "notice"
    WARNING = "warning"


@dataclass(frozen=True)
class Annotation:
    """A remark on lines of a file; they count from 1."""

    path: str
    message: str
    start_line: int = 1
    end_line: int = 0
    level: Level = Level.FAILURE
    title: str = ""

    def body(self) -> dict[str, Any]:
        """Return it as GitHub takes it, and as GitHub shows it."""
        start = max(1, self.start_line)
        said = {"message": _fitting(self.message, _LARGEST_MESSAGE), "annotation_level": self.level.value}
        lines = {"start_line": start, "end_line": max(start, self.end_line)}
        title = {"title": self.title[:_LONGEST_TITLE]} if self.title else {}
        return {"path": self.path} | lines | said | title


@dataclass(frozen=True)
class Button:
    """What a person can press on a run; raises ValueError for more characters than GitHub takes."""

    label: str
    description: str
    identifier: str

    def __post_init__(self) -> None:
        for name, longest in _LONGEST_BUTTON.items():
            value = getattr(self, name)
            if not 0 < len(value) <= longest:
                raise ValueError(f"a button's {name} has 1 to {longest} characters, not {value!r}")


@dataclass(frozen=True)
class CheckRun:
    """What a run is to say; without a conclusion it is in progress.

    Summary and text are Markdown, cut to what GitHub takes.
    """

    name: str
    external_id: str
    title: str
    summary: str
    text: str = ""
    conclusion: Conclusion | None = None
    details_url: str = ""
    annotations: tuple[Annotation, ...] = ()
    buttons: tuple[Button, ...] = ()

    def __post_init__(self) -> None:
        if len(self.buttons) > _MOST_BUTTONS:
            raise ValueError(f"a check run has at most {_MOST_BUTTONS} buttons")

    def body(self, annotations: tuple[Annotation, ...]) -> dict[str, Any]:
        """Return the request's body, with some of the annotations."""
        output: dict[str, Any] = {"title": self.title[:_LONGEST_TITLE], "summary": self._summary}
        output |= {"text": self._text} if self.text else {}
        output |= {"annotations": [one.body() for one in annotations]} if annotations else {}
        state = {"conclusion": self.conclusion.value} if self.conclusion else {"status": "in_progress"}
        url = {"details_url": self.details_url} if self.details_url else {}
        actions = [vars(button) for button in self.buttons]
        named = {"name": self.name, "external_id": self.external_id, "actions": actions}
        return named | state | url | {"output": output}

    @property
    def _summary(self) -> str:
        return _fitting(self.summary, _LARGEST_OUTPUT)

    @property
    def _text(self) -> str:
        return _fitting(self.text, _LARGEST_OUTPUT)

    def same_as(self, shown: Mapping[str, Any]) -> bool:
        """Say whether GitHub shows all of this already, but for annotations and buttons."""
        output = shown["output"]
        said = (output["title"] or "", output["summary"] or "", output["text"] or "")
        wanted = (self.title[:_LONGEST_TITLE], self._summary, self._text)
        state = self.conclusion.value if self.conclusion else None
        same_url = not self.details_url or shown["details_url"] == self.details_url
        return said == wanted and shown["conclusion"] == state and shown["status"] != "queued" and same_url


def _fitting(text: str, most: int) -> str:
    raw = text.encode()
    if len(raw) <= most:
        return text
    return raw[: most - len(_CUT.encode())].decode(errors="ignore") + _CUT


class CheckWriter:
    """Keep an App's check runs on a commit as they should be."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def ensure(self, repository: str, sha: str, run: CheckRun, *, urgency: Urgency | None = None) -> int:
        """Make or change a run of `owner/name`, if GitHub does not show it already, and return its id.

        Without a word about urgency a run in progress is progress. Raises GitHubError; after a retryable
        one, calling again is safe.
        """
        urgency = urgency or (Urgency.FINAL if run.conclusion else Urgency.PROGRESS)
        shown = self._shown(repository, sha, run, urgency)
        missing = self._missing(repository, run, shown, urgency) if shown else None
        if shown is None or missing is None or (shown["status"] == "completed" and not run.conclusion):
            shown, missing = self._create(repository, sha, run, shown, urgency)
        elif missing or not run.same_as(shown):
            missing = self._change(repository, run, shown["id"], missing, urgency)
        while missing:
            missing = self._change(repository, run, shown["id"], missing, urgency)
        return int(shown["id"])

    def latest(
        self, repository: str, sha: str, name: str, *, urgency: Urgency = Urgency.FINAL
    ) -> list[dict[str, Any]]:
        """List our runs of a name on a commit as GitHub shows them, newest first; raises GitHubError."""
        identity = self._calls.identity()
        query = f"check_name={quote(name, safe='')}&app_id={identity.id}&filter=all"
        what = f"list the check runs of {repository}@{sha[:7]}"
        found = self._calls.pages(
            repository, f"/commits/{sha}/check-runs?{query}", what, permissions=CHECKS, urgency=urgency,
            conditional=True, within="check_runs",
        )  # fmt: skip
        ours = [shown for shown in found if shown["app"]["id"] == identity.id]
        return sorted(ours, key=lambda shown: int(shown["id"]), reverse=True)

    def _shown(self, repository: str, sha: str, run: CheckRun, urgency: Urgency) -> dict[str, Any] | None:
        found = self.latest(repository, sha, run.name, urgency=urgency)
        return next((shown for shown in found if shown["external_id"] == run.external_id), None)

    def _missing(
        self, repository: str, run: CheckRun, shown: Mapping[str, Any], urgency: Urgency
    ) -> tuple[Annotation, ...] | None:
        """Return the annotations that are to be added; None when GitHub shows some that are none any more."""
        count = shown["output"]["annotations_count"]
        if not count:
            return run.annotations
        path = f"/check-runs/{shown['id']}/annotations"
        what = f"list the annotations of the check run {run.name} on {repository}"
        there = list(self._calls.pages(repository, path, what, permissions=CHECKS, urgency=urgency))
        wanted = [one.body() for one in run.annotations]
        for one, body in zip(there, wanted, strict=False):
            if any(one[name] != value for name, value in body.items()):
                return None
        return run.annotations[len(there) :] if len(there) <= len(wanted) else None

    def _create(
        self, repository: str, sha: str, run: CheckRun, before: Mapping[str, Any] | None, urgency: Urgency
    ) -> tuple[dict[str, Any], tuple[Annotation, ...]]:
        first = run.annotations[:_MOST_PER_REQUEST]
        what = f"make the check run {run.name} on {repository}@{sha[:7]}"
        body = run.body(first) | {"head_sha": sha}
        try:
            made: dict[str, Any] = self._calls.call(
                "POST", repository, "/check-runs", what, body, permissions=CHECKS, urgency=urgency
            )
        except (ServerError, Unreachable):
            there = self._shown(repository, sha, run, urgency)
            if there is None or (before is not None and there["id"] == before["id"]):
                raise
            made = there
        return made, run.annotations[_MOST_PER_REQUEST:]

    def _change(
        self,
        repository: str,
        run: CheckRun,
        run_id: int,
        missing: tuple[Annotation, ...],
        urgency: Urgency,
    ) -> tuple[Annotation, ...]:
        """Write the run with the next annotations, and return those that are left."""
        body = run.body(missing[:_MOST_PER_REQUEST])
        what = f"update the check run {run.name} on {repository}"
        path = f"/check-runs/{run_id}"
        self._calls.call("PATCH", repository, path, what, body, permissions=CHECKS, urgency=urgency)
        return missing[_MOST_PER_REQUEST:]
