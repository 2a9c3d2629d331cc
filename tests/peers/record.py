"""Stands between a worker and Safelight and keeps every byte, for the tests of what a worker gets to see.

record.py --to HOST:PORT --log FOLDER: listens on a port of its own, prints {"url"}, passes each connection
on, and writes FOLDER/NNNN.sent (what the worker sent) and FOLDER/NNNN.received (what it was answered).
"""
import argparse
import itertools
import json
import pathlib
import socket
import threading

options = argparse.ArgumentParser()
options.add_argument("--to", required=True)
options.add_argument("--log", required=True)
args = options.parse_args()
host, port = args.to.rsplit(":", 1)
folder = pathlib.Path(args.log)
numbers = itertools.count(1)


def pump(source, target, path):
    """Until the source has no more; then the target hears that, too."""
    with open(path, "ab", buffering=0) as log:
        try:
            while data := source.recv(65536):
                log.write(data)
                target.sendall(data)
        except OSError:
            pass
        try:
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def serve(client):
    number = next(numbers)
    with client, socket.create_connection((host, int(port))) as server:
        there = threading.Thread(target=pump, args=(client, server, folder / f"{number:04}.sent"), daemon=True)
        there.start()
        pump(server, client, folder / f"{number:04}.received")
        there.join(10)


listening = socket.create_server(("127.0.0.1", 0))
print(json.dumps({"url": f"http://127.0.0.1:{listening.getsockname()[1]}"}), flush=True)
while True:
    connection, _ = listening.accept()
    threading.Thread(target=serve, args=(connection,), daemon=True).start()
