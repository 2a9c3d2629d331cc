"""Policies at pick-up and at each use, and teams whose new secrets have them by default."""
import json
import os
import sqlite3

import pytest
import requests

from common import all_audit, put_path
from conftest import OPEN, Web, canary, until
from policed import WORDS, finish, in_ms, made, patch, picked_up, places, policed, queued, refused, shown


# --- at pick-up and at use ---

def test_a_policy_tightened_after_submit_ends_the_job_at_pickup(policed, unique):
    there = policed.put(unique, canary()).json()
    name, job = queued(policed, {"assets": [{"type": "text", "value": "${secret.%s}" % unique}]})
    patch(policed, there, {"sinks": ["header"]})
    assert picked_up(policed, name).status_code == 204
    ended = policed.job(job)
    assert ended["status"] == "error" and unique in ended["stats"]["error"] and "does not allow its use as text" in ended["stats"]["error"]
    assert not [r for r in all_audit(policed) if r["event"] == "secret.exposed" and r.get("name") == unique]


@pytest.mark.parametrize("policy,words", [({"sinks": ["header"]}, "does not allow this use"), ({"hosts": ["s3.example"]}, "does not allow the host")])
def test_abuse_050_an_upload_under_a_tightened_policy_fails_and_names_the_secret(policed, unique, policy, words):
    there = policed.put(unique, canary()).json()
    policed.put(unique + "-id", "AKIA" + unique)
    with Web(lambda h, body: (200, {}, b"")) as web:
        upload = put_path(web)
        upload["params"].update(accessKeyId="${secret.%s-id}" % unique, accessKeySecret="${secret.%s}" % unique)
        name, job = queued(policed, {"upload": upload})
        lease = picked_up(policed, name).json()
        assert patch(policed, there, policy).status_code == 200
        finish(policed, lease)
        ended = policed.wait(job)
        assert ended["status"] == "error" and unique in ended["stats"]["error"] and words in ended["stats"]["error"], ended
        assert web.seen == []


def test_abuse_045_050_the_host_a_secret_decides_is_judged_at_use(policed, studio, unique):
    """The address stands in one secret, the credential in another: both policies are asked for the host it comes to."""
    port = studio.url.rsplit(":", 1)[1]
    policed.put(unique + "-url", f"{studio.url}/hook/{unique}")
    for host, status in (("hooks.example", 0), ("127.0.0.1:1", 0), ("127.0.0.1", 1), (f"127.0.0.1:{port}", 2)):
        key = f"{unique}-{status}-{host.replace(':', '.')}"
        made(policed, key, hosts=[host])
        name, job = queued(policed, {"webhook": {"url": "${secret.%s-url}" % unique, "headers": {"X": "${secret.%s}" % key}}})
        finish(policed, picked_up(policed, name).json())
        assert policed.wait(job)["status"] == "finished"
        until(lambda: "attempt 1" in policed.job_log(job), 15)
        if status == 0:
            assert f"the secret {key}" in policed.job_log(job) and "does not allow the host" in policed.job_log(job)
        assert len(studio.received(f"/hook/{unique}")) == status


def test_the_secret_that_holds_the_address_is_bound_to_it_as_well(policed, studio, unique):
    made(policed, unique, f"{studio.url}/hook/{unique}", hosts=["hooks.example"])
    name, job = queued(policed, {"webhook": {"url": "${secret.%s}" % unique}})
    finish(policed, picked_up(policed, name).json())
    until(lambda: f"the secret {unique}" in policed.job_log(job), 15)
    assert studio.received(f"/hook/{unique}") == []


def test_an_asset_is_not_fetched_from_another_host(policed, unique):
    with Web(lambda h, body: (200, {}, b"picture")) as web:
        policed.put(unique + "-host", web.url.split("//")[1])
        made(policed, unique, hosts=["cdn.example"], sinks=["header"])
        made(policed, unique + "-ok", hosts=["127.0.0.1"], sinks=["header"])
        for key, status in ((unique, 403), (unique + "-ok", 200)):
            name, job = queued(policed, {"assets": [{"type": "image", "src": "http://${secret.%s-host}/a" % unique, "params": {"headers": {"X": "${secret.%s}" % key}}}]})
            lease = picked_up(policed, name).json()
            got = requests.get(lease["job"]["assets"][0]["src"], timeout=30)
            assert got.status_code == status, got.text
            assert len(web.seen) == (status == 200)
        assert got.content == b"picture"


def test_abuse_066_a_redirect_does_not_take_a_value_to_another_host(policed, unique):
    with Web(lambda h, body: (200, {}, b"")) as other, Web(lambda h, body: (302, {"Location": other.url + "/stolen"}, b"")) as web:
        made(policed, unique, hosts=[web.url.split("//")[1]])
        name, job = queued(policed, {"webhook": {"url": web.url + "/hook", "headers": {"X": "${secret.%s}" % unique}}})
        finish(policed, picked_up(policed, name).json())
        until(lambda: web.seen, 15)
        until(lambda: "attempt 1" in policed.job_log(job), 15)
        assert other.seen == []


def test_masks_work_whatever_the_policy_says(policed, unique):
    value = canary()
    there = policed.put(unique, value).json()
    name, job = queued(policed, {"assets": [{"type": "text", "value": "${secret.%s}" % unique}]})
    lease = picked_up(policed, name).json()
    assert value in json.dumps(lease)
    assert patch(policed, there, {"sinks": ["credential"], "hosts": ["nowhere.example"], "expiresAt": in_ms(3000)}).status_code == 200
    until(lambda: policed.submit({"engine": "x", "upload": {"params": {"region": "r", "bucket": "b", "accessKeyId": "k", "accessKeySecret": "${secret.%s}" % unique,
                                                                       "endpoint": "https://nowhere.example"}}}).status_code == 400, 10)
    log = policed.call("POST", f"/worker/leases/{lease['lease']}/log?offset=0&final=1", f"seen {value} here\n".encode())
    assert log.status_code == 200, log.text
    assert value not in policed.job_log(job) and "seen *** here" in policed.job_log(job)


def test_expiry(policed, studio, unique):
    ref = {"webhook": {"url": f"{studio.url}/hook/{unique}", "headers": {"X": "${secret.%s}" % unique}}}
    there = policed.put(unique, canary()).json()
    waiting, waiting_job = queued(policed, ref)
    name, job = queued(policed, ref)
    lease = picked_up(policed, name).json()
    assert patch(policed, there, {"expiresAt": in_ms(3000)}).status_code == 200
    until(lambda: policed.submit({**ref, "engine": "x"}).status_code == 400, 10)
    assert "has expired" in refused(policed.submit({**ref, "engine": "x"}))["/webhook/headers/X"]
    finish(policed, lease)
    until(lambda: "its policy has expired" in policed.job_log(job), 15)
    assert f"the secret {unique}" in policed.job_log(job)
    assert picked_up(policed, waiting).status_code == 204
    assert unique in policed.job(waiting_job)["stats"]["error"] and "has expired" in policed.job(waiting_job)["stats"]["error"]
    assert studio.received(f"/hook/{unique}") == []
    assert shown(policed, unique)["policy"]["expiresAt"]
    assert patch(policed, there, None).status_code == 200
    assert policed.submit({**ref, "engine": "x"}).status_code == 201


@pytest.mark.parametrize("edit", [
    "UPDATE versions SET policy = x''",
    "UPDATE versions SET policy = x'01ff' || substr(policy, 3)",
    "UPDATE versions SET policy = (SELECT policy FROM versions v2 WHERE v2.policy <> versions.policy LIMIT 1)",
])
def test_abuse_080_an_edited_policy_opens_nothing(fresh, unique, edit):
    s = fresh(*OPEN)
    value = canary()
    there = made(s, unique, value, sinks=["header"])
    made(s, unique + "-other", sinks=["header", "text"])
    s.stop()
    db = sqlite3.connect(s.data / "db" / "safelight.db")
    assert db.execute(edit + " WHERE secret_id = ?" if "WHERE" not in edit else edit.replace(" LIMIT 1)", " LIMIT 1) WHERE secret_id = ?"), (there["id"],)).rowcount == 1
    db.execute("UPDATE secrets SET policy = (SELECT CAST(policy AS BLOB) FROM versions WHERE secret_id = secrets.id) WHERE id = ?", (there["id"],))
    db.execute("UPDATE versions SET policy = CAST(policy AS BLOB)")
    db.commit()
    db.close()
    s.start()
    answer = s.submit({"engine": "edited", "assets": [{"type": "text", "value": "${secret.%s}" % unique}]})
    if answer.status_code == 201:
        lease = picked_up(s, "edited")
        assert lease.status_code != 200 and value not in lease.text
        until(lambda: s.job(answer.json()["id"])["status"] == "error", 10)
    else:
        assert answer.status_code == 500 and answer.json()["code"] == "SEALED_RECORD_INVALID"
    again = patch(s, there, None)
    assert again.status_code == 500 and again.json()["code"] == "SEALED_RECORD_INVALID"


def test_abuse_080_a_job_with_an_edited_policy_does_not_hold_up_others(fresh, unique):
    s = fresh(*OPEN)
    there = made(s, unique, sinks=["text"])
    jobs = [s.submit({"engine": "same", "assets": [{"type": "text", "value": t}]}).json()["id"] for t in ("${secret.%s}" % unique, "plain")]
    s.stop()
    db = sqlite3.connect(s.data / "db" / "safelight.db")
    db.execute("UPDATE versions SET policy = x'01ff0000000000000000' WHERE secret_id = ?", (there["id"],))
    db.commit()
    db.close()
    s.start()
    lease = picked_up(s, "same")
    assert lease.status_code == 200 and lease.json()["job"]["id"] == jobs[1]
    assert s.job(jobs[0])["status"] == "error" and unique in s.job(jobs[0])["stats"]["error"]


def test_nested_jobs_are_held_to_a_tightened_policy(policed, unique):
    there = policed.put(unique, canary()).json()
    name = "policed-" + os.urandom(4).hex()
    nested = {"type": "job", "layerName": "l", "engine": name, "template": {"id": "t", "src": "https://x.example/t.aep", "composition": "c"},
              "assets": [{"type": "text", "layerName": "m", "value": "${secret.%s}" % unique}]}
    answer = policed.submit({"engine": name, "assets": [nested]})
    assert answer.status_code == 201, answer.text
    patch(policed, there, {"sinks": ["credential"]})
    assert picked_up(policed, name).status_code == 204
    parent = policed.job(answer.json()["id"])
    assert parent["status"] == "error", parent


# --- teams that are strict ---

@pytest.fixture(scope="module")
def strict(policed):
    """A team's token; one secret of it is older than its strictness."""
    token = policed.team("strict")
    assert policed.put("OLDER", canary(), token=token).status_code == 201
    assert policed.call("GET", "/team", token=token).json()["policyDefault"] == "open"
    answer = policed.call("PATCH", "/team", {"policyDefault": "strict"}, token=token)
    assert answer.status_code == 200 and answer.json()["policyDefault"] == "strict" and answer.json()["putExisting"] == "refuse"
    assert policed.call("GET", "/team", token=token).json() == answer.json()
    return token


ALLOWED = ["credential", "header", "url"]


def test_a_strict_team_writes_its_sinks_into_new_secrets(policed, strict, unique):
    assert policed.put(unique, canary(), token=strict).json()["policy"] == {"sinks": ALLOWED}
    assert made(policed, unique + "-hosts", token=strict, hosts=["a.example"])["policy"] == {"sinks": ALLOWED, "hosts": ["a.example"]}
    assert made(policed, unique + "-own", token=strict, sinks=["text"])["policy"] == {"sinks": ["text"]}
    assert "policy" not in shown(policed, "OLDER", strict)
    there = shown(policed, unique, strict)
    assert patch(policed, there, {"sinks": WORDS}, strict).json()["policy"] == {"sinks": WORDS}
    assert patch(policed, there, None, strict).json()["policy"] == {"sinks": ALLOWED}


def test_abuse_043_044_047_048_what_a_strict_team_refuses(policed, strict, unique):
    policed.put(unique, canary(), token=strict)
    made(policed, unique + "-all", token=strict, sinks=WORDS)
    for name in (unique, "OLDER", unique + "-all"):
        for sink, pointer, payload in places(name):
            answer = policed.submit({"engine": "x", **payload}, strict)
            if sink in ALLOWED or name.endswith("-all"):
                assert answer.status_code == 201, answer.text
            else:
                assert sink in refused(answer)[pointer]
    assert "strict" in refused(policed.submit({"engine": "x", **places("OLDER")[-1][2]}, strict))["/assets/0/value"]


def test_strictness_is_recorded_and_can_be_undone(policed, unique):
    token = policed.team("undone-" + os.urandom(4).hex())
    for policy, status in (("strict", 200), ("strict", 200), ("open", 200), ("Strict", 400), ("", 400), (True, 400)):
        assert policed.call("PATCH", "/team", {"policyDefault": policy}, token=token).status_code == status
    assert len([r for r in policed.audit(token) if r["event"] == "team.changed" and r["field"] == "policyDefault"]) == 2
    assert policed.call("PATCH", "/team", {}, token=token).status_code == 400
    assert "policy" not in policed.put(unique, canary(), token=token).json()
    assert policed.call("PATCH", "/team", {"policyDefault": "strict"}, token=policed.new_token("editor")).status_code == 403
