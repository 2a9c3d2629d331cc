"""The audit log: filters, the check of the whole chain, export, signed checkpoints."""
import base64
import concurrent.futures
import hashlib
import json
import sqlite3
import struct
import threading
import time

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from conftest import SLOW, canary, until
from test_secrets import check_error

@pytest.fixture(scope="module")
def filled(server):
    """A team with a log of its own: (token, secrets, job)."""
    token = server.team("audited")
    secrets = [server.put(name, canary(), token=token).json() for name in ("prod/A", "prod/B", "test/A")]
    server.put("prod/A", canary(), token=token, rotate=True)
    job = server.submit({"engine": "x", "assets": [{"type": "text", "layerName": "l", "value": "${secret.prod/A}"}]}, token=token).json()
    server.call("PATCH", f"/jobs/{job['id']}/cancel", token=token)
    server.call("DELETE", f"/secrets/{secrets[2]['id']}", token=token)
    return token, secrets, job


def rows(s, token, query=""):
    answer = s.call("GET", "/audit?" + query, token=token)
    assert answer.status_code == 200, answer.text
    return answer.json()


# --- filters ---

def test_newest_first_is_oldest_first_the_other_way_round(server, filled):
    everything = rows(server, filled[0])
    assert [r["sequence"] for r in everything] == list(range(1, len(everything) + 1))
    assert rows(server, filled[0], "sort=newest_first") == everything[::-1]
    assert rows(server, filled[0], "sort=oldest_first") == everything
    assert rows(server, filled[0], "after=2&before=5") == everything[2:4]
    assert rows(server, filled[0], "after=2&before=5&sort=newest_first") == everything[2:4][::-1]
    assert rows(server, filled[0], "before=1") == [] == rows(server, filled[0], f"after={len(everything)}")


@pytest.mark.parametrize("order", ["oldest_first", "newest_first"])
@pytest.mark.parametrize("more", ["", "&event=secret.created,secret.rotated", "&name=prod/*"])
def test_pages_in_both_directions_have_everything_once(server, filled, order, more):
    want = rows(server, filled[0], f"sort={order}{more}")
    got, edge = [], ""
    while True:
        answer = server.call("GET", f"/audit?limit=2&sort={order}{more}{edge}", token=filled[0])
        assert answer.status_code == 200 and len(answer.json()) <= 2
        got += answer.json()
        if "X-Audit-Next" not in answer.headers:
            break
        edge = f"&{'after' if order == 'oldest_first' else 'before'}={answer.headers['X-Audit-Next']}"
    assert got == want and len(want) > 2


@pytest.mark.parametrize("query, wanted", [
    ("event=secret.created", lambda r: r["event"] == "secret.created"),
    ("event=secret.deleted,job.cancelled", lambda r: r["event"] in ("secret.deleted", "job.cancelled")),
    ("name=prod/A", lambda r: r.get("name") == "prod/A"),
    ("name=prod/*", lambda r: r.get("name", "").startswith("prod/")),
    ("name=prod/*&event=secret.rotated", lambda r: r.get("name") == "prod/A" and r["event"] == "secret.rotated"),
    ("name=PROD/A", lambda r: False),
    ("actor=operator", lambda r: r["actor"] == "operator"),
    ("actor=nobody", lambda r: False),
    ("until=2001-01-01T00:00:00Z", lambda r: False),
    ("since=2001-01-01T00:00:00Z", lambda r: True),
    ("since=2099-01-01T00:00:00%2B01:00", lambda r: False),
])
def test_filters(server, filled, query, wanted):
    everything = rows(server, filled[0])
    assert rows(server, filled[0], query) == [r for r in everything if wanted(r)]


def test_filters_by_job_token_and_time(server, filled):
    token, _, job = filled
    everything = rows(server, token)
    assert [r["event"] for r in rows(server, token, f"job={job['id']}")] == ["job.submitted", "job.cancelled"]
    mine = token.split("_")[2]
    assert rows(server, token, f"actor={mine}") == [r for r in everything if r["actor"] == mine] != []
    middle = everything[4]["at"]
    assert rows(server, token, f"since={middle}") == [r for r in everything if r["at"] >= middle]
    assert rows(server, token, f"until={middle}") == [r for r in everything if r["at"] < middle]


@pytest.mark.parametrize("query", [
    "after=-1", "after=x", "after=9223372036854775808", "before=", "limit=0", "limit=1001", "limit=1e3", "sort=", "sort=newest", "event=",
    "event=secret.created,", "event=secret.eaten", "event=secret.created%0a", "actor=", "name=", "job=x", "job=", "since=yesterday", "until=2026-13-01T00:00:00Z",
    "since=", "actor=" + 129 * "a", "name=" + 129 * "n", "job=" + 27 * "0"])
def test_bad_filters(server, filled, query):
    body = check_error(server.call("GET", "/audit?" + query, token=filled[0]), 400)
    assert [d["field"] for d in body["details"]] == [query.split("=")[0]]


def test_every_bad_filter_is_told_at_once(server, filled):
    body = check_error(server.call("GET", "/audit?after=x&event=y&job=z&since=w", token=filled[0]), 400)
    assert sorted(d["field"] for d in body["details"]) == ["after", "event", "job", "since"]


@pytest.mark.parametrize("value", ["%1b[2J", "%e2%80%ae", "a%00b", "';DROP TABLE audit;--", "%25", "${secret.prod/A}", 128 * "%41"])
def test_hostile_filters_find_nothing(server, filled, value):
    for name in ("actor", "name"):
        assert server.call("GET", f"/audit?{name}={value}", token=filled[0]).status_code in (200, 400)
    assert len(rows(server, filled[0])) > 5


# --- who may ---

PATHS = [("GET", "/audit"), ("GET", "/audit/verify"), ("GET", "/audit/export"), ("POST", "/audit/checkpoint"), ("GET", "/audit/key")]


@pytest.mark.parametrize("method, path", PATHS)
def test_who_may(server, method, path):
    for role, status in (("admin", 200), ("audit", 200), ("editor", 403), ("submit", 403), ("worker", 403)):
        assert server.call(method, path, token=server.new_token(role)).status_code == status, role
    assert server.call(method, path, token="").status_code == 401
    assert server.call(method, "!/operator" + path).status_code == 404  # the socket alone has it


@pytest.mark.parametrize("method, path", PATHS)
def test_abuse_096_each_team_has_its_own(server, filled, unique, method, path):
    other = server.team("a" + unique[2:].lower())
    assert server.put(unique, canary(), token=other).status_code == 201
    assert unique not in server.call(method, path, token=filled[0]).text
    own, theirs = server.call(method, path, token=filled[0]), server.call(method, path, token=other)
    assert own.status_code == theirs.status_code == 200 and own.text != theirs.text
    for query in ("?team=audited", "?teamId=x"):
        assert "prod/A" not in server.call(method, path + query, token=other).text


# --- the second implementation: from docs/FORMAT-envelope.md, section 9 ---

def lengthed(text):
    data = (text or "").encode()
    return struct.pack("<I", len(data)) + data


def at_ms(text):
    import datetime
    when = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (when - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // datetime.timedelta(milliseconds=1)


def record_bytes(line):
    out = b"\1" + struct.pack("<QQ", line["sequence"], at_ms(line["at"]))
    for member in ("team", "event", "actor", "address", "requestId", "subject", "name"):
        out += lengthed(line.get(member))
    out += struct.pack("<I", line.get("version", 0))
    for member in ("job", "field", "host"):
        out += lengthed(line.get(member))
    return out


def leaf(line):
    return hashlib.sha256(b"\0" + record_bytes(line) + bytes.fromhex(line["mac"])).digest()


def tree_root(leaves):
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return hashlib.sha256(b"\1" + tree_root(leaves[:half]) + tree_root(leaves[half:])).digest()


def open_note(note, key):
    """(origin, size, root, mac) of a checkpoint whose signature holds."""
    name, key_id, blob = key.split("+", 2)
    public = base64.b64decode(blob, validate=True)
    assert public[0] == 1 and len(public) == 33
    assert hashlib.sha256(name.encode() + b"\n" + public).digest()[:4].hex() == key_id
    text, signatures = note.split("\n\n")
    [line] = signatures.splitlines()
    dash, signer, signature = line.split(" ")
    signed = base64.b64decode(signature, validate=True)
    assert (dash, signer, signed[:4].hex()) == ("\u2014", name, key_id)
    Ed25519PublicKey.from_public_bytes(public[1:]).verify(signed[4:], (text + "\n").encode())
    origin, size, root, mac = text.split("\n")
    assert origin == name
    return origin, int(size), base64.b64decode(root), bytes.fromhex(mac.removeprefix("mac "))


def exported(s, token, query=""):
    answer = s.call("GET", "/audit/export" + query, token=token)
    assert answer.status_code == 200 and answer.headers["Content-Type"] == "application/x-ndjson"
    assert answer.text == "" or answer.text.endswith("\n")
    return [json.loads(line) for line in answer.text.splitlines()]


def test_an_export_has_every_record_with_what_the_list_has(server, filled):
    lines, listed = exported(server, filled[0]), rows(server, filled[0])
    team = server.call("GET", "/team", token=filled[0]).json()["id"]
    assert [{k: v for k, v in line.items() if k not in ("team", "leaf")} for line in lines] == listed
    assert all(line["team"] == team and line["leaf"] == leaf(line).hex() for line in lines)
    assert exported(server, filled[0], "?after=3") == lines[3:]
    assert exported(server, filled[0], f"?after={len(lines)}") == []
    assert "attachment" in server.call("GET", "/audit/export", token=filled[0]).headers["Content-Disposition"]
    for bad in ("-1", "x", "", "9223372036854775808"):
        check_error(server.call("GET", "/audit/export?after=" + bad, token=filled[0]), 400)


def test_a_checkpoint_is_what_a_second_implementation_makes_of_the_export(server, filled):
    key = server.call("GET", "/audit/key", token=filled[0]).json()["key"]
    lines = exported(server, filled[0])
    origin, size, root, mac = open_note(server.call("POST", "/audit/checkpoint", token=filled[0]).text, key)
    team = server.call("GET", "/team", token=filled[0]).json()["id"]
    assert origin.startswith("safelight/audit/") and origin.endswith("/" + team)
    assert size == len(lines) and root == tree_root([leaf(line) for line in lines]) and mac.hex() == lines[-1]["mac"]
    assert server.call("GET", "/audit/verify", token=filled[0]).json() == {"valid": True, "records": size, "firstBad": None, "head": mac.hex()}
    assert key == server.call("GET", "/audit/key", token=filled[0]).json()["key"]


def test_the_key_outlives_rotations_and_restarts(fresh):
    from common import rotated
    s = fresh()
    key, first = s.call("GET", "/audit/key").json()["key"], s.call("POST", "/audit/checkpoint").text
    s.operator("key", "rotate", "master", check=True)
    assert rotated(s)["rotation"]["state"] == "done"
    s.stop()
    s.start()
    assert s.call("GET", "/audit/key").json()["key"] == key
    assert open_note(first, key)[1] <= open_note(s.call("POST", "/audit/checkpoint").text, key)[1]
    assert s.call("GET", "/audit/verify").json()["valid"] is True


def test_the_operator_checks_any_teams_log_and_the_installations(fresh):
    import socket  # over the UNIX socket
    s = fresh()

    def ask(method, path):
        with socket.socket(socket.AF_UNIX) as c:
            c.connect(str(s.data / "safelight.sock"))
            c.sendall(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode())
            answer = b""
            while piece := c.recv(65536):
                answer += piece
        return int(answer.split(b" ")[1]), answer.split(b"\r\n\r\n", 1)[1]
    for place in ("/operator/audit", "/operator/teams/studio/audit"):
        status, body = ask("GET", place + "/verify")
        assert status == 200 and json.loads(body)["valid"] is True
        assert ask("GET", place + "/export")[0] == 200 and ask("POST", place + "/checkpoint")[0] == 200
        assert json.loads(ask("GET", place + "/key")[1])["key"].startswith("safelight/audit/")
    assert ask("GET", "/operator/teams/nobody/audit/verify")[0] == 404
    assert ask("GET", "/operator/teams/%2e%2e/audit/verify")[0] == 404


# --- somebody edits the database ---

def edited(s, *statements):
    s.stop()
    with sqlite3.connect(s.data / "db/safelight.db") as db:
        for statement in statements:
            db.execute(statement)
    db.close()
    s.start()


@pytest.fixture
def audited(fresh):
    s = fresh()
    for i in range(8):
        s.put(f"N{i}", canary())
    return s


OF = "WHERE team_id <> '00000000000000000000000000' AND sequence"


@pytest.mark.parametrize("statement, first_bad", [
    (f"UPDATE audit SET record = CAST(replace(CAST(record AS TEXT), 'N2', 'N9') AS BLOB) {OF} = 5", 5),
    (f"UPDATE audit SET record = substr(record, 1, length(record) - 1) || x'01' {OF} = 5", 5),
    (f"UPDATE audit SET record = x'' {OF} = 5", 5),
    (f"UPDATE audit SET record = zeroblob(300000) {OF} = 5", 5),
    (f"UPDATE audit SET mac = zeroblob(32) {OF} = 4", 4),
    (f"UPDATE audit SET mac = zeroblob(31) {OF} = 4", 4),
    (f"UPDATE audit SET at_ms = at_ms - 1 {OF} = 6", 6),
    (f"DELETE FROM audit {OF} = 3", 3),
    (f"DELETE FROM audit {OF} < 4", 1),
    (f"UPDATE audit SET sequence = sequence + 100 {OF} > 5", 6),
    (f"UPDATE audit SET record = (SELECT record FROM audit {OF} = 6), mac = (SELECT mac FROM audit {OF} = 6) {OF} = 5", 5),
    (f"UPDATE audit SET record = (SELECT record FROM audit {OF} = 4) {OF} = 7", 7),
])
def test_abuse_093_the_first_bad_record_is_named(audited, statement, first_bad):
    s = audited
    good = s.call("GET", "/audit/verify").json()
    assert good["valid"] is True and good["records"] >= 9
    lines = exported(s, s.token)
    edited(s, statement)
    verdict = s.call("GET", "/audit/verify").json()
    assert verdict == {"valid": False, "records": first_bad - 1, "firstBad": first_bad,
                       "head": lines[first_bad - 2]["mac"] if first_bad > 1 else "0" * 64}
    body = check_error(s.call("POST", "/audit/checkpoint"), 409)
    assert "safelight/audit" not in str(body)
    after = exported(s, s.token)  # evidence, whatever was done to it
    assert [a["sequence"] for a in after] == sorted(a["sequence"] for a in after)
    assert s.put("MORE", canary()).status_code == 201  # and the service goes on


def test_abuse_093_a_cut_at_the_end_leaves_a_chain_that_is_whole(audited):
    """Only a checkpoint tells: see test_audit_offline.py."""
    s = audited
    before = s.call("GET", "/audit/verify").json()["records"]
    edited(s, f"DELETE FROM audit {OF} > {before - 3}")
    assert s.call("GET", "/audit/verify").json() == {**s.call("GET", "/audit/verify").json(), "valid": True, "records": before - 3}


def test_abuse_094_hostile_names_stay_in_their_record(fresh):
    """Names of ours are letters and digits; what else a record may hold comes from a database that was edited."""
    s = fresh()
    s.put("N", canary())
    pointer = "/webhook/headers/" + "\n\r\x1b[31m\u202e\"},{\"sequence\":1"
    s.submit({"engine": "x", "assets": [], "webhook": {"url": "https://example.com", "headers": {pointer[17:]: "${secret.N}"}}})
    listed, lines = rows(s, s.token, "limit=1000"), exported(s, s.token)
    assert [r["sequence"] for r in listed] == list(range(1, len(listed) + 1)) == [r["sequence"] for r in lines]
    answer = s.call("GET", "/audit/export").content
    assert answer.count(b"\n") == len(lines) and b"\x1b" not in answer


def test_100000_records_are_looked_at_for_a_filter_and_not_one_more(fresh):
    """Records put into the database as the server writes them, MACs aside: a list does not look at those."""
    s = fresh()
    team, first = s.call("GET", "/team").json()["id"], len(rows(s, s.token))
    s.stop()
    sequences = range(first + 1, 100_002)
    made = [{"sequence": n, "at": "2027-01-01T00:00:00.000Z", "team": team, "event": "team.changed", "name": "N%d" % n} for n in sequences]
    at = at_ms(made[0]["at"])
    with sqlite3.connect(s.data / "db/safelight.db") as db:
        db.executemany("INSERT INTO audit (team_id, sequence, at_ms, record, mac) VALUES (?, ?, ?, ?, zeroblob(32))",
                       ((team, r["sequence"], at, record_bytes(r)) for r in made))
    db.close()
    s.start()
    for query, found, following in (("name=N100000", ["N100000"], "100000"), ("name=N100001", [], "100000"), ("name=N100001&after=1", ["N100001"], "100001"),
                                    ("name=N2&sort=newest_first", ["N2"] if first < 2 else [], "2"), ("name=N100001&after=100000", ["N100001"], None)):
        answer = s.call("GET", "/audit?" + query)
        assert [r["name"] for r in answer.json()] == found and answer.headers.get("X-Audit-Next") == following, query
    searches_leave_room_for_others(s)
    assert s.call("GET", "/audit/verify").json()["firstBad"] == first + 1


def searches_leave_room_for_others(s):
    """One search of a team at a time: the threads it would take are the workers' too."""
    other = s.team("other")

    def search(token):
        return s.call("GET", "/audit?name=N100001", token=token)

    def some(pool):
        mine, theirs = [pool.submit(search, s.token) for _ in range(12)], pool.submit(search, other)
        assert theirs.result().status_code == 200
        return [m.result() for m in mine]
    with concurrent.futures.ThreadPoolExecutor(13) as pool:
        answers = until(lambda: (lambda all: all if len({a.status_code for a in all}) == 2 else None)(some(pool)), 30)
    for answer in answers:
        assert answer.status_code == 200 or check_error(answer, 503)["code"] == "BUSY" and answer.headers["Retry-After"] == "1"
    assert search(s.token).status_code == 200


@pytest.mark.parametrize("path, query, field", [
    ("", "after=1&after=2", "query"), ("", "limit=1&%6cimit=1", "limit"), ("", "afer=1", "query"), ("", "event=secret.created&x", "query"), ("", "After=1", "query"),
    ("/export", "after=1&after=2", "query"), ("/export", "afer=1", "query"), ("/export", "before=1", "query"), ("/export", "after=1&=", "query"),
    ("/verify", "after=1", "query"), ("/key", "x=", "query"), ("/checkpoint", "since=", "query")])
def test_parameters_that_are_not_known_or_stand_twice_are_refused(server, path, query, field):
    """What is kept as evidence must be what was asked for."""
    method = "POST" if path == "/checkpoint" else "GET"
    body = check_error(server.call(method, f"/audit{path}?{query}"), 400, "INVALID_REQUEST")
    assert [d["field"] for d in body["details"]] == [field] and "afer" not in str(body)
    assert server.call(method, f"/audit{path}?&&").status_code == 200  # a stray separator is nobody's mistake


def test_requests_go_on_while_logs_are_checked(fresh):
    """One walk after the other without a pause; whoever asks beside it is told to come again, another team is not."""
    s = fresh()
    fill(s, 1500)
    token = s.team("quick")
    stop, seen = threading.Event(), []

    def walk():
        while not stop.is_set():
            answer = s.call("GET", "/audit/verify")
            seen.append(answer.status_code)
            assert answer.status_code == 200 and answer.json()["valid"] or check_error(answer, 503)["code"] == "BUSY"
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        walks = [pool.submit(walk) for _ in range(4)]
        times = []
        for i in range(40):
            start = time.monotonic()
            assert s.put(f"N{i}", canary(), token=token).status_code == 201
            assert s.call("GET", "/audit/verify", token=token).status_code == 200
            times.append(time.monotonic() - start)
        until(lambda: seen.count(200) > 5 and 503 in seen or any(w.done() for w in walks), what="walks of both ends")
        stop.set()
        for w in walks:
            w.result()
    assert sorted(times)[len(times) // 2] < 3 * SLOW
    assert s.call("GET", "/audit/verify").json()["records"] > 1500
    answer = s.call("GET", "/audit?name=FILLED/1499&sort=newest_first")
    assert [r["name"] for r in answer.json()] == ["FILLED/1499"] and "X-Audit-Next" not in answer.headers
    lines = exported(s, s.token)
    assert [line["sequence"] for line in lines] == list(range(1, len(lines) + 1)) and len(lines) > 1500
    assert open_note(s.call("POST", "/audit/checkpoint").text, s.call("GET", "/audit/key").json()["key"])[2] == tree_root([leaf(line) for line in lines])


def fill(s, count):
    session = requests.Session()
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=16))
    head = {"Authorization": f"Bearer {s.token}", "Content-Type": "application/json"}

    def put(i):
        return session.put(s.base + "/secrets", json={"name": f"FILLED/{i}", "value": "x" * 8}, headers=head, timeout=60).status_code
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert set(pool.map(put, range(count))) == {201}
