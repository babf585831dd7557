# SPDX-License-Identifier: Apache-2.0
"""The tables of issues, pull requests, their comments, reviews, reactions and labels, and of forks."""

from __future__ import annotations

# A pull request is an issue with branches, as on GitHub: its title, text, state and comments are the issue's.
# `timeline` says in which order things happened, which moments of one second cannot.
SQL = """
CREATE TABLE forks (repository_id INTEGER PRIMARY KEY REFERENCES repositories,
  parent_id INTEGER NOT NULL REFERENCES repositories);
CREATE TABLE issues (id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL REFERENCES repositories, number INTEGER NOT NULL,
  user_id INTEGER NOT NULL REFERENCES accounts, app_id INTEGER REFERENCES apps, title TEXT NOT NULL,
  body TEXT, state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closed')),
  state_reason TEXT, created_at TEXT NOT NULL, updated_at TEXT NOT NULL, closed_at TEXT,
  closed_by_id INTEGER REFERENCES accounts, UNIQUE (repository_id, number));
CREATE TABLE pulls (id INTEGER PRIMARY KEY AUTOINCREMENT, issue_id INTEGER NOT NULL UNIQUE REFERENCES issues,
  base_ref TEXT NOT NULL, base_sha TEXT NOT NULL, root_sha TEXT NOT NULL,
  head_repository_id INTEGER NOT NULL REFERENCES repositories, head_ref TEXT NOT NULL, head_sha TEXT NOT NULL,
  draft INTEGER NOT NULL, maintainer_can_modify INTEGER NOT NULL,
  additions INTEGER NOT NULL DEFAULT 0, deletions INTEGER NOT NULL DEFAULT 0,
  changed_files INTEGER NOT NULL DEFAULT 0,
  mergeable INTEGER, merge_commit_sha TEXT, merged_at TEXT, merged_by_id INTEGER REFERENCES accounts);
CREATE INDEX pulls_by_head ON pulls (head_repository_id, head_ref);
CREATE TABLE pull_commits (pull_id INTEGER NOT NULL REFERENCES pulls, sha TEXT NOT NULL,
  position INTEGER NOT NULL, PRIMARY KEY (pull_id, sha));
CREATE INDEX pull_commits_by_sha ON pull_commits (sha);
CREATE TABLE reviews (id INTEGER PRIMARY KEY AUTOINCREMENT, pull_id INTEGER NOT NULL REFERENCES pulls,
  user_id INTEGER NOT NULL REFERENCES accounts, state TEXT NOT NULL
  CHECK (state IN ('PENDING', 'COMMENTED', 'APPROVED', 'CHANGES_REQUESTED', 'DISMISSED')),
  body TEXT NOT NULL, commit_id TEXT NOT NULL, submitted_at TEXT);
CREATE INDEX reviews_by_pull ON reviews (pull_id, id);
CREATE TABLE comments (id INTEGER PRIMARY KEY AUTOINCREMENT, issue_id INTEGER NOT NULL REFERENCES issues,
  user_id INTEGER NOT NULL REFERENCES accounts, app_id INTEGER REFERENCES apps, body TEXT NOT NULL,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE INDEX comments_by_issue ON comments (issue_id, id);
CREATE TABLE reactions (id INTEGER PRIMARY KEY AUTOINCREMENT,
  subject TEXT NOT NULL CHECK (subject IN ('issue', 'comment')), subject_id INTEGER NOT NULL,
  user_id INTEGER NOT NULL REFERENCES accounts, content TEXT NOT NULL, created_at TEXT NOT NULL,
  UNIQUE (subject, subject_id, user_id, content));
CREATE TABLE labels (id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL REFERENCES repositories, name TEXT NOT NULL COLLATE NOCASE,
  color TEXT NOT NULL, description TEXT, UNIQUE (repository_id, name));
CREATE TABLE issue_labels (issue_id INTEGER NOT NULL REFERENCES issues,
  label_id INTEGER NOT NULL REFERENCES labels, PRIMARY KEY (issue_id, label_id));
CREATE TABLE timeline (id INTEGER PRIMARY KEY AUTOINCREMENT, issue_id INTEGER NOT NULL REFERENCES issues,
  event TEXT NOT NULL, actor_id INTEGER NOT NULL REFERENCES accounts, subject_id INTEGER,
  detail TEXT NOT NULL, created_at TEXT NOT NULL);
CREATE INDEX timeline_by_issue ON timeline (issue_id, id);
CREATE TABLE signed_commits (sha TEXT PRIMARY KEY, verified_at TEXT NOT NULL);
INSERT INTO sqlite_sequence (name, seq) VALUES ('issues', 1830000000), ('pulls', 1210000000),
  ('reviews', 1540000000), ('comments', 1720000000), ('reactions', 212000000), ('labels', 5380000000);
"""
