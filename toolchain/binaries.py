# SPDX-License-Identifier: Apache-2.0
from pathlib import Path
def binary(name: str, *, build: bool = True, optimised: bool = False) -> Path:
    return Path.home()/".cache/fairway/dev"/name
