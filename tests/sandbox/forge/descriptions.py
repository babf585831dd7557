# SPDX-License-Identifier: Apache-2.0
"""GitHub's own description of its API and webhooks, fetched from npm once and kept in the cache folder.

The forge's answers are held against these, so that what works on the forge works on GitHub.
"""

from __future__ import annotations

import fcntl
import functools
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from jsonschema import Draft4Validator, Draft7Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT4, DRAFT7

OPENAPI = ("@octokit/openapi@23.0.2", "package/generated/api.github.com.json")
WEBHOOKS = ("@octokit/webhooks-schemas@7.6.1", "package/schema.json")
EXAMPLES = ("@octokit/webhooks-examples@7.6.1", "package/api.github.com/index.json")

_METHODS = {"get", "post", "put", "patch", "delete"}


def _cache() -> Path:
    root = os.environ.get("FAIRWAY_CACHE") or Path.home() / ".cache" / "fairway"
    return Path(root) / "npm"


@functools.cache
def fetched(package: str, member: str) -> Any:
    """Return a JSON file of an npm package; only that file is kept, the package itself has 395 MB."""
    kept = _cache() / (re.sub(r"[^a-z0-9.]+", "-", package) + ".json").lstrip("-")
    kept.parent.mkdir(parents=True, exist_ok=True)
    with (kept.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            _fetch(package, member, kept)
    return json.loads(kept.read_bytes())


def _fetch(package: str, member: str, kept: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError(f"npm is needed to fetch {package}, GitHub's own description: install Node.js")
    with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
        subprocess.run([npm, "pack", "--silent", package], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (packed,) = Path(folder).glob("*.tgz")
        with tarfile.open(packed) as archive:
            content = archive.extractfile(member)
            assert content is not None
            partial = Path(folder) / "content"
            partial.write_bytes(content.read())
        partial.replace(kept)


def _json_schema(node: Any) -> Any:
    """Turn OpenAPI 3.0's `nullable` into JSON Schema, where null is a type."""
    if isinstance(node, list):
        return [_json_schema(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    # Under `properties` stand names, of which one may be `nullable`; their values are schemas.
    schema = {key: _json_schema(value) for key, value in node.items() if key != "example"}
    # The list of installations calls an account a user and an enterprise at once; everywhere else GitHub
    # describes it as one of the two, which is what it sends.
    if [entry.get("title") for entry in schema.get("allOf", [])] == ["Simple User", "Enterprise"]:
        schema["anyOf"] = schema.pop("allOf")
    # Nothing tells a plain refusal from one that names the rules it broke, so that it is always both.
    if {"$ref": "#/components/schemas/basic-error"} in schema.get("oneOf", []):
        schema["anyOf"] = schema.pop("oneOf")
    if schema.get("nullable") is not True:
        return schema
    del schema["nullable"]
    return {"anyOf": [schema, {"type": "null"}]}


@functools.cache
def _openapi() -> tuple[dict[str, Any], Registry[Any]]:
    described = fetched(*OPENAPI)
    components = {
        "components": {kind: _json_schema(described["components"][kind]) for kind in ("schemas", "responses")}
    }
    registry: Registry[Any] = Registry().with_resource("urn:github", DRAFT4.create_resource(components))
    return described, registry


@functools.cache
def _templates() -> list[tuple[re.Pattern[str], str]]:
    described, _ = _openapi()
    patterns = []
    # Fewer parameters first: `/repos/{owner}/{repo}/installation` before anything that ends in one.
    for template in sorted(described["paths"], key=lambda path: (path.count("{"), -len(path))):
        # A ref, a branch, a comparison and a file's path may contain slashes; the root's path is empty.
        pattern = re.sub(r"\{(ref|branch|basehead)\}", "(?:.+)", template).replace("{path}", "(?:.*)")
        patterns.append((re.compile(re.sub(r"\{[a-z_]+\}", "[^/]+", pattern)), template))
    return patterns


def template_of(path: str) -> str:
    """Return the described path that a request's path is one of."""
    # GitHub serves it and its clients use it, but its description leaves it out.
    path = re.sub(r"^/repositories/\d+$", "/repos/owner/name", path)
    for pattern, template in _templates():
        if pattern.fullmatch(path):
            return template
    raise AssertionError(f"GitHub describes no path like {path}")


def check_answer(method: str, path: str, status: int, body: Any) -> None:
    """Fail unless GitHub describes such an answer to such a request."""
    described, registry = _openapi()
    operation = described["paths"][template_of(path)].get(method.lower())
    assert operation is not None, f"GitHub describes no {method} {path}"
    answer = operation["responses"].get(str(status))
    if answer is None or (status >= 400 and not {"content", "$ref"} & answer.keys()):
        # Refusals that the description does not list, or says no more of, have the shape that all have.
        common = (400, 401, 403, 404, 409, 422, 429)
        assert answer or status in common, f"GitHub describes no {status} for {method} {path}"
        schema: Any = {"$ref": "urn:github#/components/schemas/basic-error"}
        assert {"message", "documentation_url"} <= body.keys()
    elif "$ref" in answer:
        name = answer["$ref"].rsplit("/", 1)[1]
        content = described["components"]["responses"][name].get("content")
        if content is None:
            return
        schema = _external(_json_schema(content["application/json"]["schema"]))
    elif "content" in answer:
        schema = _external(_json_schema(answer["content"]["application/json"]["schema"]))
    else:
        assert body is None, f"GitHub's {status} for {method} {path} has no body"
        return
    validator = Draft4Validator(schema, registry=registry, format_checker=FormatChecker())
    _fail_on(validator, body, f"{method} {path} → {status}")


def _external(node: Any) -> Any:
    if isinstance(node, list):
        return [_external(entry) for entry in node]
    if isinstance(node, dict):
        return {
            key: f"urn:github{value}" if key == "$ref" and isinstance(value, str) else _external(value)
            for key, value in node.items()
        }
    return node


def check_event(event: str, action: str | None, payload: Any) -> None:
    """Fail unless a webhook's body is as GitHub's schema has it, without one property more."""
    name = f"{event}${action}" if action else f"{event}$event"
    described = fetched(*WEBHOOKS)
    registry: Registry[Any] = Registry().with_resource("urn:webhooks", DRAFT7.create_resource(described))
    schema = {"$ref": f"urn:webhooks#/definitions/{name}"}
    validator = Draft7Validator(schema, registry=registry, format_checker=FormatChecker())
    _fail_on(validator, payload, name)


def examples(event: str) -> list[dict[str, Any]]:
    """Return GitHub's recorded bodies of an event."""
    (found,) = [entry["examples"] for entry in fetched(*EXAMPLES) if entry["name"] == event]
    return list(found)


def _fail_on(validator: Any, body: Any, what: str) -> None:
    errors = sorted(validator.iter_errors(body), key=lambda error: list(map(str, error.path)))
    problems = [f"{'/'.join(map(str, error.path)) or '(body)'}: {error.message[:300]}" for error in errors]
    assert not problems, f"{what} is not as GitHub describes it:\n" + "\n".join(problems)
