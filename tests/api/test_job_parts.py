"""A job's references, its deliveries, and its log from an offset."""
import os

import pytest

from conftest import canary, until
from common import arrived, hook, lease_for
from test_secrets import check_error

NOBODY = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def get(s, job_id, what, token=None):
    answer = s.call("GET", f"/jobs/{job_id}/{what}", token=token)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_references_are_those_of_the_dry_run(server, unique):
    assert server.put(unique, canary()).status_code == 201
    payload = {"engine": "refs-" + os.urandom(6).hex(),
               "assets": [{"type": "text", "layerName": "l", "value": f"a ${{secret.{unique}@1}} b $${{secret.{unique}}}"},
                          {"type": "image", "layerName": "l", "src": f"https://cdn.example.com/${{secret.{unique}}}/a.png"}],
               "webhook": {"url": "https://hooks.example.com:8443/x", "headers": {"X-Key": f"${{secrets.{unique}}}"}}}
    dry = server.call("POST", "/jobs?dryRun=true", payload).json()["references"]
    job = server.submit(payload).json()["id"]
    listed = get(server, job, "references")
    assert listed == [{k: v for k, v in r.items() if k != "resolvesTo"} for r in dry]
    assert listed[0] == {"field": "/assets/0/value", "name": unique, "version": 1, "sink": "text", "host": None, "exposed": True}
    assert [(r["sink"], r["host"], r["exposed"]) for r in listed[1:]] == [("url", "cdn.example.com", False), ("header", "hooks.example.com:8443", False)]
    assert get(server, server.submit({"engine": "x", "assets": []}).json()["id"], "references") == []


def test_names_outside_a_tokens_pattern_are_not_told(server, unique):
    for name in (unique + "/a", unique + "/b"):
        assert server.put(name, canary()).status_code == 201
    assets = [{"type": "text", "layerName": "l", "value": f"${{secret.{unique}/{n}}}"} for n in "ab"]
    job = server.submit({"engine": "x", "assets": assets}).json()["id"]
    narrow = server.new_token("editor", names=unique + "/b")
    assert [r["name"] for r in get(server, job, "references", narrow)] == [unique + "/b"]


def test_deliveries_and_their_attempts(server, studio, unique):
    lease, _ = lease_for(server, {"assets": [], "webhook": hook(studio, unique)})
    job = lease["job"]["id"]
    assert get(server, job, "deliveries") == []
    assert server.call("POST", f"/worker/leases/{lease['lease']}/finish", {"state": "error", "error": "no"}).status_code == 200
    arrived(studio, unique)
    sent = until(lambda: (lambda d: d if d and d[0]["state"] == "done" else None)(get(server, job, "deliveries")), 10, "the delivery's end")
    [one] = sent
    assert one["kind"] == "webhook" and one["attempts"] == 1 and one["nextAttemptAt"] is None and "200" in one["message"] and one["updatedAt"]
    assert set(one) == {"id", "kind", "state", "attempts", "nextAttemptAt", "updatedAt", "message"}


def test_a_delivery_that_waits_says_until_when(server, unique):
    value = canary()
    assert server.put(unique, value).status_code == 201
    lease, _ = lease_for(server, {"assets": [], "webhook": {"url": f"http://127.0.0.1:9/?k=${{secret.{unique}}}"}})
    job = lease["job"]["id"]
    assert server.call("POST", f"/worker/leases/{lease['lease']}/finish", {"state": "error", "error": "no"}).status_code == 200
    tried = until(lambda: (lambda d: d if d and d[0]["attempts"] else None)(get(server, job, "deliveries")), 10, "an attempt")
    assert tried[0]["state"] in ("due", "failed") and (tried[0]["nextAttemptAt"] is not None) == (tried[0]["state"] == "due")
    assert value not in str(tried) and tried[0]["message"]


@pytest.fixture
def logged(server):
    """A job with a log in three pieces, and the log."""
    lease, _ = lease_for(server, {"assets": []})
    job = lease["job"]["id"]
    pieces, at = [b"first line\n", "zweite \u00e4\n".encode(), b"third\n"], 0
    for piece in pieces:
        answer = server.call("POST", f"/worker/leases/{lease['lease']}/log?offset={at}" + ("&final=1" if piece is pieces[-1] else ""), piece)
        assert answer.status_code == 200, answer.text
        at += len(piece)
    whole = until(lambda: (lambda a: a.content if len(a.content) >= at else None)(server.call("GET", f"/jobs/{job}/logs")), 10, "the log")
    return job, whole


def test_a_log_is_followed_from_an_offset(server, logged):
    job, whole = logged
    for offset in (0, 1, 10, 11, 19, 20, len(whole) - 1, len(whole)):
        answer = server.call("GET", f"/jobs/{job}/logs?offset={offset}")
        assert answer.status_code == 200 and answer.content == whole[offset:]
        assert answer.headers["X-Log-Bytes"] == str(len(whole))
    assert server.call("GET", f"/jobs/{job}/logs").headers["X-Log-Bytes"] == str(len(whole))


@pytest.mark.parametrize("offset", ["-1", "x", "", "9999999999", "9223372036854775808", "1.5"])
def test_bad_offsets(server, logged, offset):
    body = check_error(server.call("GET", f"/jobs/{logged[0]}/logs?offset={offset}"), 400)
    assert body["details"][0]["field"] == "offset"


def test_a_log_that_is_not_there_yet_can_be_followed(server):
    job = server.submit({"engine": "x", "assets": []}).json()["id"]
    check_error(server.call("GET", f"/jobs/{job}/logs"), 404)
    answer = server.call("GET", f"/jobs/{job}/logs?offset=0")
    assert (answer.status_code, answer.content, answer.headers["X-Log-Bytes"]) == (200, b"", "0")
    check_error(server.call("GET", f"/jobs/{job}/logs?offset=1"), 400)


@pytest.mark.parametrize("what", ["references", "deliveries", "logs?offset=0"])
def test_abuse_025_jobs_of_another_team(server, unique, what):
    token = server.team("p" + unique[2:].lower())
    theirs = server.submit({"engine": "x", "assets": []}, token=token).json()["id"]
    unknown = check_error(server.call("GET", f"/jobs/{NOBODY}/{what}"), 404)
    assert check_error(server.call("GET", f"/jobs/{theirs}/{what}"), 404) == unknown
    assert server.call("GET", f"/jobs/{theirs}/{what}", token=token).status_code == 200
    assert server.call("GET", f"/jobs/x/{what}").status_code in (400, 404)


@pytest.mark.parametrize("what, allowed", [("references", "admin editor"), ("deliveries", "admin editor submit"), ("logs?offset=0", "admin editor submit")])
def test_who_may(server, what, allowed):
    job = server.submit({"engine": "x", "assets": []}).json()["id"]
    for role in ("admin", "editor", "submit", "worker", "audit"):
        assert server.call("GET", f"/jobs/{job}/{what}", token=server.new_token(role)).status_code == (200 if role in allowed.split() else 403), role
