# SPDX-License-Identifier: Apache-2.0
"""`python -m sandbox.kubelet --kubeconfig F`: play the node, the volume binder and the load balancer."""

from __future__ import annotations

import argparse
import json
import logging
import signal
import threading
from pathlib import Path

from sandbox.kube import Kube
from sandbox.kubelet.follower import Handler, follow
from sandbox.kubelet.node import PATH as NODES
from sandbox.kubelet.node import RENEW_EVERY, Node
from sandbox.kubelet.pods import Pods
from sandbox.kubelet.services import Balancers
from sandbox.kubelet.volumes import Claims, Volumes, prepare


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.kubelet", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, required=True, help="written by fairway-cluster")
    kube = Kube(parser.parse_args().kubeconfig)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s kubelet %(levelname)s %(message)s")
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    node = Node(kube, ended)
    node.register()
    prepare(kube, ended)
    pods = Pods(kube, ended)
    handlers: dict[str, Handler] = {
        NODES: node,
        "/api/v1/pods": pods,
        "/api/v1/persistentvolumeclaims": Claims(kube, ended, pods.claims_are),
        "/api/v1/persistentvolumes": Volumes(kube, ended),
        "/api/v1/services": Balancers(kube, ended),
    }
    for path, handler in handlers.items():
        threading.Thread(target=follow, args=(kube, path, handler, ended), name=path, daemon=True).start()
    if not ended.is_set():
        print(json.dumps({"event": "ready"}), flush=True)
    while not ended.wait(RENEW_EVERY):
        node.renew()


if __name__ == "__main__":
    main()
