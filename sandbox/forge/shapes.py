# SPDX-License-Identifier: Apache-2.0
"""GitHub's JSON for accounts, repositories, Apps and installations.

The tests hold every one of these against GitHub's own OpenAPI description and webhook schemas.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.forge.store import Row

Json = dict[str, Any]


@dataclass(frozen=True)
class Site:
    """Where the forge is reached; every address it hands out starts here."""

    url: str

    def api(self, path: str) -> str:
        """Return an address of the REST API."""
        return f"{self.url}/api/v3{path}"

    def web(self, path: str) -> str:
        """Return the address of a page."""
        return f"{self.url}{path}"


def node_id(kind: str, number: int | str) -> str:
    """Return the opaque id that GraphQL would know the thing by."""
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


def account(site: Site, row: Row) -> Json:
    """Return a simple user."""
    login = row["login"]
    api = site.api(f"/users/{login}")
    page = f"/apps/{login.removesuffix('[bot]')}" if row["type"] == "Bot" else f"/{login}"
    return {
        "login": login,
        "id": row["id"],
        "node_id": node_id(row["type"], row["id"]),
        "avatar_url": site.web(f"/_sandbox/avatars/{row['id']}.svg"),
        "gravatar_id": "",
        "url": api,
        "html_url": site.web(page),
        "followers_url": f"{api}/followers",
        "following_url": f"{api}/following{{/other_user}}",
        "gists_url": f"{api}/gists{{/gist_id}}",
        "starred_url": f"{api}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{api}/subscriptions",
        "organizations_url": f"{api}/orgs",
        "repos_url": f"{api}/repos",
        "events_url": f"{api}/events{{/privacy}}",
        "received_events_url": f"{api}/received_events",
        "type": row["type"],
        "site_admin": False,
    }


def public_user(site: Site, row: Row, *, public_repositories: int) -> Json:
    """Return an account as a request for that one shows it."""
    unsaid = dict.fromkeys(("company", "location", "email", "hireable", "bio"))
    counted = {"public_repos": public_repositories, "public_gists": 0, "followers": 0, "following": 0}
    times = {"created_at": row["created_at"], "updated_at": row["created_at"]}
    return account(site, row) | {"name": row["name"], "blog": ""} | unsaid | counted | times


def organization(site: Site, row: Row) -> Json:
    """Return an organisation as it stands inside other answers and in events."""
    api = site.api(f"/orgs/{row['login']}")
    user = account(site, row)
    return {name: user[name] for name in ("login", "id", "node_id", "avatar_url")} | {
        "url": api,
        "repos_url": f"{api}/repos",
        "events_url": f"{api}/events",
        "hooks_url": f"{api}/hooks",
        "issues_url": f"{api}/issues",
        "members_url": f"{api}/members{{/member}}",
        "public_members_url": f"{api}/public_members{{/member}}",
        "description": None,
    }


def full_organization(site: Site, row: Row) -> Json:
    """Return an organisation as a team shows its own."""
    counted = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
    features = {"has_organization_projects": False, "has_repository_projects": False}
    times = {"created_at": row["created_at"], "updated_at": row["created_at"], "archived_at": None}
    page = {"html_url": site.web(f"/{row['login']}"), "type": row["type"]}
    return organization(site, row) | counted | features | times | page


_REPOSITORY_LINKS = {
    "archive": "/{archive_format}{/ref}", "assignees": "/assignees{/user}", "blobs": "/git/blobs{/sha}",
    "branches": "/branches{/branch}", "collaborators": "/collaborators{/collaborator}",
    "comments": "/comments{/number}", "commits": "/commits{/sha}", "compare": "/compare/{base}...{head}",
    "contents": "/contents/{+path}", "contributors": "/contributors", "deployments": "/deployments",
    "downloads": "/downloads", "events": "/events", "forks": "/forks", "git_commits": "/git/commits{/sha}",
    "git_refs": "/git/refs{/sha}", "git_tags": "/git/tags{/sha}", "hooks": "/hooks",
    "issue_comment": "/issues/comments{/number}", "issue_events": "/issues/events{/number}",
    "issues": "/issues{/number}", "keys": "/keys{/key_id}", "labels": "/labels{/name}",
    "languages": "/languages", "merges": "/merges", "milestones": "/milestones{/number}",
    "notifications": "/notifications{?since,all,participating}", "pulls": "/pulls{/number}",
    "releases": "/releases{/id}", "stargazers": "/stargazers", "statuses": "/statuses/{sha}",
    "subscribers": "/subscribers", "subscription": "/subscription", "tags": "/tags", "teams": "/teams",
    "trees": "/git/trees{/sha}",
}  # fmt: skip


def minimal_repository(site: Site, row: Row, owner: Row) -> Json:
    """Return a repository as it stands inside other answers."""
    full_name = f"{owner['login']}/{row['name']}"
    api = site.api(f"/repos/{full_name}")
    links = {f"{name}_url": api + path for name, path in _REPOSITORY_LINKS.items()}
    return links | {
        "id": row["id"],
        "node_id": node_id("Repository", row["id"]),
        "name": row["name"],
        "full_name": full_name,
        "owner": account(site, owner),
        "private": bool(row["private"]),
        "html_url": site.web(f"/{full_name}"),
        "description": row["description"],
        "fork": row["parent_id"] is not None,
        "url": api,
    }


def repository(site: Site, row: Row, owner: Row) -> Json:
    """Return a whole repository, as lists show it."""
    brief = minimal_repository(site, row, owner)
    page = brief["html_url"]
    # There is no SSH and no git:// here; the addresses are part of the shape and lead nowhere.
    features = {"has_issues": True, "has_pull_requests": True, "has_projects": False, "has_wiki": False}
    features |= {"has_pages": False, "has_downloads": True, "has_discussions": False}
    return (brief | features) | {
        "git_url": f"git://forge.invalid/{brief['full_name']}.git",
        "ssh_url": f"git@forge.invalid:{brief['full_name']}.git",
        "clone_url": f"{page}.git",
        "svn_url": page,
        "mirror_url": None,
        "homepage": None,
        "language": None,
        "license": None,
        "forks_count": 0,
        "forks": 0,
        "stargazers_count": 0,
        "watchers_count": 0,
        "watchers": 0,
        "open_issues_count": 0,
        "open_issues": 0,
        "size": 0,
        "default_branch": row["default_branch"],
        "is_template": False,
        "topics": [],
        "archived": False,
        "disabled": False,
        "allow_forking": True,
        "web_commit_signoff_required": False,
        "visibility": "private" if row["private"] else "public",
        "created_at": row["created_at"],
        "updated_at": row["pushed_at"],
        "pushed_at": row["pushed_at"],
    }


def webhook_repository(site: Site, row: Row, owner: Row) -> Json:
    """Return a repository as webhooks show it; their published schema lacks what is new in the API."""
    body = repository(site, row, owner)
    del body["has_pull_requests"]
    return body | {"custom_properties": {}}


def full_repository(site: Site, row: Row, owner: Row) -> Json:
    """Return a repository as a request for that one shows it."""
    whole = repository(site, row, owner) | {"subscribers_count": 0, "network_count": 0}
    return whole | ({"organization": whole["owner"]} if owner["type"] == "Organization" else {})


def app(site: Site, row: Row, owner: Row) -> Json:
    """Return an App (GitHub's description calls it an integration)."""
    return {
        "id": row["id"],
        "slug": row["slug"],
        "node_id": node_id("Integration", row["id"]),
        "client_id": row["client_id"],
        "owner": account(site, owner),
        "name": row["name"],
        "description": None,
        "external_url": site.web(f"/apps/{row['slug']}"),
        "html_url": site.web(f"/apps/{row['slug']}"),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "permissions": json.loads(row["permissions"]),
        "events": json.loads(row["events"]),
    }


def installation(site: Site, row: Row, account_row: Row) -> Json:
    """Return an installation."""
    organization = account_row["type"] == "Organization"
    scope = f"/organizations/{account_row['login']}" if organization else ""
    return {
        "id": row["id"],
        "account": account(site, account_row),
        "repository_selection": row["selection"],
        "access_tokens_url": site.api(f"/app/installations/{row['id']}/access_tokens"),
        "repositories_url": site.api("/installation/repositories"),
        "html_url": site.web(f"{scope}/settings/installations/{row['id']}"),
        "app_id": row["app_id"],
        "app_slug": row["app_slug"],
        "client_id": row["client_id"],
        "target_id": account_row["id"],
        "target_type": account_row["type"],
        "permissions": json.loads(row["permissions"]),
        "events": json.loads(row["events"]),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_by": None,
        "suspended_at": None,
    }


def unix(moment: str) -> int:
    """Return a moment of ours as seconds since 1970, which push payloads use."""
    return int(datetime.fromisoformat(moment).timestamp())
