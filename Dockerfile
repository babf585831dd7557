# SPDX-License-Identifier: Apache-2.0
# One image for all three processes: `docker run IMAGE web`, `worker` or `watch`.
# Not built by the tests, which have no container engine: whoever changes it builds it by hand.

FROM python:3.12-slim-bookworm AS build
WORKDIR /src
RUN apt-get update && apt-get install --yes --no-install-recommends git make \
    && rm -rf /var/lib/apt/lists/*
# Dependencies first, so that they are installed again only when they change.
COPY requirements.txt pyproject.toml README.md LICENSE Makefile ./
COPY toolchain ./toolchain
COPY app/__init__.py ./app/__init__.py
RUN make setup
COPY . .
RUN make wheels
# With the clouds' libraries: an image is pulled as it is, and nobody can add them to it where it runs.
RUN .cache/uv/bin/uv venv --python "$(command -v python3)" /opt/fairway \
    && .cache/uv/bin/uv pip install --no-cache --python /opt/fairway/bin/python --constraint requirements.txt \
        "$(echo dist/*.whl)[aws,azure,gcp]"

FROM python:3.12-slim-bookworm
# git fetches; certificates are for the hosts it fetches from.
RUN apt-get update && apt-get install --yes --no-install-recommends git ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/fairway --create-home fairway
COPY --from=build /opt/fairway /opt/fairway
# Two heaps for all threads: else each keeps what it has freed.
ENV PATH=/opt/fairway/bin:$PATH PYTHONUNBUFFERED=1 FAIRWAY_DATA=/var/lib/fairway MALLOC_ARENA_MAX=2
USER 10001:10001
VOLUME /var/lib/fairway
# The public listener and the internal one; where they listen is FAIRWAY_LISTEN and FAIRWAY_INTERNAL_LISTEN.
EXPOSE 8080 9292
ENTRYPOINT ["fairway"]
CMD ["web"]
