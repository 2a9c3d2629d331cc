"""Batches: contract 2.7, checks 32 and 33, abuse cases 37 and 51."""
import json

import pytest

from common import arrived, hook
from conftest import canary
from test_nested import ONE, TEMPLATE, parent, team  # noqa: F401  (team is a fixture)

UNKNOWN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
GOOD = {"template": TEMPLATE}
BAD = {"template": TEMPLATE, "priority": "high"}


def post(team, *jobs, **more):
    return team.call("POST", "/batches", {"jobs": list(jobs), **more})


def accepted(team, *jobs):
    answer = post(team, *jobs)
    assert answer.status_code == 201, answer.text
    return answer.json()


def shown(team, batch_id):
    answer = team.call("GET", f"/batches/{batch_id}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_32_all_good(team):
    batch = accepted(team, GOOD, parent(ONE), {**GOOD, "fonts": ["No.ttf"]})
    assert len(batch["batchId"]) == 26 and (batch["status"], batch["totalJobs"], batch["successCount"]) == ("created", 3, 3)
    assert [j["index"] for j in batch["jobs"]] == [0, 1, 2] and "errors" not in batch
    assert [j["status"] for j in batch["jobs"]] == ["queued", "pending", "queued"]
    assert all(isinstance(j["outputUrl"], str) and len(j["id"]) == 26 for j in batch["jobs"])
    assert len(batch["jobs"][1]["children"]) == 1 and batch["jobs"][2]["missingFonts"] == ["No.ttf"]
    listed = [j["id"] for j in team.call("GET", "/jobs").json()]
    assert len(listed) == 4 and {j["id"] for j in batch["jobs"]} < set(listed)
    audited = team.server.audit(token=team.token, event="job.submitted")
    assert len(audited) == 4


def test_32_some_bad(team):
    team.server.put("REAL_KEY", "real-value-1", token=team.token)
    batch = accepted(team, BAD, GOOD, {**GOOD, "tags": "${secret.REAL_KEY}"}, {"template": {"id": UNKNOWN}},
                     {**GOOD, "assets": [{"type": "text", "value": "${secret.REAL_KEX}"}]}, 7)
    assert (batch["status"], batch["totalJobs"], batch["successCount"]) == ("partial", 6, 1)
    assert [j["index"] for j in batch["jobs"]] == [1]
    errors = {e["index"]: e for e in batch["errors"]}
    assert list(errors) == [0, 2, 3, 4, 5]
    assert all(isinstance(e["error"], str) and e["error"] for e in errors.values())
    assert [e["errorCode"] for e in errors.values()] == ["INVALID_REQUEST"] * 2 + ["NOT_FOUND"] + ["INVALID_REQUEST"] * 2
    assert errors[0]["error"].startswith("/priority: ") and errors[0]["details"][0]["field"] == "/priority"
    assert "did you mean REAL_KEY?" in errors[4]["error"]
    assert len(team.call("GET", "/jobs").json()) == 1
    assert shown(team, batch["batchId"])["stats"] == {"total": 1, "finished": 0, "error": 0, "cancelled": 0, "pending": 1}


def test_32_all_bad(team):
    answer = post(team, BAD, {})
    assert answer.status_code == 400
    body = answer.json()
    assert isinstance(body["error"], str) and body["status"] == "error" and body["successCount"] == 0 and body["totalJobs"] == 2
    assert body["jobs"] == [] and [e["index"] for e in body["errors"]] == [0, 1] and len(body["batchId"]) == 26
    assert team.call("GET", f"/batches/{body['batchId']}").status_code == 404
    assert team.call("GET", "/jobs").json() == []


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"7", b"{}", b'{"jobs":[]}', b'{"jobs":null}', b'{"jobs":{}}', b'{"jobs":[{}]', b'{"jobs":[{}],}', b'{"jobs":[{},]}',
    b'{"jobs":[{"a":}]}', b'{"jobs":[{"a":1,"a":2},{}]}', b'{"jobs":[{}],"jobs":[{}]}', b'{"jobs":[{"a":"\xff"}]}', b'{"jobs":[nul]}'])
def test_32_what_is_no_batch_is_400(team, body):
    answer = team.call("POST", "/batches", body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400 and isinstance(answer.json()["error"], str) and "batchId" not in answer.json()


def test_malformed_text_of_one_job_refuses_the_whole(team):
    """What is not JSON is no batch, also when only one job of it is not."""
    good = json.dumps(GOOD)
    answer = team.call("POST", "/batches", f'{{"jobs":[{good},{{"x":01}}]}}'.encode())
    assert answer.status_code == 400 and answer.json()["code"] == "INVALID_JSON"
    assert team.call("GET", "/jobs").json() == []


def test_1000_jobs_and_1001(team):
    batch = accepted(team, *[GOOD] * 1000)
    assert batch["successCount"] == 1000
    state = shown(team, batch["batchId"])
    assert state["stats"]["pending"] == 1000 and [j["index"] for j in state["jobs"]] == list(range(1000))
    answer = post(team, *[GOOD] * 1001)
    assert answer.status_code == 400 and answer.json()["details"][0]["field"] == "jobs"


def test_a_large_batch_is_taken_and_limits_hold_for_each_job(team):
    """Twenty jobs of nearly 1 MiB, more values and depth in one job than a job may have, one job past 1 MiB."""
    big = {**GOOD, "more": "x" * (1000 * 1000)}
    values = {**GOOD, "more": [1] * 200001}
    deep = {**GOOD, "more": json.loads("[" * 63 + "]" * 63)}
    deeper = {**GOOD, "more": json.loads("[" * 64 + "]" * 64)}
    past = {**GOOD, "more": "x" * (1024 * 1024)}
    batch = accepted(team, *[big] * 20, values, deep, deeper, past, *[{**GOOD, "more": [1] * 150000}] * 3)
    assert [e["index"] for e in batch["errors"]] == [20, 22, 23]
    assert [e["errorCode"] for e in batch["errors"]] == ["INVALID_JSON", "INVALID_JSON", "TOO_LARGE"]
    assert batch["successCount"] == 24


def test_32_mib_and_one_byte_more(team):
    def body(size):
        head, tail = b'{"jobs":[%s],"more":"' % json.dumps(GOOD).encode(), b'"}'
        return head + b"x" * (size - len(head) - len(tail)) + tail
    assert team.call("POST", "/batches", body(32 * 1024 * 1024)).status_code == 201
    answer = team.call("POST", "/batches", body(32 * 1024 * 1024 + 1))
    assert answer.status_code == 413 and isinstance(answer.json()["error"], str)


def test_nested_jobs_of_a_batch_are_counted_together(team):
    batch = accepted(team, *[parent(*[ONE] * 100)] * 10, GOOD, parent(ONE), GOOD)
    assert [e["index"] for e in batch["errors"]] == [11] and "at most 1000 nested jobs" in batch["errors"][0]["error"]


def test_abuse_037_051_no_value_in_any_answer(team, studio, unique):
    value = canary()
    team.server.put("KEY", value, token=team.token)
    job = {**GOOD, "webhook": hook(studio, unique, headers={"X-Key": "${secret.KEY}"})}
    answer = post(team, *[job] * 20, {**GOOD, "fonts": ["${secret.KEY}"]})
    batch = answer.json()
    assert batch["status"] == "partial" and value not in answer.text
    assert batch["errors"][0]["details"] == [{"field": "/fonts/0", "message": "a secret reference may not stand here"}]
    assert value not in team.call("GET", f"/batches/{batch['batchId']}").text
    assert value not in team.call("POST", f"/batches/{batch['batchId']}/cancel").text
    assert len(arrived(studio, unique, 20)) >= 20


# --- how it stands ---

def test_the_state_of_a_batch(team):
    batch = accepted(team, GOOD, GOOD, GOOD)
    ids = [j["id"] for j in batch["jobs"]]
    assert shown(team, batch["batchId"])["status"] == "processing"
    team.finish(team.lease())
    state = shown(team, batch["batchId"])
    assert (state["batchId"], state["status"]) == (batch["batchId"], "processing")
    assert state["stats"] == {"total": 3, "finished": 1, "error": 0, "cancelled": 0, "pending": 2}
    assert [(j["index"], j["id"], j["status"]) for j in state["jobs"]] == list(enumerate_states(ids, "finished", "queued", "queued"))
    assert "stats" in state["jobs"][0] and "stats" not in state["jobs"][1] and state["jobs"][0]["outputUrl"]
    team.finish(team.lease(), error="broken")
    team.call("PATCH", f"/jobs/{ids[2]}/cancel")
    state = shown(team, batch["batchId"])
    assert state["status"] == "finished" and state["jobs"][1]["stats"]["error"] == "broken"
    assert state["stats"] == {"total": 3, "finished": 1, "error": 2, "cancelled": 1, "pending": 0}


def enumerate_states(ids, *states):
    return ((i, ids[i], s) for i, s in enumerate(states))


def test_a_batch_of_failures_is_an_error(team):
    batch = accepted(team, GOOD)
    team.finish(team.lease(), error="broken")
    assert shown(team, batch["batchId"])["status"] == "error"


@pytest.mark.parametrize("call", [("GET", ""), ("POST", "/cancel")])
def test_ids_of_batches(team, server, call):
    method, rest = call
    foreign = server.call("POST", "/batches", {"jobs": [GOOD]}).json()["batchId"]
    for odd in ("x", UNKNOWN[:-1], UNKNOWN.lower()):
        answer = team.call(method, f"/batches/{odd}{rest}")
        assert answer.status_code == 400 and answer.json()["details"][0]["field"] == "id"
    for unknown in (UNKNOWN, foreign):
        assert team.call(method, f"/batches/{unknown}{rest}").status_code == 404
    server.call("POST", f"/batches/{foreign}/cancel")


# --- cancelling ---

MEMBERS = {"batchId", "status", "totalJobs", "cancelledCount", "skippedCount", "jobs", "cancelledJobs"}


def cancel(team, batch_id, query=""):
    answer = team.call("POST", f"/batches/{batch_id}/cancel{query}", headers={"Content-Length": "0"})
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == MEMBERS
    return answer.json()


def test_33_a_whole_batch_is_cancelled(team):
    batch = accepted(team, GOOD, parent(ONE))
    done = cancel(team, batch["batchId"])
    assert (done["status"], done["totalJobs"], done["cancelledCount"], done["skippedCount"]) == ("cancelled", 2, 2, 0)
    assert [(j["index"], j["result"], j["status"]) for j in done["jobs"]] == [(i, "cancelled", "manually_cancelled") for i in (0, 1)]
    assert {j["id"] for j in done["cancelledJobs"]} == {*(j["id"] for j in batch["jobs"]), batch["jobs"][1]["children"][0]["id"]}
    assert all(j["status"] == "manually_cancelled" and "stats" in j for j in done["cancelledJobs"])
    again = cancel(team, batch["batchId"])
    assert (again["status"], again["cancelledCount"], again["skippedCount"], again["cancelledJobs"]) == ("unchanged", 0, 2, [])
    assert all(j["result"] == "skipped" and j["reason"] for j in again["jobs"])


def test_33_what_is_being_rendered_is_skipped(team):
    batch = accepted(team, GOOD, GOOD, GOOD)
    team.finish(team.lease())
    lease = team.lease()
    done = cancel(team, batch["batchId"])
    assert (done["status"], done["cancelledCount"], done["skippedCount"]) == ("partial", 1, 2)
    assert [j["result"] for j in done["jobs"]] == ["skipped", "skipped", "cancelled"]
    assert [j["status"] for j in done["jobs"]] == ["finished", "render:dorender", "manually_cancelled"]
    done = cancel(team, batch["batchId"], "?running=true")
    assert [j["result"] for j in done["jobs"]] == ["skipped", "cancelled", "skipped"]
    beat = team.server.call("POST", f"/worker/leases/{lease['lease']}/heartbeat", {}, token=team.worker)
    assert beat.json()["cancel"] is True


def test_33_1000_jobs_at_once(team):
    batch = accepted(team, *[GOOD] * 1000)
    assert len(cancel(team, batch["batchId"])["cancelledJobs"]) == 1000


def test_only_the_first_jobs_are_told_which_name_was_meant(team):
    """Each suggestion looks at every name of the team; the same mistake stands in all jobs."""
    name = "STUDIO_KEY"
    assert team.call("PUT", "/secrets", {"name": name, "value": canary()}).status_code == 201
    wrong = {"engine": "x", "assets": [{"type": "text", "layerName": "a", "value": "${secret.STUDIO_KEV}"}]}
    answer = post(team, *[wrong] * 8)
    assert answer.status_code == 400
    messages = [e["details"][0]["message"] for e in answer.json()["errors"]]
    meant = [m.endswith(f"did you mean {name}?") for m in messages]
    assert meant == [True] * 5 + [False] * 3
    assert all(m.startswith("the secret does not exist, or this token may not use it") for m in messages)
