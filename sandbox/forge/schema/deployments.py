# SPDX-License-Identifier: Apache-2.0
"""Deployments of a commit to an environment, and how each of them went."""

from __future__ import annotations

SQL = """
CREATE TABLE deployments (id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL REFERENCES repositories, sha TEXT NOT NULL, ref TEXT NOT NULL,
  task TEXT NOT NULL, payload TEXT NOT NULL, environment TEXT NOT NULL, description TEXT,
  transient INTEGER NOT NULL, production INTEGER NOT NULL, creator_id INTEGER NOT NULL REFERENCES accounts,
  app_id INTEGER REFERENCES apps, created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE INDEX deployments_by_repository ON deployments (repository_id, id);
CREATE TABLE deployment_statuses (id INTEGER PRIMARY KEY AUTOINCREMENT,
  deployment_id INTEGER NOT NULL REFERENCES deployments ON DELETE CASCADE, state TEXT NOT NULL,
  description TEXT NOT NULL, environment TEXT NOT NULL, environment_url TEXT NOT NULL, log_url TEXT NOT NULL,
  creator_id INTEGER NOT NULL REFERENCES accounts, app_id INTEGER REFERENCES apps, created_at TEXT NOT NULL);
CREATE INDEX deployment_statuses_by_deployment ON deployment_statuses (deployment_id, id);
INSERT INTO sqlite_sequence (name, seq) VALUES ('deployments', 87972000), ('deployment_statuses', 118576000);
"""
