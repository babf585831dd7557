# SPDX-License-Identifier: Apache-2.0
"""The part of the sandbox's client that presses buttons, fills merge queues, limits and breaks."""

from __future__ import annotations

from sandbox.forge.admin_http import Caller, Repository


class Machinery(Caller):
    """Set off what GitHub's pages set off; any thread may. Every refusal raises ForgeError."""

    def rerequest_check_run(self, run_id: int, *, login: str) -> None:
        """Want a check run again."""
        self._call("POST", f"/check-runs/{run_id}/rerequest", {"login": login})

    def press(self, run_id: int, identifier: str, *, login: str) -> None:
        """Press a button of a check run."""
        self._call("POST", f"/check-runs/{run_id}/press", {"identifier": identifier, "login": login})

    def rerequest_check_suite(self, suite_id: int, *, login: str) -> None:
        """Want everything again that an App says of a commit."""
        self._call("POST", f"/check-suites/{suite_id}/rerequest", {"login": login})

    def enqueue(
        self, repo: Repository, sha: str, *, number: int, base: str = "main", login: str = "alice"
    ) -> str:
        """Put a pull request's head into a branch's merge queue, and return the commit to be checked."""
        body = {"base": base, "number": number, "sha": sha, "login": login}
        return str(self._call("POST", f"/repositories/{repo.full_name}/merge-queue", body)["sha"])

    def fail_after(self, method: str, path: str, status: int = 502, *, times: int = 1) -> None:
        """Carry the next requests out and answer with this status nevertheless.

        `path` is a regular expression for the whole path below the API's root.
        """
        self._fault(method, path, status, times, after=True)

    def fail_before(self, method: str, path: str, status: int = 502, *, times: int = 1) -> None:
        """Answer the next requests with this status and do nothing."""
        self._fault(method, path, status, times, after=False)

    def _fault(self, method: str, path: str, status: int, times: int, *, after: bool) -> None:
        body = {"method": method, "path": path, "status": status, "times": times, "after": after}
        self._call("POST", "/faults", body)

    def clear_faults(self) -> int:
        """Let everything go well again; returns how many faults no request has used up."""
        return int(self._call("DELETE", "/faults")["left"])

    def limit(
        self,
        installation_id: int,
        *,
        creations_per_minute: int | None = None,
        creations_per_hour: int | None = None,
        points_per_minute: int | None = None,
        requests_per_hour: int | None = None,
    ) -> None:
        """Set an installation's limits, and count anew; None is no limit.

        `requests_per_hour` is the primary one, and everybody's where it is None; the others are secondary.
        """
        body = {
            "creations_per_minute": creations_per_minute,
            "creations_per_hour": creations_per_hour,
            "points_per_minute": points_per_minute,
            "requests_per_hour": requests_per_hour,
        }
        self._call("POST", f"/installations/{installation_id}/limits", body)

    def most(self, installation_id: int) -> dict[str, int]:
        """Return the most that an installation did in any minute or hour, by the names `limit` has.

        `refused` is how many requests were over a limit.
        """
        found: dict[str, int] = self._call("GET", f"/installations/{installation_id}/limits")
        return found
