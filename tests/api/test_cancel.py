"""Cancelling: contract 2.7, checks 29 to 31, 34 (cancelled)."""
import socket

import pytest

from common import arrived, hook
from conftest import until
from test_nested import ONE, TEMPLATE, parent, team  # noqa: F401  (team is a fixture)

UNKNOWN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
CANCELLED = "manually_cancelled"


def cancel(team, job_id, **options):
    return team.call("PATCH", f"/jobs/{job_id}/cancel{options.pop('query', '')}", **options)


def cancelled(answer):
    assert answer.status_code == 200, answer.text
    assert all(j["status"] == CANCELLED for j in answer.json())
    return {j["id"] for j in answer.json()}


def test_30_a_queued_job_is_cancelled(team):
    made = team.accepted({"template": TEMPLATE})
    answer = cancel(team, made["id"])
    assert cancelled(answer) == {made["id"]}
    job = answer.json()[0]
    assert job["stats"]["error"] is None and job["stats"]["finishedAt"] is None
    assert team.status(made["id"]) == CANCELLED and team.lease() is None
    events = [r["event"] for r in team.server.audit(token=team.token) if r.get("job") == made["id"]]
    assert events == ["job.submitted", "job.cancelled"]


def test_30_no_body_and_no_length(team):
    """As curl -X PATCH sends it."""
    made = team.accepted({"template": TEMPLATE})
    with socket.create_connection((team.server.host, team.server.port)) as s:
        s.sendall(f"PATCH /api/v2/jobs/{made['id']}/cancel HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {team.token}\r\n"
                  "Accept: */*\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: s.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200") and made["id"].encode() in answer


@pytest.mark.parametrize("odd", ["x", UNKNOWN + "X", UNKNOWN[:-1], UNKNOWN.lower(), UNKNOWN[:-1] + "U", "%20"])
@pytest.mark.parametrize("method, what", [("PATCH", "cancel"), ("GET", "logs")])
def test_30_malformed_ids_are_400(team, odd, method, what):
    answer = team.call(method, f"/jobs/{odd}/{what}")
    assert answer.status_code == 400 and isinstance(answer.json()["error"], str)


def test_30_unknown_ids_are_404(team, server):
    other = server.submit({"template": TEMPLATE}).json()["id"]
    for unknown in (UNKNOWN, "Z" * 26, other):
        answer = cancel(team, unknown)
        assert answer.status_code == 404 and isinstance(answer.json()["error"], str)
        assert team.call("GET", f"/jobs/{unknown}/logs").status_code == 404
    assert team.call("GET", "/jobs/x").status_code == 404  # no 400 on this one
    assert cancel(team, other, headers={"Authorization": f"Bearer {server.token}"}).status_code == 200


def test_30_rendering_and_ended_jobs_are_409(team):
    made = team.accepted({"template": TEMPLATE})
    lease = team.lease()
    assert cancel(team, made["id"]).status_code == 409
    team.finish(lease)
    for query in ("", "?running=true"):
        answer = cancel(team, made["id"], query=query)
        assert answer.status_code == 409 and answer.json()["code"] == "CONFLICT"
    assert team.status(made["id"]) == "finished"
    again = team.accepted({"template": TEMPLATE})["id"]
    assert cancel(team, again).status_code == 200 and cancel(team, again).status_code == 409


# --- families ---

def test_cancelling_a_parent_takes_its_children_along(team):
    made = team.accepted(parent({**ONE, "assets": [ONE]}, ONE))
    child = made["children"][0]
    assert cancelled(cancel(team, made["id"])) == {made["id"], child["id"], child["children"][0]["id"], made["children"][1]["id"]}
    assert team.lease() is None


def test_cancelling_a_child_takes_parent_and_waiting_siblings_along(team):
    made = team.accepted(parent({**ONE, "assets": [ONE]}, ONE, ONE))
    rendering = team.lease()  # the grandchild
    siblings = [c["id"] for c in made["children"]]
    assert cancelled(cancel(team, siblings[1])) == {made["id"], *siblings}
    assert team.status(rendering["job"]["id"]) == "render:dorender"
    team.finish(rendering)
    assert team.status(siblings[0]) == CANCELLED and team.lease() is None


def test_cancelling_a_running_family(team):
    made = team.accepted(parent(ONE, ONE))
    lease = team.lease()
    got = cancelled(cancel(team, made["id"], query="?running=true"))
    assert got == {made["id"], *(c["id"] for c in made["children"])}
    assert beat(team, lease).json()["cancel"] is True


# --- running jobs ---

def beat(team, lease, **body):
    return team.server.call("POST", f"/worker/leases/{lease['lease']}/heartbeat", body, token=team.worker)


def test_a_running_job_is_cancelled_when_asked_for(team):
    team.server.put("KEY", "some-value-8", token=team.token)
    made = team.accepted({"template": {**TEMPLATE, "src": "https://files.example/${secret.KEY}.aep"}})
    lease = team.lease()
    assert beat(team, lease, progress=10).json()["cancel"] is False
    assert cancelled(cancel(team, made["id"], query="?running=true")) == {made["id"]}
    for _ in range(2):
        answer = beat(team, lease, progress=20)
        assert answer.status_code == 200 and answer.json()["cancel"] is True
    job = team.job(made["id"])
    assert job["status"] == CANCELLED and job["progress"] == 10
    assert team.server.call("PUT", lease["output"]["url"], b"late", token="").status_code in (409, 410)
    assert team.server.call("GET", lease["job"]["template"]["src"], token="").status_code in (409, 410)
    late = team.server.call("POST", f"/worker/leases/{lease['lease']}/finish", {"state": "finished"}, token=team.worker)
    assert late.status_code == 409 and late.json()["code"] == "LEASE_LOST"
    log = team.server.call("POST", f"/worker/leases/{lease['lease']}/log?offset=0", b"late", token=team.worker)
    assert log.status_code == 409
    assert team.status(made["id"]) == CANCELLED and team.lease() is None


def test_the_cancelled_lease_is_told_to_its_own_token_only(team):
    made = team.accepted({"template": TEMPLATE})
    lease = team.lease()
    cancel(team, made["id"], query="?running=true")
    other = team.server.new_token("worker", team.name)
    assert team.server.call("POST", f"/worker/leases/{lease['lease']}/heartbeat", {}, token=other).status_code == 409


def test_running_says_true_or_false(team):
    made = team.accepted({"template": TEMPLATE})
    assert cancel(team, made["id"], query="?running=yes").status_code == 400
    assert cancel(team, made["id"], query="?running=false").status_code == 200


# --- several ---

def many(team, ids, **options):
    return team.call("POST", "/jobs/cancel", {"jobs": ids}, **options)


def test_31_several_at_once(team):
    ids = [team.accepted({"template": TEMPLATE})["id"] for _ in range(5)]
    assert cancelled(many(team, ids[:4])) == set(ids[:4])
    assert [team.status(i) for i in ids] == [CANCELLED] * 4 + ["queued"]


def test_31_relatives_in_one_list(team):
    made = team.accepted(parent(ONE, ONE))
    family = [made["id"], *(c["id"] for c in made["children"])]
    answer = many(team, family)
    assert cancelled(answer) == set(family) and len(answer.json()) == 3


@pytest.mark.parametrize("body", [
    {}, {"jobs": []}, {"jobs": UNKNOWN}, {"jobs": [1]}, {"jobs": ["x"]}, {"jobs": [UNKNOWN, UNKNOWN]}, {"jobs": [None]}, {"jobs": [""]},
    {"jobs": [UNKNOWN.lower()]}, [], {"jobs": [["a"]]}])
def test_31_malformed_and_duplicate_ids_are_400(team, body):
    answer = team.call("POST", "/jobs/cancel", body)
    assert answer.status_code == 400
    if isinstance(body, dict):
        assert answer.json()["details"][0]["field"] == "jobs"


def test_31_all_or_nothing(team, server):
    waiting, rendering = (team.accepted({"template": TEMPLATE})["id"] for _ in range(2))
    foreign = server.submit({"template": TEMPLATE}).json()["id"]
    for unknown in (UNKNOWN, foreign):
        assert many(team, [waiting, unknown]).status_code == 404
    lease = team.lease()
    first, second = (waiting, rendering) if lease["job"]["id"] == rendering else (rendering, waiting)
    answer = many(team, [first, second])
    assert answer.status_code == 409 and "error" in answer.json()
    assert team.status(first) == "queued" and server.job(foreign)["status"] == "queued"
    assert many(team, [second, UNKNOWN]).status_code == 404  # whichever comes first
    server.call("PATCH", f"/jobs/{foreign}/cancel")


def test_31_1000_ids_and_1001(team):
    ids = [UNKNOWN[:-3] + f"{n // 100}{n // 10 % 10}{n % 10}" for n in range(1000)]
    assert many(team, ids).status_code == 404
    assert many(team, [*ids, "0" * 26]).status_code == 400


def test_who_may_cancel(team):
    made = team.accepted({"template": TEMPLATE})["id"]
    for role, status in (("worker", 403), ("audit", 403), ("submit", 200)):
        token = team.server.new_token(role, team.name)
        assert team.server.call("PATCH", f"/jobs/{made}/cancel", token=token).status_code == status


# --- webhooks, logs ---

def test_34_the_webhook_tells_of_it(team, studio, unique):
    team.server.put("HOOK", "hook-value-9", token=team.token)
    made = team.accepted({"template": TEMPLATE, "webhook": hook(studio, unique, headers={"X-Key": "${secret.HOOK}"})})
    cancel(team, made["id"])
    got = arrived(studio, unique)[0]
    assert got["headers"].get("X-Key", got["headers"].get("x-key")) == "hook-value-9"
    assert CANCELLED in str(got["body"]) and made["id"] in str(got["body"])


def test_29_the_log_has_its_headers(team):
    made = team.accepted({"template": TEMPLATE})
    assert team.call("GET", f"/jobs/{made['id']}/logs").status_code == 404
    lease = team.lease()
    team.server.call("POST", f"/worker/leases/{lease['lease']}/log?offset=0", b"hello\n", token=team.worker)
    answer = until(lambda: (lambda a: a if a.status_code == 200 else None)(team.call("GET", f"/jobs/{made['id']}/logs")), 10, "the log")
    assert answer.headers["Content-Disposition"] == f'inline; filename="{made["id"]}.log"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff" and answer.headers["Content-Type"].startswith("text/plain")
