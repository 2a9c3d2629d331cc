"""What every part of tools/bench uses: the build, processes and what they cost, a server of ours."""
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build-bench"
SAFELIGHT = BUILD / "safelight"
BENCHES = ("pickup", "put", "queue", "redact", "refs", "store")
TICK_US = 1e6 / os.sysconf("SC_CLK_TCK")
PUT_CONNECTIONS = 64
ROLES = ("supervisor", "vault", "courier", "api")


def say(text):
    print(text, flush=True)


def fail(text):
    sys.exit(f"tools/bench: {text}")


def run(*argv, **more):
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, **more)
    if done.returncode != 0:
        fail(f"{Path(str(argv[0])).name} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def build():
    say("building build-bench")
    if not (BUILD / "build.ninja").exists():
        run("meson", "setup", BUILD, "--buildtype=release", cwd=ROOT)
    run("ninja", "-C", BUILD, "safelight", *(f"bench/bench_{b}" for b in BENCHES))


# --- processes ---

def stat_fields(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def children(pid):
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if int(stat_fields(entry.name)[1]) == pid:
                    found.append(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                pass
    return found


def cpu_us(pids):
    """User and system time of the processes, with all their threads."""
    total = 0
    for pid in pids:
        fields = stat_fields(pid)
        total += int(fields[11]) + int(fields[12])
    return total * TICK_US


def resident_kib(pid):
    """RSS, and PSS (what is shared counts by its share); PSS is None where only root may read it."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        pss = int(re.search(r"^Pss:\s+(\d+)", rollup, re.M).group(1))
    except (PermissionError, AttributeError):
        pss = None
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024, pss


class Server:
    """safelight serve on a data directory of its own (made when `data` does not exist)."""

    def __init__(self, data, *flags):
        self.data = data
        if not data.exists():
            token = run(SAFELIGHT, "init", "--data", data, "--team", "bench").strip()
            (data.parent / (data.name + ".token")).write_text(token)
        self.token = (data.parent / (data.name + ".token")).read_text()
        began = time.monotonic()
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen([SAFELIGHT, "serve", "--data", data, "--listen", "127.0.0.1:0", "--access-log", "off", *flags],
                                        stdout=subprocess.PIPE, stderr=self.log)
        line = self.process.stdout.readline().decode()
        self.ready_s = time.monotonic() - began
        if "ready on" not in line:
            self.log.seek(0)
            fail("safelight serve did not start:\n" + self.log.read().decode()[-2000:])
        self.url = line.split()[-1]
        self.port = int(self.url.rpartition(":")[2])
        self.get(self.token)
        self.answered_s = time.monotonic() - began

    def __enter__(self):
        self.pids = [self.process.pid] + children(self.process.pid)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)
        self.process.stdout.close()

    def roles(self):
        names = {Path(f"/proc/{p}/comm").read_text().strip(): p for p in self.pids[1:]}
        return {"supervisor": self.pids[0], **names}

    def get(self, token, path="/api/v2/secrets"):
        request = urllib.request.Request(self.url + path, headers={"Authorization": "Bearer " + token})
        with urllib.request.urlopen(request) as answer:
            return answer.read()

    def team(self, name):
        """A new team; its admin token."""
        return run(SAFELIGHT, "team", "create", name, "--data", self.data).strip().split()[-1]

    def put(self, token, count, prefix, seconds=600):
        """Puts `count` new secrets over 64 connections; what bench_put printed, and the CPU of it."""
        before = cpu_us(self.pids)
        answer = json.loads(run(BUILD / "bench" / "bench_put", self.port, PUT_CONNECTIONS, seconds, count, prefix,
                                env={**os.environ, "SAFELIGHT_TOKEN": token}))
        answer["cpu_us"] = (cpu_us(self.pids) - before) / answer["requests"]
        answer["rate"] = answer["requests"] / answer["seconds"]
        return answer

    def resident(self):
        return {role: resident_kib(pid) for role, pid in self.roles().items()}
