# SPDX-License-Identifier: Apache-2.0
"""What a branch asks for before something may be merged into it, and what waits in its merge queue."""

from __future__ import annotations

SQL = """
CREATE TABLE branch_protections (id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL REFERENCES repositories, branch TEXT NOT NULL,
  source TEXT NOT NULL CHECK (source IN ('protection', 'ruleset')), checks TEXT NOT NULL,
  strict INTEGER NOT NULL, approvals INTEGER NOT NULL, code_owners INTEGER NOT NULL,
  dismiss_stale INTEGER NOT NULL, enforce_admins INTEGER NOT NULL, merge_queue INTEGER NOT NULL,
  UNIQUE (repository_id, branch, source));
CREATE TABLE merge_queue_entries (id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL REFERENCES repositories, base TEXT NOT NULL, number INTEGER NOT NULL,
  pull_sha TEXT NOT NULL, base_sha TEXT NOT NULL, head_sha TEXT NOT NULL, head_ref TEXT NOT NULL,
  sender_id INTEGER NOT NULL REFERENCES accounts);
CREATE UNIQUE INDEX merge_queue_by_number ON merge_queue_entries (repository_id, number);
INSERT INTO sqlite_sequence (name, seq) VALUES ('branch_protections', 8100);
"""
