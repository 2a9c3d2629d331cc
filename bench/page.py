"""docs/PERFORMANCE.md: its tables of figures, from what the parts returned."""
import os
import re
import subprocess
import time
from pathlib import Path

from common import ROLES, ROOT, fail, say

PAGE = ROOT / "docs" / "PERFORMANCE.md"
BEGIN, END = "<!-- figures: begin, written by tools/bench -->", "<!-- figures: end -->"


def mib(resident):
    """Sum over the processes in MiB, and which measure it is."""
    if all(pss is not None for _, pss in resident.values()):
        return sum(pss for _, pss in resident.values()) / 1024, "PSS"
    return sum(rss for rss, _ in resident.values()) / 1024, "RSS"


def verdict(met):
    return "met" if met else "**missed**"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(str(c) for c in row) + " |" for row in rows])


def targets(r):
    lst, put, refs, redact, idle = r["list"], r["put"], r["refs"]["target"], r["redact"], r["idle"]
    first, last = r["start"]["rows"][0], r["start"]["rows"][-1]
    idle_mib, measure = mib(idle["fresh"])
    start_mib, _ = mib(last["resident"])
    growth = max(last["list_us"] / first["list_us"], last["put_us"] / first["put_us"])
    full = last["size"] >= 1000000
    size = f"{last['size']:,}"
    rows = [[f"{what}, CPU per request", "at most 1.6 times nginx returning the same bytes",
             f"{lst[key]['ratio']:.2f} times", verdict(lst[key]["ratio"] <= 1.6), "list"]
            for what, key in (("list", "list"), ("authenticate", "auth"))]
    rows += [
        ["durable PUT over HTTP, 64 clients", "at least 0.7 of SQLite's own group commit of the same rows",
         f"{put['ratio_grouped']:.2f}", verdict(put["ratio_grouped"] >= 0.7), "put"],
        ["", "(beside one fsync a PUT)", f"{put['ratio_single']:.1f} times", "no target", "put"],
        ["", "at least 10 times OpenBao KV v2 on raft", "not measured yet", "", ""],
        ["find and splice 8 references in a 10 KiB payload", "at least 1 GB/s",
         f"{refs['gbs']:.2f} GB/s (memcpy {refs['memcpy_gbs']:.1f}; jansson {refs['jansson_x']:.0f} times slower)",
         verdict(refs["gbs"] >= 1), "refs"],
        ["pick up a job with 8 references, audited", "at least 20 times eight OpenBao KV v2 reads", "not measured yet",
         "", ""],
        *pickup_targets(r["pickup"]["rows"]),
        ["scrub a log for 100 values, 4 KiB chunks", "at least 1 GB/s",
         f"{redact['log']['gbs']:.2f} GB/s", verdict(redact["log"]["gbs"] >= 1), "redact"],
        ["", "never under 0.3 GB/s on hostile input",
         f"{redact['hostile']['gbs']:.2f} GB/s ({redact['hostile']['text']}, {redact['hostile']['values']} values)",
         verdict(redact["hostile"]["gbs"] >= 0.3), "redact"],
        ["start with 1,000,000 secrets", "under 0.3 s to the first answer",
         f"{last['answered_s']:.3f} s with {size}" + ("" if full else "; 1,000,000 not run"),
         verdict(last["answered_s"] < 0.3) if full else "", "start"],
        ["", "under 64 MiB resident", f"{start_mib:.1f} MiB with {size}" + ("" if full else "; 1,000,000 not run"),
         verdict(start_mib < 64) if full else "", "start"],
        ["cost per operation at 1,000,000 secrets against 1,000", "at most 1.2 times",
         f"{growth:.2f} times at {size}" + ("" if full else "; 1,000,000 not run"),
         verdict(growth <= 1.2) if full else "", "start"],
        ["idle server", "under 16 MiB resident, all processes", f"{idle_mib:.1f} MiB ({measure})",
         verdict(idle_mib < 16), "idle"],
        *queue_targets(r["queue"]["rows"]), *stream_targets(r["stream"])]
    return table(("work", "target", "measured", "", "reproduce with `tools/bench ...`"), rows)


def pickup_targets(rows):
    """Beside a server that resolves and audits nothing and keeps its queue in memory."""
    chosen = [r for r in rows if r["connections"] == 16]
    return [["" if i else "pick up, resolve 8 references, audit, on disk", "(beside nexrender-server 1.38, which does none of it)",
             f"{r['ratio']:.1f} times its rate with {r['queue']:,} waiting", "no target", "pickup"] for i, r in enumerate(chosen)]


def queue_targets(rows):
    first, last = rows[0], rows[-1]
    full = last["jobs"] >= 1000000
    growth = last["cpu_us"] / first["cpu_us"]
    return [["pick-up at 1,000,000 waiting jobs against 1,000", "at most 1.5 times, CPU",
             f"{growth:.2f} times at {last['jobs']:,}" + ("" if full else "; 1,000,000 not run"),
             verdict(growth <= 1.5) if full else "", "queue --million" if full else "queue"]]


def stream_targets(stream):
    size = f"{stream['bytes'] / (1 << 30):.3g} GiB"
    return [["memory while an output streams" if i == 0 else "", "at most 64 MiB at the peak, all processes",
             f"{row['peak_kib'] / 1024:.1f} MiB: {size} {way}", verdict(row["peak_kib"] <= 64 * 1024), "stream"]
            for i, (way, row) in enumerate(stream["rows"].items())]


def job_details(r):
    text = ["", "### pickup: a job with 8 references", "", table(
        ("jobs waiting", "connections", "Safelight a second", "ms, median", "CPU us", "audit records each", "nexrender a second",
         "ms, median", "CPU us", "ratio of rates"),
        [[f"{x['queue']:,}", x["connections"], f"{x['rate']:,.0f}", f"{x['p50_us'] / 1e3:.2f}", f"{x['cpu_us']:.0f}", f"{x['audited']:.0f}",
          f"{x['farm_rate']:,.0f}", f"{x['farm_p50_us'] / 1e3:.2f}", f"{x['farm_cpu_us']:.0f}", f"{x['ratio']:.2f}"]
         for x in r["pickup"]["rows"]])]
    text += ["", "### queue: a lease, in the store alone", "", table(
        ("jobs waiting", "CPU us", "us with its commit"),
        [[f"{x['jobs']:,}", f"{x['cpu_us']:.1f}", f"{x['wall_us']:.0f}"] for x in r["queue"]["rows"]])]
    stream = r["stream"]
    return text + ["", f"### stream: {stream['bytes'] / (1 << 20):,.0f} MiB, peak resident memory, KiB", "", table(
        ("way", "seconds", "MB/s", "sum of the peaks", *ROLES),
        [[way, f"{x['seconds']:.1f}", f"{stream['bytes'] / x['seconds'] / 1e6:,.0f}", x["peak_kib"], *(x["roles"][role] for role in ROLES)]
         for way, x in stream["rows"].items()])]


def details(r):
    put = r["put"]
    text = ["### list, auth: CPU per request", "", table(
        ("", "body bytes", "Safelight us", "nginx us", "ratio", "Safelight req/s", "nginx req/s"),
        [[k, v["bytes"], f"{v['ours_us']:.2f}", f"{v['nginx_us']:.2f}", f"{v['ratio']:.2f}", f"{v['ours_rate']:,.0f}",
          f"{v['nginx_rate']:,.0f}"] for k, v in r["list"].items()])]
    text += ["", "### put: durable PUTs a second", "", table(
        ("way", "a second", "Safelight over HTTP against it"),
        [["`PUT /api/v2/secrets`, 64 connections", f"{put['rate']:,.0f}", ""],
         ["the store alone, 64 threads", f"{put['store']:,.0f}", f"{put['rate'] / put['store']:.2f}"],
         ["SQLite, 64 rows a transaction", f"{put['grouped']:,.0f}", f"{put['ratio_grouped']:.2f}"],
         ["SQLite, one row a transaction", f"{put['single']:,.0f}", f"{put['ratio_single']:.2f}"]]),
             "", f"A PUT over HTTP took {put['p50_us'] / 1e3:.2f} ms (median) and {put['p99_us'] / 1e3:.2f} ms (99 %), and "
             f"{put['cpu_us']:.0f} us of CPU in all processes together. The store alone did "
             f"{put['store_ratio']:.2f} of SQLite's group commit."]
    text += ["", "### refs: scan and splice", "", table(
        ("payload bytes", "references", "scan and splice GB/s", "scan GB/s", "memcpy GB/s", "jansson GB/s",
         "jansson / ours"),
        [[f"{x['bytes']:,.0f}", f"{x['refs']:.0f}", f"{x['gbs']:.2f}", f"{x['scan_gbs']:.2f}", f"{x['memcpy_gbs']:.1f}",
          f"{x['bytes'] / x['jansson_us'] / 1e3:.3f}", f"{x['jansson_x']:.1f}"] for x in r["refs"]["rows"]])]
    text += ["", f"### redact: scrubbing (memcpy {r['redact']['memcpy_gbs']:.1f} GB/s)", "", table(
        ("text", "values", "GB/s", "built in ms", "set, KiB"),
        [[x["text"], x["values"], f"{x['gbs']:.2f}", f"{x['build_ms']:.1f}", f"{x['bytes'] / 1024:,.0f}"]
         for x in r["redact"]["rows"]])]
    text += ["", "### idle: resident memory, KiB", "", table(
        ("process", "RSS, fresh", "PSS, fresh", "RSS, after load", "PSS, after load"), idle_rows(r["idle"]))]
    text += ["", "### start: by number of secrets", "", table(
        ("secrets", "ready s", "first answer s", "resident MiB", "list CPU us", "PUT CPU us"),
        [[f"{x['size']:,}", f"{x['ready_s']:.3f}", f"{x['answered_s']:.3f}", "{:.1f} ({})".format(*mib(x["resident"])),
          f"{x['list_us']:.2f}", f"{x['put_us']:.0f}"] for x in r["start"]["rows"]])]
    return "\n".join(text + job_details(r))


def idle_rows(idle):
    rows = []
    for role in ROLES:
        cells = [c if c is not None else "-" for when in ("fresh", "used") for c in idle[when][role]]
        rows.append([role, *cells])
    sums = [sum(idle[when][role][i] or 0 for role in ROLES) for when in ("fresh", "used") for i in (0, 1)]
    return rows + [["sum", *sums]]


def machine():
    info = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*:\s*(.+)", info)
    memory = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[1]) // 1024 // 1024
    return (f"{model[1] if model else os.uname().machine}, {os.cpu_count()} cores, {memory} GiB, "
            f"Linux {os.uname().release}")


def commit():
    done = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True)
    return done.stdout.strip() or "no repository"


def write_page(results, command):
    text = PAGE.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        fail(f"{PAGE} has lost its markers")
    load = os.getloadavg()[0]
    figures = "\n".join(["", f"{time.strftime('%Y-%m-%d')}, revision {commit()}, on {machine()}. Load average at the end: "
                         f"{load:.1f}. All of it: `{command}`.", "", targets(results), "", details(results), ""])
    PAGE.write_text(before + begin + "\n" + figures + "\n" + end + after)
    say(f"wrote {PAGE.relative_to(ROOT)}")
