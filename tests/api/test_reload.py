"""SIGHUP: what changes under way in which process, what waits for a restart, and that a wrong file changes nothing."""
import concurrent.futures
import contextlib
import json
import os
import re
import signal

import pytest
import requests

from conftest import Web, canary, until
from promtext import value
from test_metrics import page
from test_processes import certificate, shown, signed


JOB = {"template": {"id": "T", "src": "https://example.com/t.aep", "composition": "c"}, "assets": [{"type": "text", "layerName": "l", "value": "x"}]}


class Conf:
    """A server with a file of settings, and its reloads."""

    def __init__(self, server, text):
        self.s, self.path = server, server.data / "safelight.conf"
        self.write(text)
        server.start()

    def write(self, text):
        self.path.write_text(text)
        self.path.chmod(0o600)

    def ends(self):
        return re.findall(r"event=reloaded settings=(\w+) tls=(\w+)|\"event\":\"reloaded\",\"settings\":(\w+),\"tls\":(\w+)", self.s.log())

    def reload(self, text=None):
        """Sends SIGHUP; returns (settings taken, certificate taken) when it is over."""
        if text is not None:
            self.write(text)
        before = len(self.ends())
        self.s.process.send_signal(signal.SIGHUP)
        end = until(lambda: self.ends()[before:], 10, "the reload's end")[0]
        return tuple(w == "true" for w in end if w)

    def said(self, event):
        return [re.search(r'setting="?([\w-]+)', line).group(1) for line in self.s.log().splitlines() if f"event={event} " in line]


@pytest.fixture
def conf(fresh):
    return lambda text="", *flags, **options: Conf(fresh(*flags, start=False, **options), text)


# --- what changes, where ---

def test_the_log_in_every_process(conf):
    c = conf("log-level = warn\n")
    c.s.call("GET", "/secrets")
    assert c.s.log() == ""
    c.write("log-level = debug\nlog-format = json\n")
    c.s.process.send_signal(signal.SIGHUP)
    until(lambda: '"event":"reloaded"' in c.s.log(), 10)
    requests.get(c.s.url + "/healthz", timeout=30)
    rows = until(lambda: (lambda r: r if any(x.get("route") == "/healthz" for x in r) else None)([json.loads(line) for line in c.s.log().splitlines()]), 10)
    assert {r["process"] for r in rows} >= {"safelight", "api"} and [r["level"] for r in rows if r.get("route") == "/healthz"] == ["debug"]
    c.write("log-level = error\naccess-log = off\n")
    c.s.process.send_signal(signal.SIGHUP)
    until(lambda: page(c.s)["safelight_config_reloads_total"]["samples"][("safelight_config_reloads_total", (("result", "applied"),))] == 2, 10)
    before = len(c.s.log())
    c.s.call("GET", "/secrets")
    c.s.process.send_signal(signal.SIGHUP)
    until(lambda: value(page(c.s), "safelight_config_reloads_total", result="applied") == 3, 10)
    assert len(c.s.log()) == before


def test_the_couriers_guards(conf, unique):
    """allow-* are the courier's: a webhook to this machine is refused, then sent, then refused again."""
    c = conf()
    c.s.put(unique, canary())
    with Web(lambda handler, body: (200, {}, b"")) as web:
        payload = {"webhook": {"url": web.url, "headers": {"A": "${secret.%s}" % unique}}}

        def delivered():
            job = c.s.render(payload, 'echo x > "$SAFELIGHT_OUTPUT"\n')
            text = until(lambda: (lambda t: t if "[webhook" in t else None)(c.s.job_log(job["id"])), 15)
            return "200 (attempt 1)" in text
        assert not delivered() and not web.seen
        assert c.reload("allow-loopback = on\n") == (True, True)
        assert not delivered() and not web.seen  # plain http with a secret
        courier = c.s.pids()["courier"]
        assert c.reload("allow-loopback = on\nallow-http = on\n") == (True, True)
        assert delivered() and len(web.seen) == 1
        assert c.reload("") == (True, True)
        assert not delivered() and len(web.seen) == 1
        assert c.s.pids()["courier"] == courier  # without a restart
    assert c.said("setting_changed") == ["allow-loopback", "allow-http", "allow-loopback", "allow-http"]


def test_a_courier_that_was_started_again_has_the_new_guards(conf, unique):
    c = conf()
    assert c.reload("allow-loopback = on\nallow-http = on\n") == (True, True)
    old = c.s.pids()["courier"]
    os.kill(old, signal.SIGKILL)
    until(lambda: c.s.pids().get("courier", old) != old, 10)
    with Web(lambda handler, body: (200, {}, b"")) as web:
        c.s.render({"webhook": {"url": web.url}}, 'echo x > "$SAFELIGHT_OUTPUT"\n')
        until(lambda: web.seen, 15)


def test_what_the_api_answers_with(conf):
    c = conf()
    worker = c.s.new_token("worker")
    made = c.s.call("POST", "/templates", {"type": "zip", "displayName": "t"}).json()
    assert made["uploadUrl"].startswith(c.s.url)
    assert c.reload("public-url = https://farm.example.com/render\nlease-ms = 30000\ntemplate-max-bytes = 1024\nspool-min-free-bytes = 0\n") == (True, True)
    other = c.s.call("POST", "/templates", {"type": "zip", "displayName": "t"}).json()
    assert other["uploadUrl"].startswith("https://farm.example.com/render/upload/")
    assert requests.put(made["uploadUrl"], b"PK" + bytes(1023), timeout=30).status_code == 413  # an address of before, the limit of now
    assert c.s.submit(JOB).status_code == 201
    lease = c.s.call("POST", "/worker/lease", {}, token=worker).json()
    assert lease["leaseMs"] == 30000 and lease["output"]["url"].startswith("https://farm.example.com/render/t/")
    assert c.reload(f"spool-min-free-bytes = {2**60}\n") == (True, True)
    assert c.s.submit(JOB).status_code == 201
    assert c.s.call("POST", "/worker/lease", {}, token=worker).status_code == 503
    assert value(page(c.s), "safelight_spool_full") == 1
    assert set(c.said("setting_changed")) == {"public-url", "lease-ms", "template-max-bytes", "spool-min-free-bytes"}


def test_who_may_read_metrics(conf):
    first, second = canary(40), canary(40)
    c = conf()
    asked = lambda token: requests.get(c.s.url + "/metrics", headers={"Authorization": "Bearer " + token}, timeout=30).status_code
    assert asked(first) == 404
    assert c.reload(f"metrics = token\nmetrics-token = {first}\n") == (True, True)
    assert (asked(first), asked(second)) == (200, 401)
    assert c.reload(f"metrics = token\nmetrics-token = {second}\n") == (True, True)
    assert (asked(first), asked(second)) == (401, 200)
    c.path.chmod(0o644)
    c.s.process.send_signal(signal.SIGHUP)
    until(lambda: ("false", "true", "", "") in c.ends(), 10)
    assert asked(second) == 200
    assert c.reload("") == (True, True)
    assert asked(second) == 404
    assert c.said("setting_changed") == ["metrics", "metrics-token", "metrics-token", "metrics", "metrics-token"]
    assert first not in c.s.log() and second not in c.s.log()


# --- what does not ---

def test_what_needs_a_restart_is_said_and_stays(conf):
    c = conf()
    url = c.s.url
    assert c.reload("threads = 3\nconnections = 20\nhead-deadline-ms = 200\nca-file = /nonexistent\nkeep-outputs = 1\n") == (True, True)
    assert c.said("setting_not_changed") == ["ca-file", "threads", "connections", "head-deadline-ms"]
    assert c.said("setting_changed") == ["keep-outputs"]
    assert requests.get(url + "/healthz", timeout=30).status_code == 200
    assert c.reload() == (True, True)  # said again each time, until somebody restarts
    assert len(c.said("setting_not_changed")) == 8 and c.said("setting_changed") == ["keep-outputs"]


def test_flags_and_environment_stay_stronger(conf):
    c = conf("", "--lease-ms", "20000", env={"SAFELIGHT_PUBLIC_URL": "https://env.example.com"})
    assert c.reload("lease-ms = 1000\npublic-url = https://file.example.com\n") == (True, True)
    assert c.s.call("POST", "/templates", {"type": "zip", "displayName": "t"}).json()["uploadUrl"].startswith("https://env.example.com/")
    assert not c.said("setting_changed")


@pytest.mark.parametrize("wrong", ["thread = 3", "lease-ms = 0", "log-level = %s", "public-url = %s", "%s", "%s = 1", "metrics = token", "lease-ms = 5000\nlease-ms = 5000",
                                   "tls-cert = /x"])
def test_a_wrong_file_changes_nothing_at_all(conf, wrong):
    secret = canary()
    c = conf("lease-ms = 40000\n")
    good = "allow-loopback = on\npublic-url = https://new.example.com\n" if "public-url" not in wrong else "allow-loopback = on\n"
    assert c.reload(good + (wrong % secret if "%s" in wrong else wrong) + "\n") == (False, True)
    assert not c.said("setting_changed")
    assert re.search(r'event=settings_refused problem="[^"]*safelight.conf:\d+: |event=settings_refused problem="tls-key: ', c.s.log())
    assert secret not in c.s.log()
    assert c.s.submit(JOB).status_code == 201
    lease = c.s.call("POST", "/worker/lease", {}, token=c.s.new_token("worker")).json()
    assert lease["leaseMs"] == 40000 and lease["output"]["url"].startswith(c.s.url)
    assert value(page(c.s), "safelight_config_reloads_total", result="settings_refused") == 1
    assert c.reload("lease-ms = 50000\n") == (True, True)  # and then it goes on


def test_a_file_that_went_away_is_the_defaults(conf):
    c = conf("lease-ms = 40000\n")
    c.path.unlink()
    assert c.reload() == (True, True)
    assert c.said("setting_changed") == ["lease-ms"]
    c.path.mkdir()
    assert c.reload() == (False, True)
    c.path.rmdir()


def test_many_at_once_while_it_works(conf):
    c = conf()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(lambda i=i: c.s.put(f"K{i}", canary()).status_code) for i in range(60)]
        for i in range(40):
            c.write(f"lease-ms = {1000 + i}\n" if i % 3 else "nope\n")
            c.s.process.send_signal(signal.SIGHUP)
        assert {f.result() for f in calls} == {201}
    assert c.reload("lease-ms = 7777\n") == (True, True)
    c.s.submit(JOB)
    assert c.s.call("POST", "/worker/lease", {}, token=c.s.new_token("worker")).json()["leaseMs"] == 7777
    assert set(c.s.pids()) == {"vault", "courier", "api"}


def held_by(pid):
    held = []
    for f in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed since
            held.append(os.readlink(f"/proc/{pid}/fd/{f}"))
    return held


def test_nobody_else_can_change_them(conf):
    """The page that the processes share is read-only in the three that talk to anybody."""
    c = conf()
    for pid in c.s.pids().values():
        maps = open(f"/proc/{pid}/maps").read()
        shared = [line.split()[1] for line in maps.splitlines() if "memfd:settings" in line]
        assert shared == ["r--s"], shared
        assert not [h for h in held_by(pid) if "memfd:settings" in h]


# --- certificates ---

@pytest.fixture
def tls(conf, folder):
    own = folder / "tls"  # apart from the root key, so that a new file in the place is reached
    own.mkdir()
    cert, key = certificate(own, "first")
    c = conf("", "--tls-cert", str(cert), "--tls-key", str(key))
    c.cert, c.key = cert, key
    return c


def test_a_certificate_that_is_wrong_changes_nothing(tls, folder):
    second, second_key = certificate(folder, "second")
    whole, key = second.read_bytes(), second_key.read_bytes()
    cases = [(b"", key), (whole[: len(whole) // 2], key), (whole, key[: len(key) // 2]), (whole, b""), (whole, tls.key.read_bytes()), (b"\x00" * 1000, key), (whole + whole[:100], key),
             (key, whole), (whole * 17, key), (b"x" * 300000, key)]
    for i, (c, k) in enumerate(cases):
        tls.cert.write_bytes(c)
        tls.key.write_bytes(k)
        assert tls.reload() == (True, False), i
        assert shown(tls.s) == "first"
    assert len([line for line in tls.s.log().splitlines() if "event=tls_not_reloaded" in line and "remedy=" in line]) == len(cases)
    assert "PRIVATE" not in tls.s.log() and str(tls.key) not in tls.s.log()
    tls.cert.unlink()
    assert tls.reload() == (True, False) and shown(tls.s) == "first"
    refusals = [line for line in tls.s.log().splitlines() if "event=tls_not_reloaded" in line]
    assert all('why="tls-' in line for line in refusals) and 'why="tls-cert: there is no such file"' in refusals[-1]
    assert 'why="tls-key: certificate and key do not belong together' in refusals[4]
    tls.cert.write_bytes(whole)
    tls.key.write_bytes(key)
    assert tls.reload() == (True, True) and shown(tls.s) == "second"


def test_it_is_read_again_also_when_the_settings_are_refused(tls, folder):
    second, second_key = certificate(folder, "second")
    tls.cert.write_bytes(second.read_bytes())
    tls.key.write_bytes(second_key.read_bytes())
    assert tls.reload("nope\n") == (False, True) and shown(tls.s) == "second"


@pytest.mark.parametrize("days, event, level", [(-1, "tls_certificate_expired", "error"), (3, "tls_certificate_expires", "warn"), (40, None, None)])
def test_the_end_of_a_certificate_is_told(tls, folder, days, event, level):
    made, _ = signed(folder, "other", ("localhost",), days)
    tls.cert.write_bytes((folder / "other.crt").read_bytes())
    tls.key.write_bytes((folder / "other.key").read_bytes())
    before = len(tls.s.log())
    assert tls.reload() == (True, True)
    told = [line for line in tls.s.log()[before:].splitlines() if "event=tls_certificate" in line]
    assert len(told) == (1 if event else 0) and all(f"level={level}" in line and f"event={event}" in line for line in told)
    assert value(page(tls.s), "safelight_tls_certificate_expiry_timestamp_seconds") == made.not_valid_after_utc.timestamp()


def test_without_tls_there_is_no_end(conf):
    assert "safelight_tls_certificate_expiry_timestamp_seconds" not in page(conf().s)
