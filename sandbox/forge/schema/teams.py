# SPDX-License-Identifier: Apache-2.0
"""Who belongs to an organisation and to its teams, and what a team may do in a repository."""

from __future__ import annotations

SQL = """
CREATE TABLE organization_members (organization_id INTEGER NOT NULL REFERENCES accounts,
  account_id INTEGER NOT NULL REFERENCES accounts, role TEXT NOT NULL CHECK (role IN ('member', 'admin')),
  PRIMARY KEY (organization_id, account_id));
CREATE TABLE teams (id INTEGER PRIMARY KEY AUTOINCREMENT,
  organization_id INTEGER NOT NULL REFERENCES accounts, name TEXT NOT NULL,
  slug TEXT NOT NULL COLLATE NOCASE, created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
  UNIQUE (organization_id, slug));
CREATE TABLE team_members (team_id INTEGER NOT NULL REFERENCES teams,
  account_id INTEGER NOT NULL REFERENCES accounts,
  role TEXT NOT NULL CHECK (role IN ('member', 'maintainer')),
  PRIMARY KEY (team_id, account_id));
CREATE TABLE team_repositories (team_id INTEGER NOT NULL REFERENCES teams,
  repository_id INTEGER NOT NULL REFERENCES repositories,
  permission TEXT NOT NULL CHECK (permission IN ('read', 'triage', 'write', 'maintain', 'admin')),
  PRIMARY KEY (team_id, repository_id));
INSERT INTO sqlite_sequence (name, seq) VALUES ('teams', 3310);
"""
