# SPDX-License-Identifier: Apache-2.0
"""Calls to one API server: JSON in, JSON out, every call bounded in time.

A client is shared by all threads of a process. `impersonate` gives the same connections under another
user's name, which is how objects are applied as their Kustomization's service account.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode

import orjson
import urllib3
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url

from policies.objects import Object, ObjectRef
from workers.cluster.discovery import Discovery, Resource
from workers.cluster.errors import ApiError, NotFound, Unavailable, WatchCut, from_status

DEFAULT_TIMEOUT = 15.0  # seconds, for one call

MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"
_JSON = "application/json"
_METADATA = "application/json;as={};v=v1;g=meta.k8s.io"

Propagation = Literal["Background", "Foreground", "Orphan"]


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One line of a watch: ADDED, MODIFIED, DELETED, BOOKMARK or ERROR, and its object."""

    type: str
    object: Object


class Client:
    """Talk to one API server as one user."""

    def __init__(
        self,
        server: str,
        pool: urllib3.PoolManager | urllib3.HTTPConnectionPool,
        *,
        headers: Callable[[], dict[str, str]] = dict,
        user: str = "",
        discovery: Discovery | None = None,
    ) -> None:
        self.server = server
        self.user = user
        self._pool = pool
        # Connections to the one server are asked for paths: a manager looks each time which server it is.
        self._base = server if isinstance(pool, urllib3.PoolManager) else parse_url(server).path or ""
        self._headers = headers
        self.discovery = discovery or Discovery(lambda path: self.request("GET", path))

    def impersonate(self, user: str) -> Client:
        """Return this client acting as `user`; discovery stays ours, since tenants may not be let to ask."""
        return Client(self.server, self._pool, headers=self._headers, user=user, discovery=self.discovery)

    def request(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: Any = None,
        content_type: str = _JSON,
        accept: str = _JSON,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> Any:
        """Make one call; raises ApiError's subclasses. Timeout in seconds."""
        try:
            total = urllib3.Timeout(total=timeout)
            response = self._open(method, path, query, body, content_type, total, accept=accept)
        except HTTPError as error:
            raise Unavailable(
                f"the Kubernetes API at {self.server} cannot be reached: {_why(error)}"
            ) from error
        if response.status >= 400:
            raise self._refused(path, response, response.data)
        try:
            return orjson.loads(response.data)
        except ValueError as error:
            raise Unavailable(f"what the Kubernetes API at {self.server} answered is not JSON") from error

    def resource(self, ref: ObjectRef) -> Resource:
        return self.discovery.resource(ref.group, ref.version, ref.kind)

    def get(self, ref: ObjectRef, *, cached: bool = False) -> Object:
        """Get an object, with `cached` as the API server remembers it: moments old at most, and cheap."""
        query = {"resourceVersion": "0"} if cached else None
        path = self.resource(ref).path(ref.namespace, ref.name)
        found: Object = self.request("GET", path, query=query)
        return found

    def find(self, ref: ObjectRef, *, cached: bool = False) -> Object | None:
        """Get an object as `get` does, or None when there is none."""

        try:
            return self.get(ref, cached=cached)
        except NotFound:
            return None

    def list(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
        metadata_only: bool = False,
        cached: bool = False,
    ) -> tuple[list[Object], str]:
        """List a kind: the objects, each with apiVersion and kind, and the list's resourceVersion.

        `cached` is as for `get`.
        """
        query = _selectors(labels, fields) | ({"resourceVersion": "0"} if cached else {})
        accept = _METADATA.format("PartialObjectMetadataList") if metadata_only else _JSON
        answer = self.request("GET", resource.path(namespace), query=query, accept=accept, timeout=60)
        api_version = f"{resource.group}/{resource.version}" if resource.group else resource.version
        items = [{"apiVersion": api_version, "kind": resource.kind, **item} for item in answer["items"] or []]
        return items, answer["metadata"]["resourceVersion"]

    def create(self, obj: Object, *, manager: str = "fairway", dry_run: bool = False) -> Object:
        ref = ObjectRef.of(obj)
        query = {"fieldManager": manager} | ({"dryRun": "All"} if dry_run else {})
        created: Object = self.request("POST", self.resource(ref).path(ref.namespace), query=query, body=obj)
        return created

    def apply(
        self, obj: Object, *, manager: str, dry_run: bool = False, timeout: float = DEFAULT_TIMEOUT
    ) -> Object:
        """Apply an object server-side, forcing conflicts as Flux does."""
        ref = ObjectRef.of(obj)
        query = {"fieldManager": manager, "force": "true"}
        if dry_run:
            query["dryRun"] = "All"
        path = self.resource(ref).path(ref.namespace, ref.name)
        applied: Object = self.request(
            "PATCH", path, query=query, body=obj, content_type=APPLY, timeout=timeout
        )
        return applied

    def patch(self, ref: ObjectRef, patch: Object, *, manager: str, subresource: str = "") -> Object:
        """Merge-patch an object; a metadata.resourceVersion in the patch is the fence (409 when it moved)."""
        path = self.resource(ref).path(ref.namespace, ref.name, subresource)
        patched: Object = self.request(
            "PATCH", path, query={"fieldManager": manager}, body=patch, content_type=MERGE
        )
        return patched

    def json_patch(self, ref: ObjectRef, patch: Sequence[Object], *, manager: str) -> Object:
        """Patch an object operation by operation (RFC 6902)."""
        path = self.resource(ref).path(ref.namespace, ref.name)
        patched: Object = self.request(
            "PATCH", path, query={"fieldManager": manager}, body=patch, content_type=JSON_PATCH
        )
        return patched

    def delete(self, ref: ObjectRef, *, uid: str = "", propagation: Propagation = "Background") -> None:
        """Delete an object, only if it is still the one with this uid when one is given."""
        body: Object = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation}
        if uid:
            body["preconditions"] = {"uid": uid}
        self.request("DELETE", self.resource(ref).path(ref.namespace, ref.name), body=body)

    @contextlib.contextmanager
    def watch(
        self,
        resource: Resource,
        *,
        resource_version: str,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
        seconds: int = 300,
        metadata_only: bool = False,
    ) -> Iterator[Iterator[WatchEvent]]:
        """Open a watch for `seconds`; leaving the context ends it. Raises Gone, WatchCut and Unavailable."""
        query = _selectors(labels, fields) | {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(seconds),
        }
        # The server sends a bookmark about once a minute; silence for longer means a dead connection.
        timeout = urllib3.Timeout(connect=5, read=90)
        accept = _METADATA.format("PartialObjectMetadata") if metadata_only else _JSON
        path = resource.path(namespace)
        try:
            response = self._open("GET", path, query, None, "", timeout, stream=True, accept=accept)
        except HTTPError as error:
            raise Unavailable(
                f"the Kubernetes API at {self.server} cannot be reached: {_why(error)}"
            ) from error
        try:
            if response.status >= 400:
                raise self._refused(path, response, _read(response))
            yield _events(response)
        finally:
            # Not release_conn: an unfinished stream must not go back to the pool.
            response.close()

    def _refused(self, path: str, response: urllib3.BaseHTTPResponse, body: bytes) -> ApiError:
        error = _refusal(response, body)
        if isinstance(error, NotFound) and not error.details.get("name"):
            self.discovery.forget(path)  # it is no object that is missing
        return error

    def _open(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None,
        body: Any,
        content_type: str,
        timeout: urllib3.Timeout,
        *,
        stream: bool = False,
        accept: str = _JSON,
    ) -> urllib3.BaseHTTPResponse:
        headers = {"accept": accept, "user-agent": "fairway", **self._headers()}
        if self.user:
            headers["impersonate-user"] = self.user
        if body is not None:
            headers["content-type"] = content_type
        # Not request(), which looks at each call what kind of body and fields it may have to encode.
        return self._pool.urlopen(
            method,
            f"{self._base}{path}?{urlencode(query)}" if query else self._base + path,
            headers=headers,
            body=orjson.dumps(body) if body is not None else None,
            timeout=timeout,
            preload_content=not stream,
            redirect=False,
            retries=False,
        )


def _events(response: urllib3.BaseHTTPResponse) -> Iterator[WatchEvent]:
    pending = bytearray()
    try:
        while chunk := response.read1():
            pending += chunk
            *lines, rest = pending.split(b"\n")
            pending = bytearray(rest)
            for line in lines:
                if line:
                    event = orjson.loads(line)
                    if event["type"] == "ERROR":
                        raise from_status(event["object"].get("code", 500), event["object"])
                    yield WatchEvent(event["type"], event["object"])
    except (HTTPError, OSError, ValueError) as error:
        raise WatchCut(f"the watch was cut: {_why(error)}") from error


def _refusal(response: urllib3.BaseHTTPResponse, body: bytes) -> ApiError:
    """Read a refusal, which is a Status, or plain words of whatever stands before the API server."""
    try:
        status = orjson.loads(body)
    except ValueError:
        status = None
    if not isinstance(status, dict):
        status = {"message": body.decode(errors="replace").strip()}
    return from_status(response.status, status, retry_after=_retry_after(response))


def _read(response: urllib3.BaseHTTPResponse) -> bytes:
    try:
        return response.read()
    except (HTTPError, OSError):
        return b""  # the code alone says enough


def _selectors(labels: str, fields: str) -> dict[str, str]:
    return {name: value for name, value in (("labelSelector", labels), ("fieldSelector", fields)) if value}


def _retry_after(response: urllib3.BaseHTTPResponse) -> float | None:
    value = response.headers.get("retry-after", "")
    return float(value) if value.isdigit() else None


def _why(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    return str(reason).rsplit(">: ", 1)[-1].rsplit("object at", 1)[-1]
