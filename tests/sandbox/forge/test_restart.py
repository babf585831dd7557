# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

from sandbox.forge.admin import Forge
from tests.fixtures.forge import running_forge
from tests.sandbox.forge.conftest import Api, Receiver, Stage, until


def test_everything_survives_a_restart(tmp_path: Path, receiver: Receiver) -> None:
    with running_forge(tmp_path) as forge:
        app = forge.create_app("bot", receiver.url, "hush")
        repo = forge.create_repository("acme", "fleet", private=True, files={"a.txt": "one\n"})
        installation = forge.install(app, "acme")
        head = forge.commit(repo, {"a.txt": "two\n"}, "two")
        stage = Stage(forge, "acme", repo, app, installation, head)
        token = stage.token()
        stage.as_installation().post(f"{stage.path}/statuses/{head}", {"state": "success", "context": "c"})
        receiver.wait("push")
        delivered = until(
            lambda: done if len(done := forge.deliveries()) == 3 and done[2]["phase"] == "done" else 0
        )
        held = forge.commit(repo, {"a.txt": "three\n"}, "three", deliver=False)
    with running_forge(tmp_path) as forge:
        assert forge.repository("acme/fleet").id == repo.id
        assert forge.refs(repo) == {"refs/heads/main": held}
        assert [status["context"] for status in forge.statuses(repo, head)] == ["c"]
        assert [entry["guid"] for entry in forge.deliveries()[:3]] == [entry["guid"] for entry in delivered]
        stage.forge = forge
        assert stage.as_app().get("/app").body["id"] == app.id
        assert Api(forge, f"token {token}").get(stage.path).status == 200
        forge.release(forge.deliveries()[3]["id"])
        assert receiver.wait("push", 2)[1].payload["after"] == held


def test_what_was_not_sent_before_a_crash_is_sent_after_it(tmp_path: Path, receiver: Receiver) -> None:
    command = [sys.executable, "-m", "sandbox.forge", "--dir", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        forge = Forge(json.loads(process.stdout.readline())["url"])
        # Nobody answers here, so that the delivery is under way when the forge is killed.
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            app = forge.create_app("bot", f"http://127.0.0.1:{silent.getsockname()[1]}/")
            silent.settimeout(10)
            silent.accept()
            process.send_signal(signal.SIGKILL)
            process.wait()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    with running_forge(tmp_path) as forge:
        until(lambda: forge.deliveries()[0]["phase"] == "done")
        forge.set_webhook(app, receiver.url, None)
        forge.redeliver(forge.deliveries()[0]["id"])
        (ping,) = receiver.wait("ping")
        assert ping.payload["hook"]["app_id"] == app.id
        assert "X-Hub-Signature-256" not in ping.headers


def test_a_second_forge_on_the_same_directory_is_refused(tmp_path: Path) -> None:
    with running_forge(tmp_path):
        command = [sys.executable, "-m", "sandbox.forge", "--dir", str(tmp_path)]
        second = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert second.returncode == 1
    assert "runs on" in second.stderr


def test_the_forge_stops_when_asked_also_while_a_webhook_does_not_answer(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sandbox.forge", "--dir", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        silent.settimeout(10)
        forge = Forge(json.loads(process.stdout.readline())["url"])
        forge.create_app("bot", f"http://127.0.0.1:{silent.getsockname()[1]}/")
        silent.accept()
        process.terminate()
        # Less than the ten seconds for which the webhook would be waited for.
        assert process.wait(8) == 0
    process.stdout.close()
