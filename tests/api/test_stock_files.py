"""Protocol v1 by hand: outputs and logs that come in, jobs in the farm's own form, and files that Safelight keeps."""
import json
import shutil
import tempfile

import pytest
import requests

from common import hook
from conftest import OPEN, Server, canary, until
from farm import Farm, echo, farm, own, v2


# --- handing in ---

def test_check_049_the_output_comes_by_addresses_that_work_once(own):
    made = own.submit(v2())
    job = own.pickup()
    places = own.hand_in(job, b"a whole output" * 1000)
    url = job["actions"]["postrender"][0]["params"]["url"]
    assert requests.post(url, timeout=30).status_code == 410
    assert requests.put(places["upload_url"], data=b"another", timeout=30).status_code == 410
    assert requests.post(places["finilize_url"], timeout=30).status_code == 410
    own.say(job["uid"], "finished")
    got = own.server.call("GET", f"/jobs/{made['id']}/output", token=own.admin)
    assert got.content == b"a whole output" * 1000


@pytest.mark.parametrize("ticket", ["a" * 32, "a" * 21, "a" * 65, "x"])
def test_addresses_that_never_were(own, ticket):
    for call in (requests.get, requests.post):
        assert call(f"{own.server.url}/t/{ticket}", timeout=30).status_code == 404
    for path in ("", "/log"):
        assert requests.put(f"{own.server.url}/t/{ticket}{path}", data=b"x", timeout=30).status_code == 404


def test_an_address_of_one_kind_is_none_of_another(own):
    own.submit(v2())
    job = own.pickup()
    url = job["actions"]["postrender"][0]["params"]["url"]
    assert requests.get(url, timeout=30).status_code == 404 and requests.put(url, data=b"x", timeout=30).status_code == 404
    assert requests.put(url + "/log", data=b"x", timeout=30).status_code == 404
    places = requests.post(url, timeout=30).json()  # none of these used it up
    assert requests.post(places["upload_url"], timeout=30).status_code == 404
    assert requests.put(places["upload_url"] + "/log", data=b"x", timeout=30).status_code == 404
    assert requests.put(places["upload_url"], data=b"x", timeout=30).status_code == 201


@pytest.fixture(scope="module")
def logging():
    path = tempfile.mkdtemp(prefix="safelight-test-")
    s = Server(path, *OPEN, "--stock-log", "project")
    yield s
    s.stop()
    shutil.rmtree(path, ignore_errors=True)


def test_check_049_the_log_is_masked_and_has_its_bounds(logging):
    own = Farm(logging)
    value = canary()
    own.put("TITLE", value)
    made = own.submit(v2([{"type": "text", "layerName": "t", "value": "${secret.TITLE}"}]))
    job = own.pickup()
    first, second = job["actions"]["postrender"]
    assert first["input"] == "aerender.log" and "input" not in second
    places = requests.post(first["params"]["url"], timeout=30).json()
    text = b"".join(b"line %d with %s\n" % (n, value.encode()) for n in range(100000))  # cut at any place
    assert requests.put(places["upload_url"], data=text, timeout=60).status_code == 201
    assert requests.put(places["upload_url"], data=b"more", timeout=60).status_code == 410
    log = own.log(made["id"])
    assert value not in log and log.startswith("line 0 with ***\nline 1 with ***\n") and log.endswith("line 99999 with ***\n")


def test_a_log_that_is_longer_than_is_kept_is_cut(logging):
    own = Farm(logging)
    made = own.submit(v2())
    job = own.pickup()
    places = requests.post(job["actions"]["postrender"][0]["params"]["url"], timeout=30).json()
    limit = 64 * 1024 * 1024
    refused = requests.put(places["upload_url"], data=b"", headers={"Content-Length": str(limit + 1)}, timeout=30)
    assert refused.status_code == 413
    assert requests.put(places["upload_url"], data=b"x" * limit, timeout=120).status_code == 201
    log = own.log(made["id"])
    assert len(log) > 16 * 1024 * 1024 and log.endswith("the rest is left out]\n")
    own.hand_in(job, b"output")
    assert own.say(made["id"], "finished")["state"] == "finished"


# --- looking and submitting ---

def test_check_050_lists_are_light_and_a_workers_list_is_a_pick_up(server, own):
    value = canary()
    own.put("TITLE", value)
    exposing = own.submit(v2([{"type": "text", "layerName": "t", "value": "${secret.TITLE}"}]))
    plain = own.submit(v2(webhook={"url": "https://h.example", "headers": {"A": "${secret.TITLE}"}}))
    seen = own.call("GET", "/jobs", token=own.admin)
    assert [j["uid"] for j in seen.json()] == [plain["id"], exposing["id"]] and all(set(j) == set(seen.json()[0]) and "assets" not in j for j in seen.json())
    assert own.call("GET", "/jobs/status").json() == []
    (job,) = own.call("GET", "/jobs").json()
    assert job["uid"] == plain["id"] and job["state"] == "queued" and value not in json.dumps(job)
    assert own.call("GET", "/jobs").json() == []  # the other one would hand over a value
    assert [j["uid"] for j in own.call("GET", "/jobs/status").json()] == [plain["id"]]
    assert own.say(job["uid"], "started", **echo(job))["state"] == "render:dorender"
    assert own.pickup()["uid"] == exposing["id"]


def test_deleting_cancels_what_waits(own, studio, unique):
    made = own.submit(v2(webhook=hook(studio, unique)))
    answer = own.call("DELETE", f"/jobs/{made['id']}", token=own.admin)
    assert answer.status_code == 200 and answer.json() == {"id": made["id"], "removed": True}
    assert own.job(made["id"])["status"] == "manually_cancelled" and own.pickup() == {}
    assert own.call("GET", f"/jobs/{made['id']}", token=own.admin).json()["state"] == "error"
    until(lambda: studio.received(f"/hook/{unique}"), 15, "the webhook")
    assert own.call("DELETE", f"/jobs/{made['id']}", token=own.admin).status_code in (200, 409)
    running = own.submit(v2())
    own.pickup()
    assert own.call("DELETE", f"/jobs/{running['id']}", token=own.admin).status_code == 409
    for uid in ("x", "01ARZ3NDEKTSV4RRFFQ69G5FAV"):
        assert own.call("DELETE", f"/jobs/{uid}", token=own.admin).status_code == 404


FARM_JOB = {"template": {"src": "https://h.example/t.aep", "composition": "main", "outputModule": "h264", "outputExt": "mp4"},
            "assets": [{"type": "data", "layerName": "l", "property": "Source Text", "value": "v"}], "tags": "a,b", "priority": 2}


def test_a_job_in_the_farms_own_form_is_taken(own):
    made = own.call("POST", "/jobs", {**FARM_JOB, "actions": {"prerender": [], "postrender": []}, "uid": "mine"}, token=own.admin)
    assert made.status_code == 200 and made.json()["state"] == "queued" and made.json()["uid"] != "mine", made.text
    assert own.call("GET", f"/jobs/{made.json()['uid']}/status", token=own.admin).json() == made.json()
    job = own.pickup("b")
    assert job["template"]["outputModule"] == "h264" and job["assets"] == FARM_JOB["assets"] and job["priority"] == 2
    own.hand_in(job, b"x")
    assert own.say(job["uid"], "finished")["state"] == "finished"


@pytest.mark.parametrize("ext, more, module", [("mov", {}, "nx_video_prores_422"), ("png", {"frameStart": 5, "frameEnd": 5}, "nx_image_png"),
                                               ("jpg", {"frameStart": 0, "frameEnd": 0}, "nx_image_jpeg")])
def test_the_farms_output_extension_says_what_is_made(own, ext, more, module):
    made = own.call("POST", "/jobs", {"template": {"src": "https://h.example/t.aep", "composition": "m", "outputExt": ext, **more}}, token=own.admin)
    assert made.status_code == 200, made.text
    template = own.pickup()["template"]
    assert template["outputExt"] == ext and template["outputModule"] == module


@pytest.mark.parametrize("actions", [{"postrender": [{"module": "@nexrender/action-upload"}]}, {"anything": [1]}])
def test_actions_are_refused_with_what_to_do_instead(own, actions):
    answer = own.call("POST", "/jobs", {**FARM_JOB, "actions": actions}, token=own.admin)
    assert answer.status_code == 400 and answer.headers["Content-Type"].startswith("text/plain")
    assert "`upload`" in answer.text and "`webhook`" in answer.text and "/api/v2/jobs" in answer.text
    assert own.call("GET", "/jobs", token=own.admin).json() == []


@pytest.mark.parametrize("change, field", [
    ({"template": None}, "template"), ({"template": {"composition": "m"}}, "/template/src"), ({"template": {"src": "https://h.example/t"}}, "/template/composition"),
    ({"template": {**FARM_JOB["template"], "outputExt": "avi"}}, "/template/outputExt"), ({"template": {**FARM_JOB["template"], "outputExt": "png"}}, "/template/frameStart"),
    ({"template": {**FARM_JOB["template"], "src": "file:///t.aep"}}, "/template/src"), ({"assets": 3}, "assets"), ({"assets": [{"type": "alien"}]}, "/assets/0/type"),
    ({"assets": [{"type": "image", "src": "file:///x", "layerName": "l"}]}, "/assets/0/src"), ({"tags": 3}, "/tags"), ({"priority": "x"}, "/priority"),
    ({"template": {**FARM_JOB["template"], "src": "https://h.example/${secret.NOPE}"}}, "/template/src")])
def test_bad_jobs_in_the_farms_form_are_refused_with_their_place(own, change, field):
    answer = own.call("POST", "/jobs", {**FARM_JOB, **change}, token=own.admin)
    assert answer.status_code == 400 and [d["field"] for d in answer.json()["details"]] == [field], answer.text
    assert own.call("GET", "/jobs", token=own.admin).json() == []


def test_a_farm_job_with_secrets_goes_the_same_way(own):
    own.put("SIG", canary())
    made = own.call("POST", "/jobs", {**FARM_JOB, "template": {**FARM_JOB["template"], "src": "https://h.example/t.aep?s=${secret.SIG}"}}, token=own.admin)
    assert made.status_code == 200, made.text
    assert own.pickup()["template"]["src"].startswith(own.server.url + "/t/")


# --- files that Safelight keeps ---

FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"


def with_library(own):
    """A font and a template of the team's own, and a job that uses both."""
    font = requests.post(own.server.base + "/fonts", files={"font": ("DejaVuSans.ttf", open(FONT, "rb"), "font/ttf")},
                         headers={"Authorization": "Bearer " + own.admin}, timeout=30)
    assert font.status_code == 201, font.text
    made = own.server.call("POST", "/templates", {"type": "aep", "displayName": "t"}, token=own.admin).json()
    project = b"RIFX\0\0\0\x0cEgg!" + b"the project's bytes"
    put = requests.put(made["uploadInfo"]["url"], data=project, timeout=30)
    assert put.status_code < 300, put.text
    job = {"template": {"id": made["id"], "composition": "main"}, "fonts": ["DejaVuSans.ttf", "Missing.ttf"]}
    return job, project


def test_a_stored_template_and_fonts_come_by_one_time_addresses(own):
    payload, project = with_library(own)
    made = own.submit(payload)
    assert made["missingFonts"] == ["Missing.ttf"]
    job = own.pickup()
    src = job["template"]["src"]
    assert src.startswith(own.server.url + "/t/") and src.endswith(".aep") and job["template"]["name"] == "template.aep"
    assert requests.get(src, timeout=30).content == project
    (asset,) = job["assets"]
    assert asset["type"] == "static" and asset["name"] == "DejaVuSans.ttf" and asset["src"].endswith(".ttf")
    assert job["actions"]["prerender"] == [{"module": "@nexrender/action-fonts"}]
    for _ in range(3):
        assert requests.get(asset["src"], timeout=30).content == open(FONT, "rb").read()
    assert requests.get(asset["src"], timeout=30).status_code == 410
    own.say(made["id"], "error", error="stop")
    assert requests.get(src, timeout=30).status_code == 410


def test_our_own_worker_gets_them_too(own):
    payload, project = with_library(own)
    made = own.submit({**payload, "engine": "own-engine"})
    lease = own.server.call("POST", "/worker/lease", {"engines": "own-engine"}, token=own.worker).json()
    assert lease["job"]["id"] == made["id"] and lease["job"]["fonts"] == ["DejaVuSans.ttf", "Missing.ttf"]
    assert requests.get(lease["job"]["template"]["src"], timeout=30).content == project
    (font,) = lease["fonts"]
    assert font["name"] == "DejaVuSans.ttf" and requests.get(font["src"], timeout=30).content == open(FONT, "rb").read()


# --- nested jobs ---

def test_a_nested_job_is_rendered_by_the_farm_and_handed_to_its_parent(own):
    made = own.submit(v2([{"type": "job", "layerName": "inner", "composition": "outer", "template": {"id": "y", "src": "https://h.example/inner.aep", "composition": "c"}}]))
    assert made["status"] == "pending" and len(made["children"]) == 1
    child = own.pickup()
    assert child["uid"] == made["children"][0]["id"] and child["template"]["src"] == "https://h.example/inner.aep"
    assert own.pickup() == {}
    own.hand_in(child, b"the inner film")
    own.say(child["uid"], "finished")
    parent = own.pickup()
    (asset,) = parent["assets"]
    assert parent["uid"] == made["id"] and asset["type"] == "video" and asset["layerName"] == "inner" and asset["composition"] == "outer"
    assert asset["name"] == child["uid"] + ".mp4" and requests.get(asset["src"], timeout=30).content == b"the inner film"
    own.say(parent["uid"], "error", error="stop")
    assert requests.get(asset["src"], timeout=30).status_code == 410


def test_a_nested_job_is_handed_to_our_own_worker_too(own):
    made = own.submit({**v2([{"type": "job", "layerName": "inner", "template": {"id": "y", "src": "https://h.example/inner.aep", "composition": "c"},
                              "settings": {"type": "image", "frames": 1}}]), "engine": "own-engine"})
    child = own.pickup()
    own.hand_in(child, b"the inner picture")
    own.say(child["uid"], "finished")
    lease = own.server.call("POST", "/worker/lease", {"engines": "own-engine"}, token=own.worker).json()
    (asset,) = lease["job"]["assets"]
    assert lease["job"]["id"] == made["id"] and asset["type"] == "image" and asset["layerName"] == "inner" and set(asset) == {"type", "layerName", "name", "src"}
    assert asset["src"].endswith(".png") and requests.get(asset["src"], timeout=30).content == b"the inner picture"
