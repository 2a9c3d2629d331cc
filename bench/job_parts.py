"""The parts about jobs: pick-up, a long queue, large outputs. Each returns what the page needs."""
import http.client
import json
import re
import statistics
import threading
import time
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from common import BUILD, Server, cpu_us, run
from peers import Farm

REFERENCES = 8
FARM_WORK = 2000000  # jobs that the other server writes out in one round: it writes all of them each time
BLOCK = bytes(1 << 20)


# --- pickup: a job with 8 references, beside a server that resolves nothing ---

def job(values):
    """The same job for both, but for the names of its parts."""
    return {"template": {"id": "BENCH", "src": "https://example.com/template.aep", "composition": "main"},
            "assets": [{"type": "data", "layerName": f"layer {i}", "property": "Source Text", "value": v} for i, v in enumerate(values)]}


def farm_jobs(count, values):
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    return [{**job(values), "uid": f"bench{i:08}", "type": "default", "state": "queued", "output": "", "tags": "primary", "priority": 0,
             "actions": {"prerender": [], "postrender": []}, "createdAt": now, "updatedAt": now} for i in range(count)]


def call(server, method, path, body, token):
    request = urllib.request.Request(server.url + path, json.dumps(body).encode() if body is not None else None, method=method,
                                     headers={"Authorization": "Bearer " + token, "Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read())


def worker_token(server):
    return call(server, "POST", "/api/v2/tokens", {"role": "worker"}, server.token)["token"]


def pick_up(port, token, connections, count, pids):
    before = cpu_us(pids)
    out = json.loads(run(BUILD / "bench" / "bench_pickup", port, connections, count, env={"SAFELIGHT_TOKEN": token}))
    return {"rate": out["requests"] / out["seconds"], "p50_us": out["p50_us"], "cpu_us": (cpu_us(pids) - before) / out["requests"]}


def ours(work, name, count, values, connections):
    with Server(work / name) as server:
        for i, value in enumerate(values):
            call(server, "PUT", "/api/v2/secrets", {"name": f"VALUE_{i}", "value": value}, server.token)
        payload = job(["${secret.VALUE_%d}" % i for i in range(REFERENCES)])
        for i in range(0, count, 1000):
            call(server, "POST", "/api/v2/batches", {"jobs": [payload] * min(1000, count - i)}, server.token)
        audited = last_sequence(server)
        got = pick_up(server.port, worker_token(server), connections, count, server.pids)
        got["audited"] = (last_sequence(server) - audited) / count
    return got


def last_sequence(server):
    last = 0
    while True:
        rows = call(server, "GET", f"/api/v2/audit?after={last}&limit=1000", None, server.token)
        if not rows:
            return last
        last = rows[-1]["sequence"]


def part_pickup(work, quick):
    values = [f"wJalrXUtnFEMI/K7MDENG/bPxRfiCY{i:04}" for i in range(REFERENCES)]
    rows = []
    for queue in (50, 100) if quick else (100, 1000, 10000):
        for connections in (1, 16):
            mine, theirs = [], []
            for i in range(1 if quick else 3):
                mine.append(ours(work, f"pickup-{queue}-{connections}-{i}", queue, values, connections))
                with Farm(work, farm_jobs(queue, values), "bench") as farm:
                    theirs.append(pick_up(farm.port, "bench", connections, min(queue, FARM_WORK // queue), farm.pids))
            rows.append({"queue": queue, "connections": connections, "audited": mine[0]["audited"],
                         **{k: statistics.median(m[k] for m in mine) for k in ("rate", "p50_us", "cpu_us")},
                         **{"farm_" + k: statistics.median(t[k] for t in theirs) for k in ("rate", "p50_us", "cpu_us")},
                         "ratio": statistics.median(m["rate"] / t["rate"] for m, t in zip(mine, theirs))})
    return {"rows": rows}


# --- queue: what a pick-up costs by the number of jobs that wait ---

def part_queue(work, quick, million=False):
    sizes = (1000, 5000) if quick else (1000, 100000) + ((1000000,) if million else ())
    rows = [[] for _ in sizes]
    for _ in range(1 if quick else 3):
        for i, size in enumerate(sizes):
            rows[i].append(json.loads(run(BUILD / "bench" / "bench_queue", work, size, 400)))
    return {"rows": [{"jobs": size, "cpu_us": statistics.median(r["cpu_us"] for r in row),
                      "wall_us": statistics.median(r["wall_us"] for r in row)} for size, row in zip(sizes, rows)]}


# --- stream: memory while a large output goes in and out ---

class Bucket:
    """An S3 that forgets: takes objects whole and in parts."""

    def __init__(self):
        received = self.received = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def take(self):
                left = int(self.headers.get("Content-Length") or 0)
                received.append(left)
                while left:
                    left -= len(self.rfile.read(min(left, len(BLOCK))))

            def answer(self, body=b"", **headers):
                self.send_response(200)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def do_PUT(self):
                self.take()
                self.answer(ETag='"0123456789abcdef0123456789abcdef"')

            def do_POST(self):
                begins = re.search(r"[?&]uploads(&|=|$)", self.path)
                self.take()
                received.pop()
                self.answer(b"<InitiateMultipartUploadResult><UploadId>bench</UploadId></InitiateMultipartUploadResult>" if begins else
                            b"<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>",
                            **{"Content-Type": "application/xml"})

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def reset_peaks(pids):
    """Takes root; else the peak is that since the start."""
    for pid in pids:
        try:
            Path(f"/proc/{pid}/clear_refs").write_text("5")
        except OSError:
            return


def peak_kib(pid):
    return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])


def measured(server, what):
    """Peaks of all processes while `what` runs, and its seconds."""
    reset_peaks(server.pids)
    before, began = sum(peak_kib(p) for p in server.pids), time.monotonic()
    what()
    return {"seconds": time.monotonic() - began, "before_kib": before, "peak_kib": sum(peak_kib(p) for p in server.pids),
            "roles": {role: peak_kib(pid) for role, pid in server.roles().items()}}


def send_zeros(url, size):
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port)
    connection.putrequest("PUT", parts.path)
    connection.putheader("Content-Length", str(size))
    connection.endheaders()
    for _ in range(size // len(BLOCK)):
        connection.send(BLOCK)
    answer = connection.getresponse()
    if answer.status != 201:
        raise SystemExit(f"tools/bench: the output was answered {answer.status}: {answer.read()[:500]}")
    answer.read()
    connection.close()


def fetch_all(url, size):
    got = 0
    with urllib.request.urlopen(url) as answer:
        while piece := answer.read(len(BLOCK)):
            got += len(piece)
    assert got == size, (got, size)


def until_ended(server, job_id):
    while True:
        state = call(server, "GET", "/api/v2/jobs/" + job_id, None, server.token)
        if state["status"] in ("finished", "error"):
            assert state["status"] == "finished", state
            return
        time.sleep(0.05)


def stream_one(server, worker, size, more):
    """A job whose output goes in; measured, and what is left to do."""
    made = call(server, "POST", "/api/v2/jobs", {"engine": "bench", "assets": [], **more}, server.token)
    lease = call(server, "POST", "/api/v2/worker/lease", {"engines": "bench"}, worker)
    into = measured(server, lambda: send_zeros(lease["output"]["url"], size))

    def finish():
        call(server, "POST", f"/api/v2/worker/leases/{lease['lease']}/finish", {"state": "finished"}, worker)
        until_ended(server, made["id"])
    return made, into, finish


def part_stream(work, quick):
    size = (192 << 20) if quick else (4 << 30)  # above a part of a multipart upload
    flags = ("--allow-loopback", "on", "--allow-http", "on")
    with Bucket() as bucket, Server(work / "stream", *flags) as server:
        worker = worker_token(server)
        made, into, finish = stream_one(server, worker, size, {})
        finish()
        out = measured(server, lambda: fetch_all(made["outputUrl"], size))
        call(server, "PUT", "/api/v2/secrets", {"name": "KEY", "value": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}, server.token)
        params = {"region": "r", "bucket": "b", "endpoint": bucket.url, "accessKeyId": "${secret.KEY}", "accessKeySecret": "${secret.KEY}"}
        _, _, finish = stream_one(server, worker, size, {"upload": {"params": params}})
        stored = measured(server, finish)
        assert sum(bucket.received) >= size
    return {"bytes": size, "rows": {"in, from the worker": into, "out, by its signed address": out, "out, to S3": stored}}
