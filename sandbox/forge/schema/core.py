# SPDX-License-Identifier: Apache-2.0
"""The tables of accounts, repositories, Apps, statuses and deliveries."""

from __future__ import annotations

# Identifiers start high, as on GitHub, so that code which mixes two kinds of them up fails at once.
SQL = """
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
  permission TEXT NOT NULL CHECK (permission IN ('read', 'triage', 'write', 'maintain', 'admin')),
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
CREATE TABLE activities (id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository_id INTEGER NOT NULL REFERENCES repositories, ref TEXT NOT NULL, before TEXT NOT NULL,
  after TEXT NOT NULL, type TEXT NOT NULL, actor_id INTEGER NOT NULL REFERENCES accounts, at TEXT NOT NULL);
CREATE INDEX activities_by_ref ON activities (repository_id, ref, id);
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
