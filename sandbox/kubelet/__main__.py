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
from sandbox.kubelet import node, pods, services, volumes
from sandbox.kubelet.follower import follow


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kubeconfig", type=Path, required=True)
    kube = Kube(parser.parse_args().kubeconfig)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s kubelet %(levelname)s %(message)s")
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    node.register(kube, ended)
    volumes.prepare(kube)
    for name, path, handle in (
        ("pods", "/api/v1/pods", pods.Pods(kube).handle),
        ("claims", "/api/v1/persistentvolumeclaims", volumes.Claims(kube).handle),
        ("services", "/api/v1/services", services.Balancers(kube).handle),
    ):
        threading.Thread(target=follow, args=(kube, name, path, handle, ended), daemon=True).start()
    print(json.dumps({"event": "ready"}), flush=True)
    while not ended.wait(node.RENEW_EVERY):
        node.renew(kube)


if __name__ == "__main__":
    main()
