"""The parts about secrets: list, put, refs, redact, idle, start. Each returns what the page needs."""
import re
import shutil
import statistics
import time

from common import BUILD, Server, run
from peers import Nginx, raw_answer, wrk

TEAM_MAX = 99000  # secrets per team: a little under the limit
PUT_ROWS = 25600  # the rows of bench_store


def part_list(work, quick):
    path = "/api/v2/secrets"
    seconds, rounds = (1, 1) if quick else (4, 5)
    with Server(work / "list") as server:
        empty = server.team("empty")
        server.put(server.token, 5, "prod")
        tokens = {"list": server.token, "auth": empty}
        answers = {"/list": raw_answer(server.port, path, server.token),
                   "/auth": raw_answer(server.port, path, empty)}
        with Nginx(work / "nginx", answers) as nginx:
            for what, token in tokens.items():  # warm
                wrk(server.port, path, token, 1, server.pids)
                wrk(nginx.port, "/" + what, token, 1, nginx.pids)
            seen = {}
            for _ in range(rounds):
                for what, token in tokens.items():
                    seen.setdefault((what, "nginx"), []).append(wrk(nginx.port, "/" + what, token, seconds, nginx.pids))
                    seen.setdefault((what, "ours"), []).append(wrk(server.port, path, token, seconds, server.pids))
    result = {}
    for what in tokens:
        ours, nginx = seen[what, "ours"], seen[what, "nginx"]
        result[what] = {
            "bytes": len(answers["/" + what][1]),
            "ours_us": statistics.median(u for u, _ in ours), "nginx_us": statistics.median(u for u, _ in nginx),
            "ratio": statistics.median(a[0] / b[0] for a, b in zip(ours, nginx)),
            "ours_rate": statistics.median(r for _, r in ours), "nginx_rate": statistics.median(r for _, r in nginx)}
    return result


def part_put(work, quick):
    puts, store = [], []
    for i in range(1 if quick else 3):
        with Server(work / f"put{i}") as server:
            server.put(server.token, 500, "warm")
            puts.append(server.put(server.token, 3000 if quick else PUT_ROWS, "prod"))
        shutil.rmtree(work / f"put{i}")
        out = run(BUILD / "bench" / "bench_store", work)
        store.append([float(re.search(rf"^{name}.*?(\d+) puts/s", out, re.M).group(1))
                      for name in ("store_write", "SQLite, 64", "SQLite, one")])
    middle = statistics.median
    rate = middle(p["rate"] for p in puts)
    own, grouped, single = (middle(s[i] for s in store) for i in range(3))
    return {"rate": rate, "p50_us": middle(p["p50_us"] for p in puts), "p99_us": middle(p["p99_us"] for p in puts),
            "cpu_us": middle(p["cpu_us"] for p in puts), "store": own, "grouped": grouped, "single": single,
            "ratio_grouped": middle(p["rate"] / s[1] for p, s in zip(puts, store)),
            "ratio_single": middle(p["rate"] / s[2] for p, s in zip(puts, store)),
            "store_ratio": middle(s[0] / s[1] for s in store)}


def part_refs(work, quick):
    out = run(BUILD / "bench" / "bench_refs")
    names = ("bytes", "refs", "ours_us", "gbs", "scan_gbs", "memcpy_gbs", "jansson_us", "x_memcpy", "jansson_x")
    rows = [dict(zip(names, (float(w.rstrip("x")) for w in line.split()))) for line in out.splitlines()[1:]]
    return {"rows": rows, "target": next(r for r in rows if r["refs"] == 8)}


def part_redact(work, quick):
    out = run(BUILD / "bench" / "bench_redact")
    pattern = r"^(.+?)\s+(\d+) values  built in\s+([\d.]+) ms\s+([\d.]+) GB/s  \(memcpy /\s*([\d.]+)\)\s+(\d+) bytes"
    rows = [{"text": m[1], "values": int(m[2]), "build_ms": float(m[3]), "gbs": float(m[4]), "bytes": int(m[6])}
            for m in re.finditer(pattern, out, re.M)]
    return {"rows": rows, "memcpy_gbs": float(re.search(r"chunks: ([\d.]+) GB/s", out)[1]),
            "log": next(r for r in rows if r["text"] == "log" and r["values"] == 100),
            "hostile": min((r for r in rows if r["text"].startswith("hostile") and r["values"] <= 1000), key=lambda r: r["gbs"])}


def part_idle(work, quick):
    with Server(work / "idle") as server:
        time.sleep(1 if quick else 3)
        fresh = server.resident()
        wrk(server.port, "/api/v2/secrets", server.token, 1 if quick else 4, server.pids)
        server.put(server.token, 1000 if quick else 20000, "prod")
        time.sleep(1 if quick else 3)
        used = server.resident()
    return {"fresh": fresh, "used": used}


def part_start(work, quick, million=False):
    sizes = (100, 1000) if quick else (1000, 100000) + ((1000000,) if million else ())
    rows = []
    for size in sizes:
        data = work / f"start{size}"
        with Server(data) as server:
            small, began = server.team("small"), time.monotonic()
            server.put(small, 5, "prod")
            for i in range(0, size, TEAM_MAX):
                server.put(server.team(f"t{i}"), min(TEAM_MAX, size - i), "prod")
            filled_s = time.monotonic() - began
        starts, resident = [], None
        for _ in range(2 if quick else 5):
            with Server(data) as server:
                server.get(small)
                starts.append((server.ready_s, server.answered_s))
                resident = server.resident()
        with Server(data) as server:
            lists = [wrk(server.port, "/api/v2/secrets", small, 1 if quick else 3, server.pids)[0] for _ in range(3)]
            puts = [server.put(server.team(f"more{i}"), 500 if quick else 10000, "prod")["cpu_us"] for i in range(3)]
        shutil.rmtree(data)
        rows.append({"size": size, "filled_s": filled_s, "ready_s": statistics.median(s[0] for s in starts),
                     "answered_s": statistics.median(s[1] for s in starts), "resident": resident,
                     "list_us": statistics.median(lists), "put_us": statistics.median(puts)})
    return {"rows": rows}
