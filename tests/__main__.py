# SPDX-License-Identifier: Apache-2.0
"""`python -m tests`: all tests, in two halves side by side; `python -m tests ARGUMENTS`: pytest with them.

Most tests wait for something, so two cores do both halves in little more than the time of one. What runs on
a whole Fairway stays in one half, since it shares one, and goes first: people wait for a Fairway, within
seconds, and the other half builds and computes.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import IO

_WHOLE = ("tests/app", "tests/scenarios", "tests/soak")
_PYTEST = (sys.executable, "-m", "pytest")
_BEHIND = ("nice", "-n", "10")


def main(arguments: Sequence[str]) -> int:
    """Run the tests and return 0 when all passed; the second half is shown once the first is over."""
    if arguments:
        return subprocess.call([*_PYTEST, *arguments])
    with tempfile.TemporaryFile() as shown:
        rest = subprocess.Popen(
            [*_BEHIND, *_PYTEST, *(f"--ignore={path}" for path in _WHOLE)],
            stdout=shown,
            stderr=subprocess.STDOUT,
        )
        try:
            print(f"Tests of {', '.join(_WHOLE)}; the others run meanwhile.", flush=True)
            codes = [subprocess.call([*_PYTEST, *_WHOLE]), rest.wait()]
        except BaseException:
            rest.terminate()
            rest.wait()
            raise
        _print(shown)
    return next((code for code in codes if code), 0)


def _print(shown: IO[bytes]) -> None:
    shown.seek(0)
    for line in shown:
        sys.stdout.buffer.write(line)
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
