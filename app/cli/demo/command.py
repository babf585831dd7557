# SPDX-License-Identifier: Apache-2.0
"""The command: set the stage, play the chapters, and stay until Ctrl-C."""

from __future__ import annotations

import logging
import shutil
import signal
import tempfile
import threading
from pathlib import Path

import click
from rich.console import Console

import app.cli.demo.repository as repository
from app.cli.demo import images, pull_request, push
from app.cli.demo.stage import Stage
from app.cli.demo.timeline import StoryFailed

CHAPTERS = {"push": push.play, "pull-request": pull_request.play, "images": images.play}


@click.command()
@click.option("--exit", "leave", is_flag=True, help="End when the story is over: 0 when every step was seen.")
@click.option("--only", type=click.Choice(list(CHAPTERS)), help="Play one chapter.")
@click.option(
    "--repo",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Serve a Flux-style repository of yours instead, and say what became ready.",
)
@click.option("--path", "entry", help="The folder of --repo to apply; its gotk-sync.yaml says by default.")
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path),
    help="Keep everything here; else it is thrown away.",
)
def demo(leave: bool, only: str | None, repo: Path | None, entry: str | None, directory: Path | None) -> None:
    """Watch a push become live objects on a real Kubernetes API server."""
    console = Console(highlight=False)
    folder = directory or Path(tempfile.mkdtemp(prefix="fairway-demo-"))
    stage = Stage(folder.absolute(), console)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    # What breaks is told by the story; a watch that ends with its cluster is no news.
    logging.getLogger("workers").setLevel(logging.CRITICAL)
    failed = False
    try:
        stage.set_up()
        if repo is not None:
            failed = not repository.play(stage, repo, entry)
        else:
            for name, play in CHAPTERS.items():
                if only in (None, name):
                    play(stage)
        if not leave:
            _stay(stage)
    except StoryFailed as failure:
        failed = True
        console.print(f"\n[red]✗[/red] {failure}", markup=True)
        stage.show_logs()
        if not leave:
            _stay(stage)
    except KeyboardInterrupt:
        console.print("\nstopping …")
        failed = leave
    finally:
        stage.tear_down()
        if directory is None:
            shutil.rmtree(folder, ignore_errors=True)
    raise SystemExit(1 if failed else 0)


def _stay(stage: Stage) -> None:
    stage.show_addresses()
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        stage.console.print("\nstopping …")
