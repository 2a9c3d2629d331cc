"""/metrics: who may read it, what it counts, and that it says nothing about anybody; /readyz; the access log; request ids."""
import http.client
import json
import concurrent.futures
import os
import re
import signal
import socket
import subprocess
import textwrap
import time

import pytest
import requests

from common import hook
from conftest import OPEN, ROOT, Server, canary, until
from promtext import read, value


class Local(http.client.HTTPConnection):
    """HTTP over a UNIX socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self.path)


def local(path, target, **headers):
    """(status, headers, text) of a GET over a UNIX socket."""
    c = Local(path)
    c.request("GET", target, headers=headers)
    answer = c.getresponse()
    try:
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        c.close()


def page(s):
    status, headers, text = local(s.data / "safelight.sock", "/metrics")
    assert status == 200 and headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8", text
    return read(text)


def grows(s, name, by=1, **labels):
    """Waits until a counter is `by` above what it was when this was called; returns a function that does so."""
    before = value(page(s), name, **labels)
    return lambda: until(lambda: value(page(s), name, **labels) >= before + by, 15, f"{name} {labels} growing")


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    s = Server(tmp_path_factory.mktemp("metrics"), *OPEN)
    yield s
    assert s.stop() == 0


PROMTOOL = ROOT / ".venv/bin/promtool"
TABLE = re.findall(r'^METRIC\((\w+), (\w+), "(\w+)", (\d+), "([\w,]*)"', (ROOT / "src/base/metric.def").read_text(), re.M)


# --- who may read it ---

def test_by_default_nobody_on_the_network(own):
    for headers in ({}, {"Authorization": "Bearer " + own.token}, {"Authorization": "Bearer " + own.new_token("audit")}):
        for path in ("/metrics", "/api/v2/metrics", "/metrics/"):
            answer = requests.get(own.url + path, headers=headers, timeout=30)
            assert answer.status_code == 404 and "safelight_" not in answer.text
    assert local(own.data / "safelight.sock", "/metrics")[0] == 200


def test_with_a_token_of_the_file(fresh):
    token = canary(48)
    s = fresh(start=False)
    (s.data / "safelight.conf").write_text(f"metrics = token\nmetrics-token = {token}\n")
    (s.data / "safelight.conf").chmod(0o600)
    s.start()
    for given in (None, "Bearer", "Bearer ", f"Basic {token}", f"Bearer {token[:-1]}", f"Bearer {token}x", token, "Bearer " + s.token, f"Bearer {token.upper()}", "Bearer " + "0" * 64):
        answer = requests.get(s.url + "/metrics", headers={"Authorization": given} if given else {}, timeout=30)
        assert answer.status_code == 401 and answer.json()["code"] == "UNAUTHORIZED" and answer.headers["WWW-Authenticate"] == "Bearer", given
    answer = requests.get(s.url + "/metrics", headers={"Authorization": f"Bearer {token}"}, timeout=30)
    assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store"
    assert value(read(answer.text), "safelight_auth_failures_total", reason="metrics") == 10
    assert requests.head(s.url + "/metrics", headers={"Authorization": f"Bearer {token}"}, timeout=30).status_code == 200
    assert requests.post(s.url + "/metrics", headers={"Authorization": f"Bearer {token}"}, timeout=30).status_code == 405
    assert token not in s.log() and token not in answer.text
    assert requests.get(s.base + "/secrets", headers={"Authorization": f"Bearer {token}"}, timeout=30).status_code == 401  # good for nothing else
    assert token.encode() not in b"".join(p.read_bytes() for p in s.files() if p.name != "safelight.conf")


def test_from_this_machine_but_not_through_a_proxy_on_it(fresh):
    s = fresh("--metrics", "loopback")
    assert requests.get(s.url + "/metrics", timeout=30).status_code == 200
    for name in ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via", "x-forwarded-for"):
        assert requests.get(s.url + "/metrics", headers={name: "127.0.0.1"}, timeout=30).status_code == 404


def test_not_over_the_public_unix_socket(fresh, folder):
    s = fresh("--metrics", "loopback", start=False)
    path = folder / "http.sock"
    from test_systemd import serving
    with serving(s.data, "--metrics", "loopback", "--listen", f"unix:{path}"):
        assert local(path, "/healthz")[0] == 200
        assert local(path, "/metrics")[0] == 404


# --- what it says ---

@pytest.mark.slow
@pytest.mark.skipif(not PROMTOOL.exists(), reason="tools/setup check brings Prometheus' own tool")
def test_prometheus_own_tool_takes_the_page_and_what_the_documentation_says(own, folder):
    def promtool(*words, **options):
        done = subprocess.run([PROMTOOL, *words], capture_output=True, text=True, timeout=60, **options)
        assert done.returncode == 0 and not done.stderr, done.stdout + done.stderr
    own.put("K", canary())  # so that there is something to count
    promtool("check", "metrics", input=local(own.data / "safelight.sock", "/metrics")[2])
    manual = (ROOT / "docs/metrics.md").read_text()
    (folder / "token").write_text("x")
    [scrape] = re.findall(r"^    # prometheus.yml\n((?:    .*\n)+)", manual, re.M)
    (folder / "prometheus.yml").write_text(textwrap.dedent(scrape).replace("/etc/prometheus/safelight-token", str(folder / "token")))
    promtool("check", "config", str(folder / "prometheus.yml"))
    alarms = re.findall(r"^\| [^|]+ \| `(.*safelight_.*)` \|$", manual.split("## What to watch")[1], re.M)
    assert len(alarms) >= 8 and {name for a in alarms for name in re.findall(r"safelight_\w+", a)} <= {row[2] for row in TABLE}
    (folder / "rules.yml").write_text(json.dumps({"groups": [{"name": "safelight", "rules": [{"alert": f"A{i}", "expr": a} for i, a in enumerate(alarms)]}]}))
    promtool("check", "rules", str(folder / "rules.yml"))


def test_every_metric_of_the_table_is_there_and_no_other(own):
    seen = page(own)
    assert set(seen) == {name for _, _, name, _, _ in TABLE} - {"safelight_tls_certificate_expiry_timestamp_seconds"}
    for _, kind, name, _, labels in TABLE:
        if name not in seen:
            continue
        assert seen[name]["type"] == {"COUNTER": "counter", "GAUGE": "gauge"}.get(kind, "histogram")
        for sample, pairs in seen[name]["samples"]:
            assert {l for l, _ in pairs} - {"le"} == set(filter(None, labels.split(","))), sample
    assert value(seen, "safelight_vault_up") == value(seen, "safelight_courier_up") == value(seen, "safelight_store_writable") == 1
    assert value(seen, "safelight_build_info", version="0.1.0") == 1


def test_requests_are_counted_by_route_and_status(own, unique):
    first = grows(own, "safelight_http_requests_total", method="PUT", route="/secrets", status="2xx")
    again = grows(own, "safelight_http_requests_total", method="PUT", route="/secrets", status="4xx")
    lost = grows(own, "safelight_http_requests_total", method="none", route="none", status="4xx")
    shown = grows(own, "safelight_http_requests_total", 2, method="GET", route="/jobs/{id}", status="4xx")
    timed = grows(own, "safelight_http_request_duration_seconds_count", 5)
    own.put(unique, canary())
    own.put(unique, canary())
    own.call("GET", "/" + unique)
    own.call("GET", "/jobs/" + unique)
    own.call("HEAD", "/jobs/01ARZ3NDEKTSV4RRFFQ69G5FAV")  # counts as the GET that it is
    for grown in (first, again, lost, shown, timed):
        grown()


def test_refused_tokens_are_counted_by_reason(own):
    unknown = grows(own, "safelight_auth_failures_total", reason="unknown")
    role = grows(own, "safelight_auth_failures_total", reason="role")
    own.call("GET", "/secrets", token="slt_adm_" + "A" * 60)
    own.call("GET", "/secrets", token=own.new_token("worker"))
    unknown()
    role()


def test_secrets_jobs_and_deliveries_are_counted(own, studio, unique):
    events = ("secret.created", "secret.used", "secret.exposed", "job.submitted", "job.leased", "job.ended")
    grown = [grows(own, "safelight_audit_records_total", event=e) for e in events]
    grown += [grows(own, "safelight_jobs_ended_total", state="finished"), grows(own, "safelight_deliveries_total", kind="webhook", result="done"),
              grows(own, "safelight_vault_requests_total", request="seal", result="ok"), grows(own, "safelight_store_commit_seconds_count", 3),
              grows(own, "safelight_store_group_operations_sum", 3)]
    own.put(unique, canary())
    job = own.render({"assets": [{"type": "text", "layerName": "l", "value": "${secret.%s}" % unique}],
                      "webhook": hook(studio, unique, headers={"Authorization": "Bearer ${secret.%s}" % unique})}, 'echo x > "$SAFELIGHT_OUTPUT"\n')
    assert job["status"] == "finished", job
    for g in grown:
        g()


def test_addresses_that_nobody_gave_take_no_turn_of_the_writer(own):
    """They need no token: what writes waits for none who tries some out."""
    before = value(page(own), "safelight_store_group_operations_sum")
    with requests.Session() as s:
        for i in range(50):
            for method, tail in (("GET", ""), ("PUT", ""), ("POST", ""), ("PUT", "/log")):
                assert s.request(method, f"{own.url}/t/{i:032}{tail}", timeout=60).status_code == 404
    assert value(page(own), "safelight_store_group_operations_sum") - before < 100  # the server's own


def test_jobs_that_wait_and_that_are_rendered(fresh):
    s = fresh("--lease-ms", "4000")
    assert value(page(s), "safelight_jobs", state="queued") == 0 and value(page(s), "safelight_queue_oldest_seconds") == 0
    job = {"template": {"id": "T", "src": "https://example.com/t.aep", "composition": "c"}, "assets": [{"type": "text", "layerName": "l", "value": "x"}]}
    for tags in ([], ["a", "b", "c"]):
        assert s.submit({**job, "tags": tags} if tags else job).status_code == 201
    assert value(page(s), "safelight_jobs", state="queued") == 2
    until(lambda: value(page(s), "safelight_queue_oldest_seconds") > 0.02, 5)
    expired = grows(s, "safelight_leases_expired_total", result="requeued")
    assert s.call("POST", "/worker/lease", {}, token=s.new_token("worker")).status_code == 200
    assert (value(page(s), "safelight_jobs", state="queued"), value(page(s), "safelight_jobs", state="rendering")) == (1, 1)
    expired()
    assert value(page(s), "safelight_jobs", state="queued") == 2


def test_abuse_020_061_nothing_of_anybody_is_in_the_metrics(own, unique):
    """Names, ids, tokens, values, paths, queries."""
    value_, name, team = canary(), "NAME-" + unique, "team-" + unique.lower()
    token = own.team(team)
    made = own.put(name, value_, token=token).json()
    own.call("GET", f"/secrets/{made['id']}?q={value_}", token=token)
    own.call(value_[:8].upper(), f"/{value_}")
    own.call("GET", "/" + value_, headers={"X-Request-Id": value_, "User-Agent": value_})
    text = local(own.data / "safelight.sock", "/metrics")[2]
    for secret in (value_, name, team, made["id"], token, own.token, "studio", value_[:8].upper(), str(own.data)):
        assert secret not in text
    assert len(text) < 256 * 1024


def test_a_hostile_client_makes_no_series(own):
    before = len(local(own.data / "safelight.sock", "/metrics")[2].splitlines())
    for i in range(200):
        own.call("GET", f"/nothing/{canary()}")
        own.call("GET", f"/jobs/{canary()}")
    assert len(local(own.data / "safelight.sock", "/metrics")[2].splitlines()) <= before + 4


def test_the_courier_that_dies_is_seen(fresh):
    s = fresh()
    restarted = grows(s, "safelight_process_restarts_total", process="courier")

    def seen_down():
        """It is back soon at first, and later each time."""
        courier = s.pids().get("courier")
        if courier:
            os.kill(courier, signal.SIGKILL)
        answer = requests.get(s.url + "/readyz", timeout=30)
        return answer.json() if answer.status_code == 503 else None
    down = until(seen_down, what="readyz seeing it")
    assert down["reasons"] == ["courier_down"] and down["status"] == "not ready" and down["code"] == "BUSY"
    assert requests.get(s.url + "/healthz", timeout=30).status_code == 200
    restarted()
    until(lambda: requests.get(s.url + "/readyz", timeout=30).json() == {"status": "ready", "spool": "ok", "reasons": []}, 10)


def test_a_courier_that_hangs_holds_no_thread_for_each_who_asks(fresh):
    s = fresh()

    def ask():
        answer = requests.get(s.url + "/readyz", timeout=60)
        return answer.status_code, answer.json()["reasons"]
    os.kill(s.pids()["courier"], signal.SIGSTOP)
    until(lambda: ask() == (503, ["courier_down"]), 30)
    with concurrent.futures.ThreadPoolExecutor(40) as pool:  # more than there are threads for what waits
        asked = [pool.submit(ask) for _ in range(40)]
        lease = s.call("POST", "/worker/lease", {})  # needs one of them
        assert lease.status_code == 204 or lease.ok
        assert [f.result()[0] for f in asked] == [503] * 40
    os.kill(s.pids()["courier"], signal.SIGCONT)
    until(lambda: ask() == (200, []), 30)


def test_a_full_spool_is_seen_and_ready_all_the_same(fresh):
    s = fresh("--spool-min-free-bytes", str(2**60))
    assert value(page(s), "safelight_spool_full") == 1 and value(page(s), "safelight_spool_free_bytes") > 0
    answer = requests.get(s.url + "/readyz", timeout=30)
    assert answer.status_code == 200 and answer.json() == {"status": "ready", "spool": "full", "reasons": ["spool_full"]}


def test_the_dashboard_asks_for_what_there_is():
    dashboard = json.loads((ROOT / "packaging/grafana/safelight.json").read_text())
    known = {name: (kind, set(filter(None, labels.split(",")))) for _, kind, name, _, labels in TABLE}
    expressions = [t["expr"] for p in dashboard["panels"] for t in p.get("targets", [])]
    assert len(expressions) > 20
    used = set()
    for expression in expressions:
        for word in re.findall(r"safelight_\w+", expression):
            base = word if word in known else re.sub(r"_(bucket|sum|count)$", "", word)
            assert base in known and (word == base or known[base][0] in ("SECONDS", "SIZES")), word
            used.add(base)
        for labels in re.findall(r"by \(([\w, ]+)\)", expression):
            assert set(labels.split(", ")) <= set().union(*(known[w][1] for w in known)) | {"le"}, expression
    assert used == set(known)  # and all of it
    ids = [p["id"] for p in dashboard["panels"]]
    assert len(ids) == len(set(ids)) and all(p["description"] for p in dashboard["panels"] if p["type"] != "row")


def test_the_alarms_of_the_document_ask_for_what_there_is():
    names = {name for _, _, name, _, _ in TABLE}
    assert set(re.findall(r"safelight_\w+", (ROOT / "docs/metrics.md").read_text())) == names


# --- the access log and request ids ---

def lines_of(s, event, **fields):
    wanted = [f"{k}={json.dumps(v) if isinstance(v, str) else v}" for k, v in fields.items()]
    return [line for line in s.log().splitlines() if f"event={event} " in line + " " and all(w in line for w in wanted)]


def test_each_request_has_an_id_of_ours_and_a_line(own, unique):
    value_ = canary()
    answer = own.put(unique, value_)
    request = answer.headers["X-Request-Id"]
    [line] = until(lambda: lines_of(own, "request_done", request=request), 5)
    ids = "|".join(t["id"] for t in own.call("GET", "/tokens").json())
    assert re.search(rf'level=info process=api event=request_done request="{request}" method="PUT" route="/secrets" status=201 us=\d+ bytes={len(answer.content)} '
                     rf'aborted=false token="({ids})" address="127.0.0.1"$', line), line
    assert value_ not in own.log() and unique not in own.log()


@pytest.mark.parametrize("given", ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "x" * 500, "a\tb", '"><script>', "1"])
def test_an_id_that_a_request_brings_is_not_taken_over(own, given):
    answer = own.call("GET", "/secrets", headers={"X-Request-Id": given})
    ours = answer.headers["X-Request-Id"]
    assert ours != given and re.fullmatch(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", ours)
    assert given == "1" or given not in own.log()


@pytest.mark.parametrize("path", ["/secrets?q={}", "/jobs/{}", "/{}", "/t/{}", "!/t/{}", "!/upload/{}", "/jobs/%22{}"])
def test_the_line_has_the_pattern_and_not_the_path(own, path):
    value_ = canary()
    answer = own.call("GET", path.format(value_))
    until(lambda: lines_of(own, "request_done", request=answer.headers["X-Request-Id"]), 5)
    assert value_ not in own.log()


def test_probes_are_quiet_and_the_log_can_be_off(fresh):
    s = fresh("--access-log", "off")
    requests.get(s.url + "/healthz", timeout=30)
    s.call("GET", "/secrets")
    s.stop()
    assert "request_done" not in s.log()
    loud = fresh()
    requests.get(loud.url + "/healthz", timeout=30)
    loud.call("GET", "/secrets")
    loud.stop()
    assert [re.search(r'route="([^"]*)"', line).group(1) for line in lines_of(loud, "request_done")] == ["/secrets"]


def test_a_client_that_goes_away_is_cut(own):
    before = len(lines_of(own, "request_done", aborted="true"))
    with socket.create_connection((own.host, own.port)) as c:
        c.sendall(f"PUT /api/v2/secrets HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {own.token}\r\nContent-Length: 100\r\n\r\n{{".encode())
    until(lambda: len([l for l in own.log().splitlines() if "request_done" in l and "aborted=true" in l and "status=0" in l]) > before, 10)
    assert value(page(own), "safelight_http_requests_total", method="PUT", route="/secrets", status="none") >= 1


def test_json_lines_are_json(fresh):
    s = fresh("--log-format", "json")
    s.call("GET", "/secrets?x=%22%0a")
    s.stop()
    rows = [json.loads(line) for line in s.log().splitlines()]
    [row] = [r for r in rows if r["event"] == "request_done"]
    assert row["status"] == 200 and row["route"] == "/secrets" and isinstance(row["us"], int) and row["aborted"] is False and len(row["request"]) == 26
