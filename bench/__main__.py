# SPDX-License-Identifier: Apache-2.0
"""`python -m bench [--list] [NAME …]`: measure figures and print one JSON line for each."""

from __future__ import annotations

import argparse
import json
import sys
import traceback

from bench.registry import Figure, find


def main() -> int:
    """Measure; returns 1 when a figure fails or misses its target, 2 when there is no such figure."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="a figure, or the beginning of several")
    parser.add_argument("--list", action="store_true", help="only say which figures there are")
    options = parser.parse_args()
    try:
        chosen = find(options.names)
    except LookupError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    if options.list:
        print("\n".join(f"{found.name} ({found.unit})" for found in chosen))
        return 0
    met = [_measure(found) for found in chosen]  # all of them, also after one that misses
    return 0 if all(met) else 1


def _measure(found: Figure) -> bool:
    """Measure and print one figure; one that fails does not keep the others from being measured."""
    try:
        value = found.measure()
    except Exception as error:
        traceback.print_exc()
        print(json.dumps({"figure": found.name, "error": str(error) or type(error).__name__}), flush=True)
        return False
    print(json.dumps(found.line(value)), flush=True)
    return found.meets(value)


if __name__ == "__main__":
    sys.exit(main())
