# SPDX-License-Identifier: Apache-2.0
"""How long it takes to set images in a repository of 5,000 YAML files, one in twenty of which has markers."""

from __future__ import annotations

import statistics
import time
from functools import cache

from bench.registry import figure
from policies.images.setters import Image, set_images

_FILES = 5000
_MARKED_EVERY = 20
_ROUNDS = 5
_POLICIES = {f"apps:app-{number}": Image(f"ghcr.io/acme/app-{number}", "2.0.0") for number in range(250)}

_MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-{number}
  namespace: apps
  labels: {{app.kubernetes.io/name: app-{number}, app.kubernetes.io/part-of: shop}}
spec:
  replicas: 3
  selector:
    matchLabels:
      app: app-{number}
  template:
    metadata:
      labels:
        app: app-{number}
    spec:
      serviceAccountName: app
      containers:
      - name: app
        image: ghcr.io/acme/app-{number}:1.0.0{marker}
        args: ["--listen", ":8080", "--log-level=info"]
        env:
        - name: REGION
          value: eu-west-1
        - name: TOKEN
          valueFrom:
            secretKeyRef:
              name: app
              key: token
        ports:
        - containerPort: 8080
          name: http
        readinessProbe:
          httpGet:
            path: /ready
            port: http
        resources:
          requests: {{cpu: 100m, memory: 128Mi}}
          limits: {{memory: 256Mi}}
---
apiVersion: v1
kind: Service
metadata:
  name: app-{number}
  namespace: apps
spec:
  selector:
    app: app-{number}
  ports:
  - name: http
    port: 80
    targetPort: http
"""


@figure("setters.repository", unit="s", target=1.0)
def repository() -> float:
    """Measure a whole repository: every file is looked at, and 250 are changed."""
    return statistics.median(_round(_files()) for _ in range(_ROUNDS))


@figure("setters.marked_file", unit="ms")
def marked_file() -> float:
    """Measure one file with a marker, of two objects and fifty lines."""
    marked = dict(list(_files().items())[::_MARKED_EVERY])
    return statistics.median(_round(marked) for _ in range(_ROUNDS)) / len(marked) * 1000


def _round(files: dict[str, bytes]) -> float:
    began = time.perf_counter()
    changed = sum(bool(set_images(path, content, _POLICIES).changes) for path, content in files.items())
    took = time.perf_counter() - began
    if changed != _FILES // _MARKED_EVERY:
        raise RuntimeError(f"{changed} files were changed instead of {_FILES // _MARKED_EVERY}")
    return took


@cache
def _files() -> dict[str, bytes]:
    return {f"apps/app-{number}/all.yaml": _file(number) for number in range(_FILES)}


def _file(number: int) -> bytes:
    policy = f"apps:app-{number // _MARKED_EVERY}"
    marker = "" if number % _MARKED_EVERY else f' # {{"$imagepolicy": "{policy}"}}'
    return _MANIFEST.format(number=number, marker=marker).encode()
