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

from sandbox.forge.schema import SCHEMAS


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
        for table, sql in SCHEMAS.items():
            if not self.one("SELECT name FROM sqlite_master WHERE name = ?", table):
                self._connection.executescript(f"BEGIN;{sql}COMMIT")

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


def stamps() -> dict[str, str]:
    """Return the times of what is made now: whoever compares them sees whether it was changed since."""
    at = now()
    return {"created_at": at, "updated_at": at}
