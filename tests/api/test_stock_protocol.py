"""Protocol v1 by hand: who may call, what a worker is given, what of its words counts (contract checks 41 to 50)."""
import base64
import concurrent.futures
import json
import re
import socket
import time
import urllib.parse

import pytest
import requests

from common import hook
from conftest import OPEN, canary, refused_in_the_end, until
from farm import Farm, farm, own, v2


# --- who may call ---

REFUSED = [("GET", "/jobs/pickup"), ("GET", "/jobs/pickup/a,b"), ("GET", "/jobs"), ("GET", "/jobs/status"), ("GET", "/jobs/x"), ("GET", "/jobs/x/status"),
           ("PUT", "/jobs/x"), ("DELETE", "/jobs/x"), ("POST", "/jobs")]


@pytest.mark.parametrize("method, path", REFUSED)
@pytest.mark.parametrize("token", ["", "wrong", "slt_wrk_" + "0" * 63, "Bearer x"])
def test_check_041_without_a_token_of_ours_it_is_403_in_plain_text(farm, method, path, token):
    answer = farm.call(method, path, token=token)
    assert answer.status_code == 403 and answer.headers["Content-Type"].startswith("text/plain"), answer.text
    assert token == "" or token not in answer.text


@pytest.mark.parametrize("role, method, path, status", [
    ("audit", "GET", "/jobs/pickup", 403), ("submit", "GET", "/jobs/pickup", 403), ("editor", "PUT", "/jobs/x", 403), ("audit", "GET", "/jobs", 403),
    ("worker", "POST", "/jobs", 403), ("worker", "DELETE", "/jobs/x", 403), ("submit", "GET", "/jobs", 200), ("editor", "GET", "/jobs/status", 200),
    ("worker", "GET", "/jobs/status", 200), ("admin", "GET", "/jobs/pickup", 200)])
def test_each_role_may_what_it_may_elsewhere(server, farm, role, method, path, status):
    token = server.new_token(role, team=farm.name)
    assert farm.call(method, path, token=token).status_code == status


def test_the_token_may_also_come_as_a_bearer_and_the_farms_header_counts_first(farm):
    assert farm.call("GET", "/jobs/pickup", token="", Authorization="Bearer " + farm.worker).json() == {}
    assert farm.call("GET", "/jobs/pickup", token="wrong", Authorization="Bearer " + farm.worker).status_code == 403
    assert farm.call("GET", "/jobs/pickup", Authorization="Bearer wrong").status_code == 200
    # elsewhere it is no token
    assert farm.server.call("GET", "/jobs", token="", headers={"nexrender-secret": farm.admin}).status_code == 401
    assert farm.server.call("POST", "/worker/lease", {}, token="", headers={"nexrender-secret": farm.worker}).status_code == 401


def test_two_farm_secrets_in_one_request_are_refused(farm):
    with socket.create_connection((farm.server.host, farm.server.port)) as s:
        s.sendall(f"GET /api/v1/jobs/pickup HTTP/1.1\r\nHost: x\r\nnexrender-secret: {farm.worker}\r\nnexrender-secret: {farm.worker}\r\n\r\n".encode())
        assert s.recv(4096).startswith(b"HTTP/1.1 400 ")


def test_guessing_is_slowed_like_anywhere(fresh):
    server = fresh()
    farm = Farm(server)
    assert farm.call("GET", "/jobs/pickup", token="slt_wrk_guess").status_code == 403
    refused_in_the_end(server, b"GET /api/v1/jobs/pickup HTTP/1.1\r\nHost: x\r\nUser-Agent: %s\r\nnexrender-secret: slt_wrk_guess\r\n\r\n" % farm.agent.encode())
    assert farm.call("GET", "/jobs/pickup").status_code == 200  # a good one is not


def test_options_health_and_addresses_that_are_none(farm):
    answer = farm.call("OPTIONS", "/jobs/pickup", token="")
    assert answer.status_code == 200 and answer.text == "ok"
    assert {"authorization", "nexrender-secret", "nexrender-name"} <= {w.strip().lower() for w in answer.headers["Access-Control-Allow-Headers"].split(",")}
    assert farm.call("GET", "/jobs/pickup").headers["Access-Control-Allow-Origin"] == "*"
    assert farm.call("GET", "/health", token="").text == "ok"
    for path in ("/nope", "/jobs/a/b", "/jobs/a/b/c"):
        answer = farm.call("GET", path)
        assert answer.status_code == 404 and answer.json()["code"] == "NOT_FOUND"
    assert farm.call("OPTIONS", "/jobs/pickup", token="").status_code == 200
    assert farm.server.call("OPTIONS", "/secrets").status_code == 405


# --- picking up ---

def test_check_041_an_empty_queue_is_an_empty_object(farm):
    answer = farm.call("GET", "/jobs/pickup")
    assert answer.status_code == 200 and "json" in answer.headers["Content-Type"] and answer.json() == {}


def test_check_042_a_job_is_given_out_once_under_concurrency(own):
    made = {own.submit(v2())["id"] for _ in range(20)}
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        got = [j["uid"] for j in pool.map(lambda n: own.pickup(name=f"n{n}"), range(40)) if j]
    assert sorted(got) == sorted(made)


def test_check_042_the_document_has_what_the_farms_core_asks_for(own):
    own.put("TITLE", 'a "quoted"\\ value\n')
    own.put("TOKEN", canary())
    made = own.submit(v2([
        {"type": "text", "layerName": "title", "value": "Hello ${secret.TITLE}!", "composition": "intro"},
        {"type": "text", "layerName": "count", "value": 42, "composition": None},
        {"type": "data", "layerName": "l", "property": "Opacity", "value": [1, 2.50, {"a": "$${secret.TITLE}"}]},
        {"type": "data", "layerName": "l", "property": "Opacity", "expression": "time * 2"},
        {"type": "image", "layerName": "i", "src": "https://h.example/a/b.PNG?x=1#y"},
        {"type": "video", "layerName": "v", "src": "https://h.example/v", "params": {"headers": {"A": "b"}, "method": "POST"}},
        {"type": "audio", "layerName": "a", "src": "https://h.example/s.mp3?t=${secret.TOKEN}"},
        {"type": "static", "src": "https://h.example/font.ttf", "name": "My Font.ttf"},
        {"type": "static", "src": "https://h.example/x.bin", "name": "../../etc/passwd"},
        {"type": "static", "src": "https://h.example/y.bin", "name": "my font.TTF"},
        {"type": "script", "src": "https://h.example/s.jsx", "parameters": [{"key": "k", "value": "v"}]}],
        settings={"type": "video", "codec": "prores_422", "quality": "draft", "frames": [10, 20]}, tags="big,blue", priority=3))
    job = own.pickup(name="node-9")
    assert job["uid"] == made["id"] and job["state"] == "picked" and job["type"] == "default" and job["tags"] == "big,blue" and job["priority"] == 3
    assert job["template"] == {"src": "https://studio.example/t.aep", "name": "template.aep", "composition": "main", "frameStart": 10, "frameEnd": 20,
                               "outputModule": "nx_video_prores_422", "settingsTemplate": "nx_draft", "outputExt": "mov"}
    a = job["assets"]
    assert a[0] == {"type": "data", "layerName": "title", "composition": "intro", "property": "Source Text", "value": 'Hello a "quoted"\\ value\n!'}
    assert a[1] == {"type": "data", "layerName": "count", "property": "Source Text", "value": "42"}
    assert a[2] == {"type": "data", "layerName": "l", "property": "Opacity", "value": [1, 2.5, {"a": "${secret.TITLE}"}]}
    assert a[3] == {"type": "data", "layerName": "l", "property": "Opacity", "expression": "time * 2"}
    assert a[4] == {"type": "image", "layerName": "i", "name": "4.PNG", "src": "https://h.example/a/b.PNG?x=1#y"}
    assert a[5] == {"type": "video", "layerName": "v", "name": "5", "src": "https://h.example/v", "params": {"headers": {"A": "b"}}}
    assert a[6]["src"].startswith(own.server.url + "/t/") and a[6]["src"].endswith(".mp3") and a[6]["name"] == "6.mp3" and "params" not in a[6]
    assert [x["name"] for x in a[7:10]] == ["My Font.ttf", "8.bin", "9.bin"]
    assert a[10] == {"type": "script", "src": "https://h.example/s.jsx", "name": "10.jsx", "parameters": [{"key": "k", "value": "v"}]}
    (action,) = job["actions"]["postrender"]
    assert action["module"] == "@nexrender/action-upload" and action["provider"] == "nx" and set(action["params"]) == {"url"}
    assert own.server.call("GET", f"/jobs/{made['id']}", token=own.admin).json()["status"] == "render:dorender"


def test_the_template_of_the_farms_own_form_wins(own):
    own.submit({"template": {"id": "x", "src": "https://h.example/t.aep", "composition": "main", "outputModule": "h264", "settingsTemplate": "Best",
                             "continueOnMissing": True, "frameStart": 3, "frameEnd": 4, "incrementFrame": 2}})
    template = own.pickup()["template"]
    assert template == {"src": "https://h.example/t.aep", "name": "template.aep", "composition": "main", "outputModule": "h264", "settingsTemplate": "Best",
                        "continueOnMissing": True, "frameStart": 3, "frameEnd": 4, "incrementFrame": 2, "outputExt": "mp4"}


def test_a_mogrt_gets_its_essential_values_and_no_composition(own):
    own.put("TITLE", canary())
    own.submit({"template": {"id": "x", "src": "https://h.example/t.mogrt"},
                "assets": [{"type": "essential", "layerName": "Color", "value": [1, 0, 0]}, {"type": "essential", "layerName": "Title", "value": "x"},
                           {"type": "essential", "layerName": "Title", "value": "${secret.TITLE}"}]})
    job = own.pickup()
    assert job["template"]["name"] == "template.mogrt" and job["template"]["composition"] == "__mogrt__" and job["assets"] == []
    (action,) = job["actions"]["predownload"]
    assert action["module"] == "@nexrender/action-mogrt" and set(action["params"]) == {"Color", "Title"} and action["params"]["Title"].startswith("cnry")
    exposed = [r["field"] for r in own.server.audit(token=own.admin, event="secret.exposed")]
    assert exposed == ["/assets/2/value"]


def test_a_preview_has_a_draft_form(own):
    own.submit(v2(preview=True, settings={"codec": "prores_422"}))
    template = own.pickup()["template"]
    assert (template["outputModule"], template["settingsTemplate"], template["outputExt"]) == ("nx_video_h264_vbr_1mbps", "nx_draft", "mp4")


def test_tags_select(own):
    made = own.submit(v2(tags="red"))
    assert own.pickup("blue,green") == {}
    assert own.pickup("blue,%20red")["uid"] == made["id"]
    answer = own.call("GET", "/jobs/pickup/" + "a" * 257)
    assert answer.status_code == 400


CANNOT = [
    ({"template": {"id": "x", "src": "https://h.example/t.aep"}}, "/template/composition"),
    (v2([{"type": "image", "src": "https://h.example/a.png"}]), ""),
    (v2([{"type": "data", "layerName": "l", "value": 1}]), ""),
    (v2([{"type": "essential", "layerName": "l", "value": 1}]), ""),
    (v2(settings={"type": "image", "frames": [1, 5]}), ""),
    (v2(settings={"type": "aep"}), ""),
    ({"template": {"id": "x", "src": "https://h.example/t.zip", "composition": "main"}}, ""),
    (v2([{"type": "function", "name": "nx:layer-remove", "params": {"layerName": "a"}}]), "/assets"),
]


@pytest.mark.parametrize("payload, field", CANNOT)
def test_what_the_farms_worker_cannot_do_is_said_and_kept_for_our_own(own, payload, field):
    made = own.submit(payload)
    assert [w["field"] for w in made["warnings"]] == [field] and "own" in made["warnings"][0]["message"]
    assert own.pickup() == {}
    lease = own.server.call("POST", "/worker/lease", {"engines": "function,ffmpeg"}, token=own.worker)
    assert lease.status_code == 200 and lease.json()["job"]["id"] == made["id"]


def test_a_job_with_an_engine_is_not_for_the_farm(own):
    own.submit({**v2(), "engine": "blender"})
    assert own.pickup() == {}


def test_a_secret_that_is_gone_ends_the_job_and_the_next_is_given(own):
    gone = own.put("GONE", canary())
    first = own.submit(v2([{"type": "text", "layerName": "t", "value": "${secret.GONE}"}]))
    second = own.submit(v2())
    assert own.server.call("DELETE", f"/secrets/{gone}", token=own.admin).status_code == 200
    assert own.pickup()["uid"] == second["id"]
    assert "GONE" in own.job(first["id"])["stats"]["error"]


# --- what a worker says ---

def row_of(own, uid):
    job = own.job(uid)
    job["stats"].pop("updatedAt")
    return job


def test_check_043_the_echo_changes_nothing_stored(own):
    title = canary()
    own.put("TITLE", title)
    made = own.submit(v2([{"type": "text", "layerName": "t", "value": "${secret.TITLE}"}], tags="a", priority=5, webhook={"url": "https://h.example/x"}))
    job = own.pickup(name="n")
    before = row_of(own, made["id"])
    answer = own.call("PUT", f"/jobs/{made['id']}", {**job, "state": "started", "startedAt": "2001-01-01T00:00:00Z", "priority": 99, "tags": "z", "creator": "me",
                                                       "template": {"src": "file:///etc/passwd"}, "webhook": {"url": "https://evil.example"}, "error": None}, name="n")
    assert answer.status_code == 200 and title not in answer.text and answer.json()["tags"] == "a"
    assert row_of(own, made["id"]) == before
    assert own.server.places_of(title) == []
    for path in ("/jobs", "/jobs/status", f"/jobs/{made['id']}", f"/jobs/{made['id']}/status"):
        assert title not in own.call("GET", path, token=own.admin).text
    # taken again, it is as it was
    own.say(made["id"], "queued", name="n")
    again = own.pickup(name="n")
    assert {k: v for k, v in again.items() if k not in ("actions", "executor")} == {k: v for k, v in job.items() if k not in ("actions", "executor")}


def test_check_044_nulls_erase_nothing_and_progress_shows(own):
    made = own.submit(v2(tags="a"))
    job = own.pickup(name="n")
    light = own.say(job["uid"], "render:dorender", name="n", renderProgress=37, createdAt=None, updatedAt=None, tags=None, error=None, startedAt=None)
    assert light["tags"] == "a" and light["createdAt"] and light["startedAt"] and light["renderProgress"] == 37 and light["jobExecutor"] == "n"
    assert own.job(made["id"])["progress"] == 37
    for said, kept in ((None, 37), (250, 100), (-3, 100), (12.9, 12)):
        assert own.say(job["uid"], "render:dorender", name="n", renderProgress=said)["renderProgress"] == kept


@pytest.mark.parametrize("encode", [str, urllib.parse.quote, lambda v: base64.b64encode(v.encode()).decode(), lambda v: json.dumps(v)[1:-1],
                                    lambda v: v.encode().hex()])
def test_check_045_errors_are_masked_and_the_rest_is_kept(own, encode):
    token, key = canary() + "/+%\"é", "AKIA" + canary()
    own.put("TOKEN", token)
    own.put("KEY", key)
    own.submit(v2([{"type": "image", "layerName": "i", "src": "https://h.example/a.png?token=${secret.TOKEN}"}],
                  upload={"params": {"region": "r", "bucket": "b", "accessKeyId": "${secret.KEY}", "accessKeySecret": "${secret.TOKEN}"}}))
    job = own.pickup()
    own.say(job["uid"], "error", error=f"Unable to download file https://h.example/a.png?token={encode(token)}; S3 says {encode(key)} is unknown. The end.")
    error = own.job(job["uid"])["stats"]["error"]
    assert error.startswith("Unable to download file https://h.example/a.png?token=***") and error.endswith("is unknown. The end.")
    assert encode(token) not in error and encode(key) not in error and token not in error


@pytest.mark.parametrize("error, shown", [
    ("it broke", "it broke"), (["one", "two", 3, None], "one\n\ntwo"), ({"message": "inside", "stack": "x"}, "inside"),
    ({}, "the worker gave no reason"), (None, "the worker gave no reason"), ([], "the worker gave no reason"), (17, "the worker gave no reason"),
    ("x" * 200000, "x" * 4096)], ids=lambda v: str(v)[:20])
def test_check_046_an_error_in_any_form_ends_the_job(own, error, shown):
    own.submit(v2())
    job = own.pickup()
    assert own.say(job["uid"], "error", error=error)["state"] == "error"
    assert own.job(job["uid"])["stats"]["error"] == shown


def test_check_046_final_states_are_not_overwritten(own):
    own.submit(v2())
    job = own.pickup(name="n")
    own.say(job["uid"], "error", name="n", error="the first")
    before = own.job(job["uid"])
    for state in ("finished", "queued", "error", "render:dorender", "started"):
        assert own.say(job["uid"], state, name="n", error="late", renderProgress=3)["state"] == "error"
    assert own.job(job["uid"]) == before and own.pickup() == {}


def test_a_finish_without_an_output_is_an_error_that_says_so(own):
    own.submit(v2())
    job = own.pickup()
    assert own.say(job["uid"], "finished")["state"] == "error"
    assert "no output" in own.job(job["uid"])["stats"]["error"]


@pytest.mark.parametrize("body, status", [
    (b"", 400), (b"[]", 400), (b"{", 400), (b'{"state": 3}', 400), (b'{"state": "sleeping"}', 400), (b'{"renderProgress": "x"}', 400),
    (b'{"state":"error","state":"error"}', 400), (b'{"state": "' + b"a" * 65 + b'"}', 400), (b"[" * 65 + b"]" * 65, 400), (b"{}", 200), (b'{"state": null}', 200)])
def test_bad_words_are_refused_and_change_nothing(own, body, status):
    made = own.submit(v2())
    own.pickup()
    before = row_of(own, made["id"])
    answer = requests.put(f"{own.url}/jobs/{made['id']}", data=body, headers={"nexrender-secret": own.worker, "Content-Type": "application/json"}, timeout=30)
    assert answer.status_code == status and b"sleeping" not in answer.content
    assert row_of(own, made["id"]) == before


def test_the_body_of_a_put_has_a_limit(own):
    made = own.submit(v2())
    own.pickup()
    limit = 12 * 1024 * 1024
    for size, status in ((limit, 200), (limit + 1, 413)):
        body = b'{"state":"started","x":"' + b"a" * (size - 26) + b'"}'
        assert len(body) == size
        answer = requests.put(f"{own.url}/jobs/{made['id']}", data=body, headers={"nexrender-secret": own.worker, "Content-Type": "application/json"}, timeout=60)
        assert answer.status_code == status


def test_only_the_worker_that_holds_it_speaks_of_a_job(server, own):
    made = own.submit(v2())
    own.pickup(name="n1")
    other = server.new_token("worker", team=own.name)
    assert own.call("PUT", f"/jobs/{made['id']}", {"state": "finished"}, name="n2").status_code == 409
    assert own.call("PUT", f"/jobs/{made['id']}", {"state": "finished"}).status_code == 409
    assert own.call("PUT", f"/jobs/{made['id']}", {"state": "finished"}, token=other, name="n1").status_code == 409
    stranger = Farm(server, "stranger")
    for uid in (made["id"], "01ARZ3NDEKTSV4RRFFQ69G5FAV", "x"):
        assert stranger.call("PUT", f"/jobs/{uid}", {"state": "finished"}).status_code == 404
        assert stranger.call("GET", f"/jobs/{uid}").status_code == 404 and stranger.call("GET", f"/jobs/{uid}/status", token=stranger.admin).status_code == 404
    assert own.call("GET", f"/jobs/{made['id']}").status_code == 200 and own.call("GET", f"/jobs/{made['id']}", token=other).status_code == 404
    assert own.job(made["id"])["status"] == "render:dorender"
    # a lease of ours is not one of the farm's
    ours = own.submit({**v2(), "engine": "own-engine"})
    assert own.server.call("POST", "/worker/lease", {"engines": "own-engine"}, token=own.worker).status_code == 200
    assert own.call("PUT", f"/jobs/{ours['id']}", {"state": "error"}).status_code == 409


def test_check_047_a_job_given_back_is_given_out_again(own):
    made = own.submit(v2())
    first = own.pickup(name="n")
    old = first["actions"]["postrender"][0]["params"]["url"]
    own.say(made["id"], "started", name="n")
    own.say(made["id"], "queued", name="n")
    assert own.job(made["id"])["status"] == "queued" and "gave the job back" in own.log(made["id"])
    assert requests.post(old, timeout=30).status_code == 410  # its address ended with its lease
    assert own.call("PUT", f"/jobs/{made['id']}", {"state": "finished"}, name="n").status_code == 409
    second = own.pickup(name="m")
    assert second["uid"] == made["id"] and second["actions"]["postrender"][0]["params"]["url"] != old


def test_check_047_a_job_picked_and_never_started_is_given_out_again(fresh):
    server = fresh(*OPEN, "--stock-lease-ms", "4000")
    own = Farm(server)
    made = own.submit(v2())
    job = own.pickup(name="gone")
    until(lambda: own.job(made["id"])["status"] == "queued", 20, "the lease's end")
    assert own.call("PUT", f"/jobs/{made['id']}", {"state": "started"}, name="gone").status_code == 409
    assert requests.post(job["actions"]["postrender"][0]["params"]["url"], timeout=30).status_code == 410
    assert "went silent" in own.log(made["id"])
    again = own.pickup(name="next")
    assert again["uid"] == made["id"]
    end = time.monotonic() + 5
    while time.monotonic() < end:  # each word renews
        own.say(made["id"], "render:dorender", name="next", renderProgress=1)
        time.sleep(0.2)
    own.hand_in(again, b"the output")
    assert own.say(made["id"], "finished", name="next")["state"] == "finished"


@pytest.mark.parametrize("ms", ["199", str(24 * 3600 * 1000 + 1), "x"])
def test_the_stock_lease_has_bounds(fresh, ms):
    s = fresh(start=False)
    done = s.command("serve", "--data", s.data, "--listen", "127.0.0.1:0", "--stock-lease-ms", ms)
    assert done.returncode == 9 and "stock-lease-ms" in done.stderr


def test_stock_log_is_one_of_three_words(fresh):
    s = fresh(start=False)
    done = s.command("serve", "--data", s.data, "--listen", "127.0.0.1:0", "--stock-log", "here")
    assert done.returncode == 9 and "stock-log" in done.stderr


def test_abuse_110_revoking_the_farms_token_ends_what_it_was_given(server, own, studio):
    own.put("KEY", canary())
    token = server.new_token("worker", team=own.name)
    own.submit(v2([{"type": "image", "layerName": "i", "src": studio.url + "/a.png?k=${secret.KEY}"}]))
    job = own.pickup(token=token)
    assert server.call("DELETE", "/tokens/" + token.split("_")[2], token=own.admin).status_code == 200
    assert own.call("PUT", f"/jobs/{job['uid']}", {"state": "started"}, token=token).status_code == 403
    assert requests.get(job["assets"][0]["src"], timeout=30).status_code == 410
    assert requests.post(job["actions"]["postrender"][0]["params"]["url"], timeout=30).status_code == 410


def test_abuse_024_a_workers_token_that_looks_around_is_told_of(server, own):
    for path in ("/secrets", "/jobs", "/audit", "/tokens", "/secrets"):
        assert server.call("GET", path, token=own.worker).status_code == 403
    assert own.call("POST", "/jobs", {}).status_code == 403
    (record,) = until(lambda: server.audit(token=own.admin, event="token.denied"), 10, "the record")
    assert record["actor"] == record["subject"] == own.worker.split("_")[2] and record["address"] == "127.0.0.1"
    assert len(re.findall(rf'event=worker_token_denied .*token="{record["actor"]}"', server.log())) == 1
    submit = server.new_token("submit", team=own.name)
    assert server.call("GET", "/secrets", token=submit).status_code == 403  # people make mistakes
    assert len(server.audit(token=own.admin, event="token.denied")) == 1


def test_abuse_049_a_credential_named_from_another_field_is_a_reference_at_most(own, studio, unique):
    key = canary()
    own.put("KEY", key)
    placeholder = "{job.upload.params.accessKeySecret} ${job.upload.params.accessKeySecret}"
    own.submit(v2([{"type": "text", "layerName": "t", "value": placeholder}], webhook=hook(studio, unique, data={"x": placeholder}),
                  upload={"params": {"region": "r", "bucket": "b", "accessKeyId": "${secret.KEY}", "accessKeySecret": "${secret.KEY}"}}))
    job = own.pickup()
    assert job["assets"][0]["value"] == placeholder and "upload" not in job and "webhook" not in job and key not in json.dumps(job)
    own.say(job["uid"], "error", error=placeholder)
    (call,) = until(lambda: studio.received(f"/hook/{unique}"), 15, "the webhook")
    assert json.loads(call["body"])["data"] == {"x": placeholder} and key not in json.dumps(call)
