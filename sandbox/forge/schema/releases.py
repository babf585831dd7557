# SPDX-License-Identifier: Apache-2.0
"""Releases of a repository, each of a tag."""

from __future__ import annotations

SQL = """
CREATE TABLE releases (id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL REFERENCES repositories, tag TEXT NOT NULL, target TEXT NOT NULL,
  name TEXT, body TEXT, draft INTEGER NOT NULL, prerelease INTEGER NOT NULL,
  author_id INTEGER NOT NULL REFERENCES accounts, created_at TEXT NOT NULL, published_at TEXT,
  UNIQUE (repository_id, tag));
INSERT INTO sqlite_sequence (name, seq) VALUES ('releases', 41973000);
"""
