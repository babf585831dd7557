# SPDX-License-Identifier: Apache-2.0
"""`python -m tests.soak [--minutes M] [--seed N]`: the soak on a sandbox of its own, summed up at the end."""

from __future__ import annotations

import argparse
import contextlib
import random
import signal
import sys
import tempfile
from pathlib import Path

from bench import progress
from tests.fixtures.world import standing
from tests.soak.flushed import flushed
from tests.soak.run import Soak

_FLUSHED, _FLUSHING = 1000, 60.0  # Kustomizations, and seconds, of a soak of half an hour or more
_WHOLE = 30.0  # minutes


def main() -> int:
    """Soak; returns 1 when something is not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=_WHOLE, help="how long (default: %(default)g)")
    parser.add_argument("--seed", type=int, help="repeat the deeds of an earlier run")
    parser.add_argument("--dir", type=Path, help="where sandbox, logs and deeds.log go, and stay")
    options = parser.parse_args()
    seed = random.randrange(1_000_000) if options.seed is None else options.seed
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is ended also then
    print(f"soak: seed {seed}; --seed {seed} repeats it", file=sys.stderr, flush=True)
    with contextlib.ExitStack() as stack:
        folder = options.dir or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fairway-soak-")))
        folder.mkdir(parents=True, exist_ok=True)
        wrong = _soaked(folder.absolute(), seed, options.minutes)
    return 1 if wrong else 0


def _soaked(folder: Path, seed: int, minutes: float) -> list[str]:
    seconds, share = 60 * minutes, min(1.0, minutes / _WHOLE)
    with standing(folder) as world, progress.task("soak") as show, (folder / "deeds.log").open("w") as log:

        def tell(gone: float, deed: str) -> None:
            log.write(f"{gone:8.1f} {deed}\n")
            log.flush()
            show("random deeds, in seconds", int(gone), int(seconds))

        soak = Soak(world, seed, seconds, tell)
        soak.run()
        print(soak.summary(), flush=True)
        count = max(50, int(_FLUSHED * share))
        wrong = flushed(
            world, count, _FLUSHING * share + 5, lambda ready: show("flushed, Ready", ready, count)
        )
        print(f"{count} created while Redis was flushed every second", *wrong, sep="\nWRONG: ", flush=True)
    return soak.wrong + wrong


if __name__ == "__main__":
    sys.exit(main())
