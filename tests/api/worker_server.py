"""A server that speaks our worker's protocol as a test tells it to: for what a worker does when a real server would not
easily be made to say it (docs/PROTOCOL-worker.md)."""
import json
import subprocess
import threading
import urllib.parse

from conftest import BINARY, Web, clean_environment

LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def ulid(n):
    return "01" + "".join(LETTERS[n // 32**i % 32] for i in range(24))


class WorkerServer(Web):
    def __init__(self, folder, lease_ms=60000, assets=None):
        self.folder, self.lease_ms = folder, lease_ms
        self.jobs, self.wishes, self.beats, self.finished, self.outputs, self.logs = [], [], [], [], {}, {}
        self.cancel = set()           # leases whose next beat says so
        self.answers = {}             # call ("lease", "heartbeat", "log", "finish", "output", "asset") -> (status, body) instead of the usual
        self.assets = assets or {}    # name -> bytes
        self.lock = threading.Lock()
        self.made = 0
        self.hired = []
        super().__init__(self.reply)

    def add(self, job=None, name="out.mp4", **lease):
        """Queues a job; returns its lease's id. `job` may name assets as {"src": "farm:NAME"}."""
        self.made += 1
        n = ulid(self.made)
        text = json.dumps({"id": ulid(1000 + self.made), "assets": [], **(job or {})}).replace('"farm:', f'"{self.url}/asset/')
        self.jobs.append({"lease": n, "leaseMs": self.lease_ms, "job": json.loads(text), "output": {"url": f"{self.url}/t/{n}", "name": name}, **lease})
        return n

    def reply(self, handler, body):
        parts = urllib.parse.urlsplit(handler.path)
        words = parts.path.strip("/").split("/")
        call = "output" if words[0] == "t" else "asset" if words[0] == "asset" else words[-1]
        with self.lock:
            status, text = self.usual(call, words, dict(urllib.parse.parse_qsl(parts.query)), body)
            if call in self.answers:
                status, text = self.answers[call]
        return status, {"Content-Type": "application/json"}, text if isinstance(text, bytes) else json.dumps(text).encode()

    def usual(self, call, words, query, body):
        instead = call in self.answers
        if call == "asset":
            return (200, self.assets[words[1]]) if words[1] in self.assets else (404, {})
        if call == "output":
            if not instead:
                self.outputs[words[1]] = body
            return 201, {}
        said = json.loads(body) if body and call != "log" else {}
        if call == "lease":
            self.wishes.append(said)
            return (200, self.jobs.pop(0)) if self.jobs and not instead else (204, b"")
        lease = words[-2]
        if call == "heartbeat":
            self.beats.append((lease, said.get("progress")))
            return 200, {"leaseMs": self.lease_ms, "cancel": lease in self.cancel}
        if call == "log":
            old = self.logs.setdefault(lease, b"")
            offset = int(query["offset"])
            if offset <= len(old) and not instead:
                self.logs[lease] = old[:offset] + body
            return 200, {"accepted": len(self.logs[lease])}
        self.finished.append((lease, said))
        return 200, {}

    def worker(self, *flags, engine="ffmpeg"):
        work = self.folder / "hired-work"
        work.mkdir(exist_ok=True)
        worker = subprocess.Popen([BINARY, "worker", "--engine", str(engine), "--poll-ms", "50", "--work", str(work), *map(str, flags)],
                                  stdout=subprocess.DEVNULL, stderr=open(self.folder / "hired.log", "a"), stdin=subprocess.DEVNULL,
                                  env=clean_environment(SAFELIGHT_URL=self.url, SAFELIGHT_TOKEN="slt_wrk_x"))
        self.hired.append(worker)
        return worker

    def __exit__(self, *error):
        for worker in self.hired:
            worker.kill()
            worker.wait()
        super().__exit__(*error)

    def log(self):
        return (self.folder / "hired.log").read_text()

    def folders(self):
        return list((self.folder / "hired-work").iterdir())
