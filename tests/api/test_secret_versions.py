"""A secret's versions, rolling back to one of them, and the jobs that need it."""
import concurrent.futures
import os
import sqlite3

import pytest

from conftest import OPEN, canary, until
from common import all_audit, lease_for, rotated
from test_secrets import check_error

NOBODY = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def versions_of(s, secret, query="", token=None):
    answer = s.call("GET", f"/secrets/{secret['id']}/versions{query}", token=token)
    assert answer.status_code == 200, answer.text
    return answer.json()


def roll_back(s, secret, version=None, token=None):
    return s.call("POST", f"/secrets/{secret['id']}/rollback", {} if version is None else {"version": version}, token=token)


def stored(s, name, *values, token=None, **more):
    """The secret with a version for each value."""
    made = s.put(name, values[0], token=token, **more)
    assert made.status_code == 201, made.text
    for value in values[1:]:
        made = s.put(name, value, token=token, rotate=True)
        assert made.status_code == 201, made.text
    return made.json()


def painted(s, name):
    """What a worker gets for ${secret.NAME} now: the one place where a value may be seen."""
    lease, _ = lease_for(s, {"assets": [{"type": "text", "layerName": "l", "value": f"<${{secret.{name}}}>"}]})
    return lease["job"]["assets"][0]["value"]


# --- versions ---

def test_versions_are_listed_newest_first(server, unique):
    secret = stored(server, unique, canary(), canary(), canary())
    listed = versions_of(server, secret)
    assert [(v["version"], v["current"]) for v in listed] == [(3, True), (2, False), (1, False)]
    assert listed[0]["createdAt"] == secret["updatedAt"] and listed[2]["createdAt"] == secret["createdAt"]
    assert set(listed[0]) == {"version", "createdAt", "current"}
    assert versions_of(server, secret, "?limit=1") == listed[:1]
    assert versions_of(server, secret, "?before=3&limit=1") == listed[1:2]
    assert versions_of(server, secret, "?before=1") == []
    assert versions_of(server, secret, "?limit=1000&before=4294967295") == listed
    assert server.call("GET", f"/secrets/{secret['id']}/jobs?limit=100&waiting=false").json() == []


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "limit=", "limit=-1", "before=0", "before=4294967296", "before=x"])
@pytest.mark.parametrize("what", ["versions", "jobs"])
def test_bad_paging(server, unique, what, query):
    if what == "jobs" and query.startswith("before"):
        query = {"before=0": "limit=101", "before=x": "waiting=yes", "before=4294967296": "waiting="}[query]
    secret = stored(server, unique, canary())
    body = check_error(server.call("GET", f"/secrets/{secret['id']}/{what}?{query}"), 400)
    assert body["details"][0]["field"] == query.split("=")[0]


def test_when_a_secret_was_last_used(server, unique):
    secret = stored(server, unique, canary())
    assert secret["lastUsedAt"] is None
    row = lambda: next(r for r in server.secrets() if r["name"] == unique)
    assert row()["lastUsedAt"] is None
    painted(server, unique)
    used = until(lambda: row()["lastUsedAt"], 5, "the use being told")
    assert used >= secret["updatedAt"]
    assert server.put(unique, canary(), rotate=True).json()["lastUsedAt"] == used


# --- rollback ---

def test_a_rollback_makes_an_older_value_current_again(server, unique):
    first, second = canary(), canary()
    secret = stored(server, unique, first, second)
    assert painted(server, unique) == f"<{second}>"
    answer = roll_back(server, secret)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["id"] == secret["id"] and body["version"] == 3 and body["updatedAt"] >= secret["updatedAt"]
    assert body["createdAt"] == secret["createdAt"] and body == next(r for r in server.secrets() if r["name"] == unique) | {"lastUsedAt": body["lastUsedAt"]}
    assert first not in answer.text and second not in answer.text
    assert painted(server, unique) == f"<{first}>"
    assert [v["version"] for v in versions_of(server, secret)] == [3, 2, 1]
    assert roll_back(server, secret).json()["version"] == 4  # the one before is the second value again
    assert painted(server, unique) == f"<{second}>"
    assert roll_back(server, secret, 1).json()["version"] == 5
    assert painted(server, unique) == f"<{first}>"
    record = [r for r in all_audit(server) if r["event"] == "secret.rolled_back" and r.get("name") == unique]
    assert [(r["version"], r["field"], r["subject"]) for r in record] == [(3, "@1", secret["id"]), (4, "@2", secret["id"]), (5, "@1", secret["id"])]


def test_the_value_is_in_no_file_afterwards(fresh, unique):
    s = fresh()
    values = canary(), canary()
    secret = stored(s, unique, *values)
    assert roll_back(s, secret, 1).status_code == 200
    assert s.stop() == 0
    assert not [p for v in values for p in s.places_of(v)]


@pytest.mark.parametrize("version, status", [(2, 409), (3, 404), (4294967295, 404), (0, 400), (4294967296, 400), (-1, 400), (1.5, 400), ("1", 400),
                                             (True, 400), ([1], 400)])
def test_versions_that_cannot_be_had(server, unique, version, status):
    secret = stored(server, unique, canary(), canary())
    body = check_error(roll_back(server, secret, version), status)
    if status == 400:
        assert body["details"][0]["field"] == "version"
    assert len(versions_of(server, secret)) == 2


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"version":1,"version":2}', b'"1"'])
def test_bodies_that_are_none(server, unique, body):
    secret = stored(server, unique, canary(), canary())
    check_error(server.call("POST", f"/secrets/{secret['id']}/rollback", body, headers={"Content-Type": "application/json"}), 400)
    assert server.call("POST", f"/secrets/{secret['id']}/rollback", b"{}", headers={"Content-Type": "text/plain"}).status_code == 415
    assert len(versions_of(server, secret)) == 2


def test_the_only_version_has_none_before_it(server, unique):
    secret = stored(server, unique, canary())
    check_error(roll_back(server, secret), 404)
    check_error(roll_back(server, secret, 1), 409)


def test_a_rollback_keeps_the_policy_and_its_expiry(server, unique):
    policy = {"sinks": ["text"], "expiresAt": "2099-01-01T00:00:00.000Z"}
    secret = stored(server, unique, canary(), canary(), policy=policy)
    assert roll_back(server, secret).json()["policy"] == policy
    assert server.submit({"engine": "x", "assets": [{"type": "image", "layerName": "l", "src": f"https://e.com/${{secret.{unique}}}"}]}).status_code == 400
    # Rolled back from before a change of policy: the version has the new one.
    assert server.call("PATCH", f"/secrets/{secret['id']}", {"policy": {"sinks": ["url"]}}).status_code == 200
    assert roll_back(server, secret, 1).json()["policy"] == {"sinks": ["url"]}


def test_what_has_expired_is_not_taken_up_again(server, unique):
    from policed import in_ms
    secret = stored(server, unique, canary(), canary())
    assert server.call("PATCH", f"/secrets/{secret['id']}", {"policy": {"expiresAt": in_ms(3000)}}).status_code == 200
    refused = until(lambda: [a for a in [roll_back(server, secret, 1)] if a.status_code != 200], 5, "the expiry")
    assert check_error(refused[0], 403)["code"] == "POLICY_EXPIRED"


@pytest.mark.parametrize("call", [("GET", "versions"), ("GET", "jobs"), ("POST", "rollback")])
def test_abuse_025_another_teams_secret_is_404(server, unique, call):
    method, what = call
    token = server.team("v" + unique[2:].lower())
    theirs = stored(server, unique, canary(), canary(), token=token)
    body = {} if method == "POST" else None
    unknown = check_error(server.call(method, f"/secrets/{NOBODY}/{what}", body), 404)
    assert check_error(server.call(method, f"/secrets/{theirs['id']}/{what}", body), 404) == unknown
    for odd in ("x", unique, "%00", "%2e%2e", "0" * 26, theirs["id"].lower()):
        assert server.call(method, f"/secrets/{odd}/{what}", body).status_code in (400, 404)
    assert len(versions_of(server, theirs, token=token)) == 2


@pytest.mark.parametrize("call", [("GET", "versions"), ("GET", "jobs"), ("POST", "rollback")])
def test_who_may(server, unique, call):
    method, what = call
    secret = stored(server, unique, canary(), canary(), canary())
    for role, status in (("admin", 200), ("editor", 200), ("submit", 403), ("worker", 403), ("audit", 403)):
        answer = server.call(method, f"/secrets/{secret['id']}/{what}", {} if method == "POST" else None, token=server.new_token(role))
        assert answer.status_code == status, role
    narrow = server.new_token("editor", names="other/*")
    assert server.call(method, f"/secrets/{secret['id']}/{what}", {} if method == "POST" else None, token=narrow).status_code == 404
    assert server.call(method, f"/secrets/{secret['id']}/{what}", {} if method == "POST" else None, token="").status_code == 401


def test_rollbacks_and_rotations_at_once_lose_nothing(server, unique):
    secret = stored(server, unique, canary(), canary())
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        done = [pool.submit(roll_back, server, secret, 1) if i % 2 else pool.submit(server.put, unique, canary(), rotate=True) for i in range(24)]
    made = [d.result() for d in done]
    assert all(m.status_code in (200, 201) for m in made), {m.status_code for m in made}
    assert sorted(m.json()["version"] for m in made) == list(range(3, 27))


def test_a_rollback_across_a_key_rotation(fresh, unique):
    s = fresh(*OPEN)
    first = canary()
    secret = stored(s, unique, first, canary())
    s.operator("key", "rotate", "team", "--team", "studio", check=True)
    assert rotated(s)["rotation"]["state"] == "done"
    assert roll_back(s, secret, 1).status_code == 200
    assert painted(s, unique) == f"<{first}>"


@pytest.mark.parametrize("edit", ["sealed", "version", "policy", "created"])
def test_abuse_077_an_edited_version_is_not_rolled_back_to(fresh, unique, edit):
    """An older version's row, edited by hand: it opens for nobody, and the present one stays."""
    s = fresh()
    secret = stored(s, unique, canary(), canary(), canary())
    s.stop()
    where = f"WHERE secret_id = '{secret['id']}' AND version"
    with sqlite3.connect(s.data / "db/safelight.db") as db:
        db.execute({"sealed": f"UPDATE versions SET sealed = (SELECT sealed FROM versions {where} = 2) {where} = 1",
                    "version": f"UPDATE versions SET epoch = 9 {where} = 1",
                    "policy": f"UPDATE versions SET policy = x'010100000000000000000000' {where} = 1",
                    "created": f"UPDATE versions SET created_at_ms = created_at_ms + 1 {where} = 1"}[edit])
    db.close()
    s.start()
    body = check_error(roll_back(s, secret, 1), 500)
    assert body["code"] == "SEALED_RECORD_INVALID"
    assert [v["version"] for v in versions_of(s, secret)] == [3, 2, 1]
    assert roll_back(s, secret, 2).json()["version"] == 4


# --- jobs of a secret ---

def jobs_of(s, secret, query="", token=None):
    answer = s.call("GET", f"/secrets/{secret['id']}/jobs{query}", token=token)
    assert answer.status_code == 200, answer.text
    return answer.json()


def text(name, layer="l"):
    return {"type": "text", "layerName": layer, "value": f"${{secret.{name}}}"}


def test_the_jobs_that_need_a_secret(server, unique):
    secret, other = stored(server, unique, canary()), stored(server, unique + "x", canary())
    engine = "uses-" + os.urandom(6).hex()
    assert jobs_of(server, secret) == []
    first = server.submit({"engine": engine, "assets": [text(unique), text(unique + "x"), text(unique + "@1", "m")]}).json()
    second = server.submit({"engine": engine, "assets": [{"type": "text", "layerName": "l", "value": f"$${{secret.{unique}}}"}]}).json()
    third = server.submit({"engine": engine, "assets": [], "webhook": {"url": "https://127.0.0.1:9/", "headers": {"a": f"${{secrets.{unique}}}"}}}).json()
    listed = jobs_of(server, secret)
    assert [j["id"] for j in listed] == [third["id"], first["id"]] and second["id"] not in str(listed)
    assert listed[0]["fields"] == ["/webhook/headers/a"] and listed[1]["fields"] == ["/assets/0/value", "/assets/2/value"]
    assert all(j["status"] == "queued" and j["waiting"] is True and j["createdAt"] for j in listed)
    assert [j["fields"] for j in jobs_of(server, other)] == [["/assets/1/value"]]
    assert jobs_of(server, secret, "?limit=1") == listed[:1]
    assert server.call("PATCH", f"/jobs/{third['id']}/cancel").status_code == 200
    assert [j["id"] for j in jobs_of(server, secret, "?waiting=true")] == [first["id"]]
    assert [(j["id"], j["waiting"]) for j in jobs_of(server, secret)] == [(third["id"], False), (first["id"], True)]


def uses_of(s, *secrets, token=None):
    answer = s.call("GET", "/secrets/jobs?ids=" + ",".join(x["id"] for x in secrets), token=token)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_how_many_jobs_need_each_of_some_secrets(server, unique):
    one, two, none = (stored(server, f"{unique}/{n}", canary()) for n in ("one", "two", "none"))
    jobs = [server.submit({"engine": "nobody", "assets": [text(f"{unique}/one"), text(f"{unique}/one", "m")]}).json() for _ in range(3)]
    both = server.submit({"engine": "nobody", "assets": [text(f"{unique}/one"), text(f"{unique}/two")]}).json()
    server.call("PATCH", f"/jobs/{jobs[0]['id']}/cancel")
    assert uses_of(server, two, none, one) == [
        {"id": two["id"], "jobs": 1, "waiting": 1, "newestJob": both["id"]}, {"id": none["id"], "jobs": 0, "waiting": 0, "newestJob": None},
        {"id": one["id"], "jobs": 4, "waiting": 3, "newestJob": both["id"]}]
    some = server.new_token("editor", names=f"{unique}/two")
    assert [u["id"] for u in uses_of(server, one, two, token=some)] == [two["id"]]
    assert uses_of(server, one, token=server.team("uses" + unique[2:].lower())) == []  # abuse case 25
    check_error(server.call("GET", "/secrets/jobs?ids=" + one["id"], token=server.new_token("submit")), 403)


def test_jobs_of_a_batch_need_it_too(server, unique):
    secret, nested = stored(server, unique, canary()), stored(server, unique + "n", canary())
    inner = {"type": "job", "layerName": "l", "engine": "nobody", "template": {"src": "https://example.com/t.aep", "id": "T", "composition": "c"},
             "assets": [text(unique + "n")]}
    made = server.call("POST", "/batches", {"jobs": [{"engine": "nobody", "assets": [text(unique), text(unique, "m")]}, {"engine": "nobody", "assets": []},
                                                     {"engine": "nobody", "assets": [text(unique), inner]}]}).json()
    ids = [j["id"] for j in made["jobs"]]
    assert [j["id"] for j in jobs_of(server, secret, "?waiting=true")] == [ids[2], ids[0]]
    assert uses_of(server, secret, nested) == [{"id": secret["id"], "jobs": 2, "waiting": 2, "newestJob": ids[2]},
                                               {**uses_of(server, nested)[0], "jobs": 1, "waiting": 1}]


def test_no_more_than_100_jobs_of_100_secrets_are_counted(server, unique):
    secret = stored(server, unique, canary())
    batch = server.call("POST", "/batches", {"jobs": [{"engine": "nobody", "assets": [text(unique)]}] * 101}).json()
    assert uses_of(server, *[secret] * 100) == [{**uses_of(server, secret)[0], "jobs": 100, "waiting": 100}] * 100
    server.call("POST", f"/batches/{batch['batchId']}/cancel")
    assert uses_of(server, secret)[0] == {**uses_of(server, secret)[0], "jobs": 100, "waiting": 0}


@pytest.mark.parametrize("query", ["", "ids=", "ids=x", "ids={id},", "ids=,{id}", "ids={id};{id}", "ids={lower}", "ids={id}&ids={id}", "ids={id}&limit=1", "ids={many}"])
def test_lists_of_ids_that_are_none(server, query):
    query = query.format(id=NOBODY, lower=NOBODY.lower(), many=",".join([NOBODY] * 101))
    body = check_error(server.call("GET", "/secrets/jobs?" + query), 400, "INVALID_REQUEST")
    assert body["details"][0]["field"] in ("ids", "query") and NOBODY not in str(body)


def test_nested_jobs_count_for_themselves(server, unique):
    secret = stored(server, unique, canary())
    engine = "nested-" + os.urandom(6).hex()
    nested = {"type": "job", "layerName": "l", "engine": engine, "template": {"src": "https://example.com/t.aep", "id": "T", "composition": "c"}, "assets": [text(unique)]}
    made = server.submit({"engine": engine, "assets": [nested]})
    assert made.status_code == 201, made.text
    assert [(j["id"], j["fields"]) for j in jobs_of(server, secret)] == [(made.json()["children"][0]["id"], ["/assets/0/value"])]


def test_jobs_from_before_the_table_are_found(fresh, unique):
    """The step that makes the table looks through the payloads that are there."""
    s = fresh()
    names = [unique, unique + ".b/c-d", "N" + "n" * 127]
    secrets = [stored(s, name, canary()) for name in names]
    assets = [text(names[0]), text(names[1] + "@1"), {**text(names[0]), "value": f"ä€😀 ${{secrets.{names[2]}}} $${{secret.{names[1]}}}"},
              {**text(names[0]), "value": "${secretx} ${secret"[:9]}]
    made = s.submit({"engine": "old", "assets": assets})
    assert made.status_code == 201, made.text
    plain = s.submit({"engine": "old", "assets": []}).json()
    before = [jobs_of(s, secret) for secret in secrets]
    s.stop()
    with sqlite3.connect(s.data / "db/safelight.db") as db:
        rows = db.execute("SELECT * FROM job_secrets ORDER BY 1, 2, 3").fetchall()
        db.execute("DROP TABLE job_secrets")
        forget_last_step(db)
    db.close()
    s.start()
    assert [jobs_of(s, secret) for secret in secrets] == before and all(len(b) == 1 and b[0]["id"] == made.json()["id"] for b in before)
    assert plain["id"] not in str(before)
    s.stop()
    with sqlite3.connect(s.data / "db/safelight.db") as db:
        assert db.execute("SELECT * FROM job_secrets ORDER BY 1, 2, 3").fetchall() == rows
    db.close()


def forget_last_step(db):
    """As a database from before the table stands: the steps up to it are counted alone."""
    for later in ("DROP TABLE console_sessions", "ALTER TABLE tokens DROP COLUMN suspended_at_ms", "ALTER TABLE templates DROP COLUMN project"):
        db.execute(later)
    db.execute("UPDATE schema_version SET version = 2")
