# SPDX-License-Identifier: Apache-2.0
"""TLS to servers that an object names, trusted as Go trusts them, whose certificates these mostly are."""

from __future__ import annotations

import os
import ssl

from urllib3.util import create_urllib3_context


def new_context() -> ssl.SSLContext:
    """Return a context that verifies; which authorities it trusts is the caller's to load."""
    context = create_urllib3_context()
    # As in Go: any authority given is trusted, also one in the middle.
    context.verify_flags = (context.verify_flags | ssl.VERIFY_X509_PARTIAL_CHAIN) & ~ssl.VERIFY_X509_STRICT
    return context


def load_identity(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """Let a context log in by a certificate with its key, both PEM.

    Raises ssl.SSLError or ValueError for what is no pair, and for an encrypted key.
    """
    # Python takes a key only by a file's name, and a key must not lie on a disk: this file is in memory.
    memory = os.memfd_create("identity", os.MFD_CLOEXEC)
    try:
        os.write(memory, f"{certificate}\n{key}\n".encode())
        # Without a password an encrypted key would ask for one at the terminal.
        context.load_cert_chain(f"/proc/self/fd/{memory}", password="")
    finally:
        os.close(memory)
