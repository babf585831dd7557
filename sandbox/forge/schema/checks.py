# SPDX-License-Identifier: Apache-2.0
"""What Apps say of a commit in check runs; those of one App on one commit are its check suite."""

from __future__ import annotations

SQL = """
CREATE TABLE check_suites (id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL REFERENCES repositories, app_id INTEGER NOT NULL REFERENCES apps,
  head_sha TEXT NOT NULL, head_branch TEXT, before TEXT, rerequested INTEGER NOT NULL DEFAULT 0,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL, UNIQUE (repository_id, app_id, head_sha));
CREATE INDEX check_suites_by_commit ON check_suites (repository_id, head_sha, id);
CREATE TABLE check_runs (id INTEGER PRIMARY KEY AUTOINCREMENT,
  suite_id INTEGER NOT NULL REFERENCES check_suites, name TEXT NOT NULL, external_id TEXT NOT NULL,
  details_url TEXT, status TEXT NOT NULL, conclusion TEXT, started_at TEXT NOT NULL, completed_at TEXT,
  title TEXT, summary TEXT, text TEXT, actions TEXT NOT NULL);
CREATE INDEX check_runs_by_suite ON check_runs (suite_id, id);
CREATE TABLE check_annotations (id INTEGER PRIMARY KEY AUTOINCREMENT,
  run_id INTEGER NOT NULL REFERENCES check_runs, path TEXT NOT NULL, start_line INTEGER NOT NULL,
  end_line INTEGER NOT NULL, start_column INTEGER, end_column INTEGER, annotation_level TEXT NOT NULL,
  title TEXT, message TEXT NOT NULL, raw_details TEXT);
CREATE INDEX check_annotations_by_run ON check_annotations (run_id, id);
INSERT INTO sqlite_sequence (name, seq) VALUES ('check_suites', 118578000), ('check_runs', 1494503000);
"""
