# SPDX-License-Identifier: Apache-2.0
"""The pages of the documentation that are written from the code, so that they cannot differ from it."""

from __future__ import annotations

from policies.settings import Settings
from policies.settings_reading import table

_CONFIGURATION = """\
# Configuration

<!-- Written by `make generate` from policies/settings.py. -->

Everything is set by environment variables, for all processes alike. Secrets are read from files and never
shown. A process reads and checks all of it when it starts; what cannot work is refused, with every problem
at once.

{table}
## What each process cannot do without

| process | needs |
|---|---|
| `web` | `FAIRWAY_REDIS_URL`, `FAIRWAY_WEBHOOK_SECRET_FILE` |
| `worker` | `FAIRWAY_REDIS_URL`, `FAIRWAY_GITHUB_APP_ID`, `FAIRWAY_GITHUB_PRIVATE_KEY_FILE` |
| `watch` | `FAIRWAY_REDIS_URL` |

`web` never talks to GitHub and needs no key. `fairway up` brings Redis, and chooses `FAIRWAY_DATA` and free
ports where these are not set; with `--sandbox` it sets everything.

## The two listeners

- `FAIRWAY_LISTEN` serves `POST /webhooks/github` and nothing else. It is the one that GitHub must reach.
- `FAIRWAY_INTERNAL_LISTEN` serves `/healthz`, `/readyz`, `/metrics`, the artifacts (`/gitrepository/…`) and
  the pages that commit statuses link to (`/OWNER/REPOSITORY/commit/SHA`). Artifacts and metrics have no
  login: let only the cluster reach it, and let only the pages be seen from outside, at `FAIRWAY_PUBLIC_URL`.
  The page of a private repository's commit shows nothing of it.

## Shards

With more objects than one `watch` should follow, several share them by a label, as Flux's controllers do.
Each is started with its own selector, on the same Redis; workers need none and serve every shard that is
announced:

```
FAIRWAY_WATCH_LABEL_SELECTOR='!sharding.fluxcd.io/key'      fairway watch
FAIRWAY_WATCH_LABEL_SELECTOR='sharding.fluxcd.io/key=one'   fairway watch
```

Objects may refer to sources and Kustomizations of other shards. What no shard selects is left alone. Each
shard has Leases of its own, with the names that Flux gives them, so that some shards can be Fairway's while
others are still Flux's.
"""


def configuration() -> str:
    """Return docs/configuration.md."""
    return _CONFIGURATION.format(table=table(Settings))
