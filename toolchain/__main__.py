# SPDX-License-Identifier: Apache-2.0
"""`python -m toolchain`: build, check and package the Go parts; what the Makefile calls."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from toolchain import golang, modules, system, wheel
from toolchain.binaries import Workshop, binary
from toolchain.errors import ToolchainError
from toolchain.modules import MODULES
from toolchain.progress import count, shown, standard

_SHORT = [module.name.removeprefix("fairway-") for module in MODULES]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 1 for a failure told on standard error, 130 for Ctrl-C."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except ToolchainError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted. What was done so far is kept.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m toolchain", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    build = commands.add_parser("build", help="build Go parts, in this order, and print their paths")
    build.add_argument(
        "names", nargs="*", default=_SHORT, metavar="NAME", help=f"default: {' '.join(_SHORT)}"
    )
    build.add_argument("--optimised", action="store_true", help="as for benchmarks and wheels")
    build.set_defaults(run=_build)

    path = commands.add_parser("path", help="print the path of a Go part that is there already")
    path.add_argument("name", metavar="NAME")
    path.add_argument("--optimised", action="store_true")
    path.set_defaults(run=_path)

    commands.add_parser("vet", help="run go vet on all Go modules").set_defaults(run=_vet)
    commands.add_parser("test", help="run go test on all Go modules").set_defaults(run=_test)

    formatting = commands.add_parser("format", help="format the Go sources")
    formatting.add_argument("--check", action="store_true", help="change nothing; fail when something would")
    formatting.set_defaults(run=_format)

    packing = commands.add_parser("wheel", help="build a wheel for this platform with the Go parts inside")
    packing.add_argument("--dist", type=Path, default=modules.ROOT / "dist", help="where to put it")
    packing.set_defaults(run=_wheel)

    install = commands.add_parser("install", help="install a Debian package unless its command is there")
    install.add_argument("package", metavar="PACKAGE")
    install.add_argument("command", nargs="?", metavar="COMMAND", help="default: as the package is called")
    install.set_defaults(run=_install)
    return parser


def _build(options: argparse.Namespace) -> int:
    for name in options.names:
        print(binary(modules.find(name).name, optimised=options.optimised), flush=True)
    return 0


def _path(options: argparse.Namespace) -> int:
    print(binary(modules.find(options.name).name, build=False, optimised=options.optimised))
    return 0


def _vet(options: argparse.Namespace) -> int:
    failed = 0
    for module in MODULES:
        display = standard()
        with shown(display, module.name):
            found = Workshop(module).compiler(display).vet()
        failed += bool(found)
        print("\n".join(found) if found else f"{module.directory}: go vet found nothing", flush=True)
    return 1 if failed else 0


def _test(options: argparse.Namespace) -> int:
    failed = 0
    for module in MODULES:
        if not any((modules.ROOT / module.directory).rglob("*_test.go")):
            print(f"{module.directory}: no tests of its own; Python's drive it")
            continue
        display = standard()
        with shown(display, module.name):
            passed, lines = Workshop(module).compiler(display).test()
        failed += not passed
        print("\n".join(lines), flush=True)
    return 1 if failed else 0


def _format(options: argparse.Namespace) -> int:
    directories = [str(modules.ROOT / module.directory) for module in MODULES]
    mode = ["-l"] if options.check else ["-l", "-w"]
    done = subprocess.run(
        [golang.find().format_command, *mode, *directories], stdout=subprocess.PIPE, text=True
    )
    changed = done.stdout.split()
    for path in changed:
        print(f"{'would format' if options.check else 'formatted'} {path}")
    print(
        f"{count(len(changed))} Go files to format" if options.check else f"{len(changed)} Go files formatted"
    )
    return 1 if done.returncode or (options.check and changed) else 0


def _wheel(options: argparse.Namespace) -> int:
    binaries = [binary(module.name, optimised=True) for module in MODULES]
    named = {module.name: path for module, path in zip(MODULES, binaries, strict=True)}
    print(wheel.build(modules.ROOT, named, options.dist))
    return 0


def _install(options: argparse.Namespace) -> int:
    print(system.ensure(options.package, options.command or options.package))
    return 0


if __name__ == "__main__":
    sys.exit(main())
