# SPDX-License-Identifier: Apache-2.0
"""The body of a check run's request, held to GitHub's limits."""

from __future__ import annotations

import json
from typing import Any

from sandbox.forge.errors import invalid
from sandbox.forge.store import now

_STATUSES = ("queued", "in_progress", "completed")
_CONCLUSIONS = (
    "action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out",
)  # fmt: skip
_LEVELS = ("notice", "warning", "failure")
_LONGEST_OUTPUT = 65_535
_MOST_ANNOTATIONS = 50
_LARGEST_MESSAGE = 64 * 1024  # bytes
_LONGEST_TITLE = 255
_MOST_ACTIONS = 3
_LONGEST_ACTION = {"label": 20, "description": 40, "identifier": 20}


def columns(asked: dict[str, Any], *, new: bool) -> dict[str, Any]:
    """Return the columns of a check run that a body sets; a new run gets what the body leaves out."""
    plain = ("name", "external_id", "details_url")
    found: dict[str, Any] = {name: _text(asked, name) for name in plain if name in asked}
    if new and not found.get("name"):
        raise invalid("CheckRun", "name", "name is missing")
    found |= _state(asked, new=new)
    if "output" in asked:
        found |= _output(asked["output"], new=new)
    if new or "actions" in asked:
        found["actions"] = json.dumps(_actions(asked.get("actions") or []))
    return {"external_id": "", "started_at": now()} | found if new else found


def _text(asked: dict[str, Any], name: str) -> str:
    if not isinstance(asked[name], str):
        raise invalid("CheckRun", name, f"{name} is not a string")
    return str(asked[name])


def _state(asked: dict[str, Any], *, new: bool) -> dict[str, Any]:
    status, conclusion = asked.get("status"), asked.get("conclusion")
    if conclusion is not None:
        if conclusion not in _CONCLUSIONS:
            raise invalid("CheckRun", "conclusion", "conclusion is not included in the list")
        status = "completed"
    if status is None:
        return {"status": "queued"} if new else {}
    if status not in _STATUSES:
        raise invalid("CheckRun", "status", "status is not included in the list")
    if status == "completed" and conclusion is None:
        raise invalid("CheckRun", "conclusion", "conclusion is required when status is completed")
    found = {"status": status, "conclusion": conclusion}
    found["completed_at"] = asked.get("completed_at", now()) if status == "completed" else None
    return found | ({"started_at": asked["started_at"]} if asked.get("started_at") else {})


def _output(output: Any, *, new: bool) -> dict[str, Any]:
    if not isinstance(output, dict) or "summary" not in output or (new and "title" not in output):
        raise invalid("CheckRun", "output", "title and summary are required")
    for field in ("summary", "text"):
        length = len(output.get(field) or "")
        if length > _LONGEST_OUTPUT:
            said = f"Only {_LONGEST_OUTPUT} characters are allowed; {length} were supplied."
            raise invalid("CheckRun", field, said)
    return {field: output[field] for field in ("title", "summary", "text") if field in output}


def _actions(actions: list[dict[str, str]]) -> list[dict[str, str]]:
    if len(actions) > _MOST_ACTIONS:
        raise invalid("CheckRun", "actions", f"at most {_MOST_ACTIONS} actions are allowed")
    for action in actions:
        for field, longest in _LONGEST_ACTION.items():
            if not action.get(field) or len(action[field]) > longest:
                raise invalid("CheckRun", field, f"{field} is missing or longer than {longest} characters")
    return [{field: action[field] for field in _LONGEST_ACTION} for action in actions]


def brought_annotations(asked: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the columns of the annotations that a body brings."""
    brought = (asked.get("output") or {}).get("annotations") or []
    if len(brought) > _MOST_ANNOTATIONS:
        raise invalid("CheckRun", "annotations", f"No more than {_MOST_ANNOTATIONS} annotations allowed.")
    return [_annotation(one) for one in brought]


def _annotation(one: dict[str, Any]) -> dict[str, Any]:
    for field in ("path", "start_line", "end_line", "annotation_level", "message"):
        if not one.get(field):
            raise invalid("CheckAnnotation", field, f"{field} is missing")
    if one["annotation_level"] not in _LEVELS:
        raise invalid("CheckAnnotation", "annotation_level", "annotation_level is not included in the list")
    if not 0 < one["start_line"] <= one["end_line"]:
        raise invalid("CheckAnnotation", "end_line", "end_line is before start_line")
    if one["start_line"] != one["end_line"] and ("start_column" in one or "end_column" in one):
        raise invalid("CheckAnnotation", "start_column", "columns are allowed within one line only")
    if len(one.get("title") or "") > _LONGEST_TITLE:
        raise invalid("CheckAnnotation", "title", f"title is longer than {_LONGEST_TITLE} characters")
    for field in ("message", "raw_details"):
        if len((one.get(field) or "").encode()) > _LARGEST_MESSAGE:
            raise invalid("CheckAnnotation", field, f"{field} is larger than 64 KB")
    required = ("path", "start_line", "end_line", "annotation_level", "message")
    return {name: one.get(name) for name in (*required, "title", "raw_details", "start_column", "end_column")}
