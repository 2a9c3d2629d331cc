"""A studio's own web server, for tests and the demo: receives webhooks and serves one private file.

Every request is appended to --log as a line of JSON {"method", "path", "headers", "body"}. GET /private/NAME
answers the --asset file, but only with the header X-Asset-Key that stands in --asset-key-file. POST
/fail/N/... answers 503 the first N times. Prints {"url"} when ready.
"""
import argparse
import collections
import json
import pathlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

options = argparse.ArgumentParser()
options.add_argument("--log", required=True)
options.add_argument("--asset")
options.add_argument("--asset-key-file")
options.add_argument("--port", type=int, default=0)
args = options.parse_args()

lock = threading.Lock()
tries = collections.Counter()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", content_type="text/plain"):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def record(self, body):
        line = {"method": self.command, "path": self.path, "headers": dict(self.headers), "body": body.decode("utf-8", "replace")}
        with lock, open(args.log, "a") as log:
            log.write(json.dumps(line) + "\n")

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.record(body)
        parts = self.path.split("/")
        if parts[1] == "private" and args.asset:
            key = pathlib.Path(args.asset_key_file).read_text() if args.asset_key_file else None
            if key and self.headers.get("X-Asset-Key") != key:
                return self.answer(403, b"the key is wrong\n")
            return self.answer(200, pathlib.Path(args.asset).read_bytes(), "application/octet-stream")
        if parts[1] == "fail":
            with lock:
                tries[self.path] += 1
            if tries[self.path] <= int(parts[2]):
                return self.answer(503, b"later\n")
        if parts[1] == "echo":
            return self.answer(403, json.dumps(dict(self.headers)).encode() + body)
        return self.answer(200, b"thanks\n")

    do_GET = do_POST = do_PUT = do_DELETE = serve


class Server(ThreadingHTTPServer):
    daemon_threads = True


server = Server(("127.0.0.1", args.port), Handler)
print(json.dumps({"url": f"http://127.0.0.1:{server.server_address[1]}"}), flush=True)
server.serve_forever()
