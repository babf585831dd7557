# SPDX-License-Identifier: Apache-2.0
"""Artifacts, pages and health, as the internal listener serves them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from app import create_internal_app
from app.cli.redis import EmbeddedRedis
from policies.settings import Settings

SHA = "3f2a91c" + "0" * 33
CONTENT = gzip.compress(b"kind: ConfigMap\n" * 500, mtime=0)


@pytest.fixture
def app(redis_server: EmbeddedRedis, tmp_path: Path) -> Flask:
    folder = tmp_path / "data" / "gitrepository" / "flux-system" / "fleet"
    folder.mkdir(parents=True)
    (folder / f"{SHA}.tar.gz").write_bytes(CONTENT)
    (folder / ".partial").write_bytes(b"partial")
    (folder / "key.pem").write_bytes(b"secret")
    (tmp_path / "data" / "secret.tar.gz").write_bytes(b"secret")
    return create_internal_app(Settings(redis_url=redis_server.url, data_dir=str(tmp_path / "data")))


@pytest.fixture
def client(app: Flask) -> Iterator[FlaskClient]:
    with app.test_client() as found:
        yield found


def view(**changes: Any) -> dict[str, Any]:
    return {
        "repository": "acme/fleet",
        "sha": SHA,
        "private": False,
        "cluster": "prod-eu",
        "state": "failure",
        "description": "Deployment apps/web: ImagePullBackOff for ghcr.io/acme/web:6.9.1",
        "updated": "2026-11-22T15:04:05Z",
        "objects": [
            {
                "kind": "GitRepository",
                "namespace": "flux-system",
                "name": "fleet",
                "state": "success",
                "message": "stored artifact for revision 'main@sha1:3f2a91c'",
                "since": "2026-11-22T15:01:12Z",
                "objects": [],
            },
            {
                "kind": "Kustomization",
                "namespace": "apps",
                "name": "web",
                "state": "failure",
                "message": "Applied revision: main@sha1:3f2a91c",
                "since": "2026-11-22 15:01:20",
                "objects": [
                    {"kind": "Namespace", "namespace": "", "name": "apps", "state": "success", "message": ""},
                    {
                        "kind": "Deployment",
                        "namespace": "apps",
                        "name": "web",
                        "state": "failure",
                        "message": "ImagePullBackOff for ghcr.io/acme/web:6.9.1",
                    },
                ],
            },
        ],
    } | changes


def put(store: redis.Redis, found: Any, repository: str = "acme/fleet") -> None:
    text = found if isinstance(found, str) else json.dumps(found)
    store.set(f"fairway:view:commit:{repository}/{SHA}", text)


def page(client: FlaskClient, path: str = f"/acme/fleet/commit/{SHA}") -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


ARTIFACT = f"/gitrepository/flux-system/fleet/{SHA}.tar.gz"


def test_an_artifact_is_served_as_it_lies_there(client: FlaskClient) -> None:
    answer = client.get(ARTIFACT)
    assert answer.status_code == 200
    assert answer.data == CONTENT
    assert answer.headers["Content-Type"] == "application/gzip"
    assert int(answer.headers["Content-Length"]) == len(CONTENT)
    assert "Content-Encoding" not in answer.headers


def test_an_artifact_is_described_without_its_content(client: FlaskClient) -> None:
    answer = client.head(ARTIFACT)
    assert (answer.status_code, answer.data) == (200, b"")
    assert int(answer.headers["Content-Length"]) == len(CONTENT)


def test_an_artifact_is_served_in_parts(client: FlaskClient) -> None:
    answer = client.get(ARTIFACT, headers={"Range": "bytes=10-19"})
    assert (answer.status_code, answer.data) == (206, CONTENT[10:20])
    assert answer.headers["Content-Range"] == f"bytes 10-19/{len(CONTENT)}"
    assert client.get(ARTIFACT, headers={"Range": "bytes=999999-"}).status_code == 416


def test_an_artifact_that_is_known_is_not_sent_again(client: FlaskClient) -> None:
    tag = client.get(ARTIFACT).headers["ETag"]
    assert client.get(ARTIFACT, headers={"If-None-Match": tag}).status_code == 304


@pytest.mark.parametrize(
    "path",
    [
        f"/gitrepository/flux-system/fleet/{'0' * 40}.tar.gz",
        f"/gitrepository/flux-system/other/{SHA}.tar.gz",
        "/gitrepository/flux-system/fleet/.partial",
        "/gitrepository/flux-system/fleet/key.pem",
        "/gitrepository/flux-system/fleet/",
        "/gitrepository/flux-system/fleet",
        "/gitrepository/",
        "/gitrepository/../../secret.tar.gz",
        "/gitrepository/%2e%2e/%2e%2e/secret.tar.gz",
        "/gitrepository/..%2f..%2fsecret.tar.gz/x/y",
        f"/gitrepository/flux-system/..%2fflux-system%2ffleet/{SHA}.tar.gz",
        f"/gitrepository/flux-system/fleet/..%2f..%2f..%2f..%2fetc%2fpasswd%00{SHA}.tar.gz",
        f"/gitrepository/flux-system/fleet/{SHA}.tar.gz%00",
        f"/gitrepository/flux-system/fleet/{SHA}.tar.gz/",
        f"/gitrepository//fleet/{SHA}.tar.gz",
        f"/GitRepository/flux-system/fleet/{SHA}.tar.gz",
    ],
)
def test_nothing_but_artifacts_is_served(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in (404, 308)
    assert b"secret" not in answer.data
    assert str(Path(__file__).parent) not in answer.get_data(as_text=True)


def test_a_public_commits_page_shows_what_became_of_it(client: FlaskClient, store: redis.Redis) -> None:
    put(store, view())
    text = page(client)
    for shown in (
        "acme/fleet",
        "3f2a91c",
        "fairway/prod-eu",
        "Deployment apps/web: ImagePullBackOff for ghcr.io/acme/web:6.9.1",
        "Kustomization apps/web",
        "Namespace apps",
        "2026-11-22 15:01:12",
        "2026-11-22 15:04:05 UTC",
        "stored artifact for revision &#39;main@sha1:3f2a91c&#39;",
    ):
        assert shown in text
    assert "refresh" not in text


def test_a_page_is_found_in_any_case(client: FlaskClient, store: redis.Redis) -> None:
    put(store, view())
    assert "fairway/prod-eu" in page(client, f"/Acme/FLEET/commit/{SHA.upper()}")


def test_a_page_of_a_pending_commit_loads_itself_again(client: FlaskClient, store: redis.Redis) -> None:
    put(store, view(state="pending"))
    assert '<meta http-equiv="refresh" content="5">' in page(client)


def test_a_commit_that_nothing_follows_says_so(client: FlaskClient, store: redis.Redis) -> None:
    put(store, view(objects=[], state="success"))
    assert "Nothing that Fairway serves follows this commit" in page(client)


def test_private_and_unknown_cannot_be_told_apart(client: FlaskClient, store: redis.Redis) -> None:
    unknown = client.get(f"/acme/fleet/commit/{SHA}")
    put(store, view(private=True))
    private = client.get(f"/acme/fleet/commit/{SHA}")
    assert private.data == unknown.data
    assert dict(private.headers) == dict(unknown.headers)
    text = private.get_data(as_text=True)
    for hidden in ("prod-eu", "Kustomization", "ImagePullBackOff", "failure"):
        assert hidden not in text.split("</style>")[1]
    assert "private" in text
    assert "next reconcile" in text


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param("", id="nothing"),
        pytest.param("{", id="cut"),
        pytest.param("[]", id="a list"),
        pytest.param("null", id="null"),
        pytest.param("{}", id="empty"),
        pytest.param(json.dumps(view(private="")), id="private is no bool"),
        pytest.param(json.dumps({k: v for k, v in view().items() if k != "private"}), id="private unsaid"),
        pytest.param(json.dumps(view(objects=[{}])), id="a row of nothing"),
        pytest.param(json.dumps(view(objects=5)), id="rows are no list"),
    ],
)
def test_a_view_that_is_not_as_agreed_shows_nothing(
    client: FlaskClient, store: redis.Redis, stored: str
) -> None:
    put(store, stored)
    assert "There is nothing to show here" in page(client)


EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}"


def test_everything_shown_is_data(client: FlaskClient, store: redis.Redis) -> None:
    part = {"kind": EVIL, "namespace": EVIL, "name": EVIL, "state": EVIL, "message": EVIL, "since": EVIL}
    row = part | {"objects": [part]}
    put(
        store,
        view(repository=EVIL, cluster=EVIL, description=EVIL, updated=EVIL, state=EVIL, objects=[row]),
    )
    text = page(client)
    assert "&lt;script&gt;" in text
    for live in ("<script", "<img", "onerror=alert(1)>{", ">49<", 'class="mark <'):
        assert live not in text


def test_a_page_can_run_and_load_nothing(client: FlaskClient, store: redis.Redis) -> None:
    put(store, view())
    answer = client.get(f"/acme/fleet/commit/{SHA}")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    "path",
    [
        "/acme/fleet/commit/main",
        f"/acme/fleet/commit/{SHA}0",
        f"/acme/../commit/{SHA}",
        f"/a%20b/fleet/commit/{SHA}",
        f"/acme/<b>/commit/{SHA}",
        f"/acme/fl%0aeet/commit/{SHA}",
        f"/acme/fleet/commits/{SHA}",
        "/",
        "/acme/fleet",
    ],
)
def test_what_cannot_be_a_commit_has_no_page(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.data) == (404, b"Not Found\n")


def test_readiness_follows_redis_and_health_does_not(
    client: FlaskClient, redis_server: EmbeddedRedis
) -> None:
    assert client.get("/readyz").status_code == client.get("/healthz").status_code == 200
    redis_server.stop()
    try:
        assert client.get("/readyz").status_code == 503
        assert client.get("/healthz").status_code == 200
        assert client.get(f"/acme/fleet/commit/{SHA}").status_code == 503
        assert client.get(ARTIFACT).status_code == 200
    finally:
        redis_server.start()


def test_metrics_are_what_prometheus_reads(client: FlaskClient) -> None:
    answer = client.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    families = text_string_to_metric_families(answer.get_data(as_text=True))
    assert "process_cpu_seconds" in {family.name for family in families}
