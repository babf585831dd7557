# SPDX-License-Identifier: Apache-2.0
"""What the forge knows besides Git objects, in one SQLite file.

One connection that threads share in turn: a statement takes microseconds, and a forge of this size has few
users. Credentials are kept as digests only, as a forge would.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# Identifiers start high, as on GitHub, so that code which mixes two kinds of them up fails at once.
_SCHEMA = """
CREATE TABLE accounts (id INTEGER PRIMARY KEY AUTOINCREMENT, login TEXT NOT NULL UNIQUE COLLATE NOCASE,
  type TEXT NOT NULL CHECK (type IN ('User', 'Organization', 'Bot')), name TEXT NOT NULL, email TEXT NOT NULL,
  created_at TEXT NOT NULL);
CREATE TABLE credentials (digest TEXT PRIMARY KEY, account_id INTEGER NOT NULL REFERENCES accounts);
CREATE TABLE repositories (id INTEGER PRIMARY KEY AUTOINCREMENT,
  owner_id INTEGER NOT NULL REFERENCES accounts, name TEXT NOT NULL COLLATE NOCASE, description TEXT,
  private INTEGER NOT NULL, default_branch TEXT NOT NULL, created_at TEXT NOT NULL,
  pushed_at TEXT NOT NULL, UNIQUE (owner_id, name));
CREATE TABLE collaborators (repository_id INTEGER NOT NULL REFERENCES repositories,
  account_id INTEGER NOT NULL REFERENCES accounts,
  permission TEXT NOT NULL CHECK (permission IN ('read', 'write', 'admin')),
  PRIMARY KEY (repository_id, account_id));
CREATE TABLE apps (id INTEGER PRIMARY KEY AUTOINCREMENT, slug TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
  client_id TEXT NOT NULL UNIQUE, owner_id INTEGER NOT NULL REFERENCES accounts,
  bot_id INTEGER NOT NULL REFERENCES accounts, permissions TEXT NOT NULL, events TEXT NOT NULL,
  hook_id INTEGER NOT NULL, webhook_url TEXT, webhook_secret TEXT,
  content_type TEXT NOT NULL DEFAULT 'json', insecure_ssl TEXT NOT NULL DEFAULT '0',
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE TABLE app_keys (app_id INTEGER NOT NULL REFERENCES apps, public_key TEXT NOT NULL);
CREATE TABLE installations (id INTEGER PRIMARY KEY AUTOINCREMENT, app_id INTEGER NOT NULL REFERENCES apps,
  account_id INTEGER NOT NULL REFERENCES accounts,
  selection TEXT NOT NULL CHECK (selection IN ('all', 'selected')),
  permissions TEXT NOT NULL, events TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
  UNIQUE (app_id, account_id));
CREATE TABLE installation_repositories (
  installation_id INTEGER NOT NULL REFERENCES installations ON DELETE CASCADE,
  repository_id INTEGER NOT NULL REFERENCES repositories, PRIMARY KEY (installation_id, repository_id));
CREATE TABLE installation_tokens (digest TEXT PRIMARY KEY,
  installation_id INTEGER NOT NULL REFERENCES installations ON DELETE CASCADE,
  repository_ids TEXT, permissions TEXT NOT NULL, expires_at REAL NOT NULL);
CREATE TABLE statuses (id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL REFERENCES repositories, sha TEXT NOT NULL, state TEXT NOT NULL,
  context TEXT NOT NULL COLLATE NOCASE, description TEXT, target_url TEXT,
  creator_id INTEGER NOT NULL REFERENCES accounts, created_at TEXT NOT NULL);
CREATE INDEX statuses_by_commit ON statuses (repository_id, sha, id);
CREATE TABLE deliveries (id INTEGER PRIMARY KEY AUTOINCREMENT, guid TEXT NOT NULL,
  app_id INTEGER NOT NULL REFERENCES apps, phase TEXT NOT NULL CHECK (phase IN ('held', 'queued', 'done')),
  event TEXT NOT NULL, action TEXT, installation_id INTEGER, repository_id INTEGER,
  redelivery INTEGER NOT NULL, payload BLOB NOT NULL, url TEXT, request_headers TEXT, delivered_at TEXT,
  duration REAL, status TEXT, status_code INTEGER, response_headers TEXT, response_body TEXT);
CREATE INDEX deliveries_by_app ON deliveries (app_id, phase, id);
INSERT INTO sqlite_sequence (name, seq) VALUES ('accounts', 9919), ('repositories', 512344),
  ('apps', 29109), ('installations', 7310024),
  ('statuses', 27180000), ('deliveries', 140000000000);
"""


class Store:
    """Keep the forge's records in one file; a method may be called from any thread."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        # What was answered survives a killed process; only a power cut could lose the last moment.
        self._connection.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON"
        )
        if not self.one("SELECT name FROM sqlite_master WHERE name = 'accounts'"):
            self._connection.executescript(f"BEGIN;{_SCHEMA}COMMIT")

    def all(self, sql: str, *values: object) -> list[sqlite3.Row]:
        """Return every row of a query."""
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def one(self, sql: str, *values: object) -> sqlite3.Row | None:
        """Return the first row of a query, or None."""
        with self._lock:
            return self._connection.execute(sql, values).fetchone()  # type: ignore[no-any-return]

    def row(self, table: str, row_id: int) -> sqlite3.Row:
        """Return the row of that id, which must be there."""
        found = self.one(f"SELECT * FROM {table} WHERE id = ?", row_id)  # noqa: S608 - names are ours
        if found is None:
            raise LookupError(f"{table} has no row {row_id}")
        return found

    def count(self, sql: str, *values: object) -> int:
        """Return the number that a `SELECT count(*)` answers with."""
        with self._lock:
            return int(self._connection.execute(sql, values).fetchone()[0])

    def write(self, sql: str, *values: object) -> int:
        """Run one statement and return the last inserted row's id."""
        with self._lock:
            return self._connection.execute(sql, values).lastrowid or 0

    def insert(self, table: str, **columns: object) -> int:
        """Insert one row and return its id."""
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        sql = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 - names are ours
        return self.write(sql, *columns.values())

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make everything written inside take effect together, or not at all; everybody else waits."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")


Row = sqlite3.Row
Columns = dict[str, Any]


def digest(secret: str) -> str:
    """Return the form in which a credential is kept."""
    return hashlib.sha256(secret.encode()).hexdigest()


def now() -> str:
    """Return the current time as GitHub writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
