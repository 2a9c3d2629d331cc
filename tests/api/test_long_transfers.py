"""What takes longer than a lease: a transfer, during which the worker is alive though it says nothing else; and a worker that comes back late."""
import http.client
import socket
import time
import urllib.parse

import pytest
import requests

from common import lease_for
from conftest import OPEN, Server, Web, until
from farm import Farm, v2

LEASE_MS = 3000
pytestmark = pytest.mark.slow  # under sanitizers a busy machine may stand still for longer than such a lease
STEPS, PAUSE = 14, 0.4  # almost two leases


@pytest.fixture(scope="module")
def hasty(tmp_path_factory):
    s = Server(str(tmp_path_factory.mktemp("hasty")), *OPEN, "--lease-ms", str(LEASE_MS), "--stock-lease-ms", str(LEASE_MS))
    yield s
    assert s.stop() == 0


@pytest.fixture
def farm(hasty):
    return Farm(hasty, "long")


def put_slowly(url, piece=b"x" * 70_000, steps=STEPS):
    to = urllib.parse.urlsplit(url)
    c = http.client.HTTPConnection(to.netloc, timeout=30)
    c.putrequest("PUT", to.path)
    c.putheader("Content-Length", str(len(piece) * steps))
    c.endheaders()
    for _ in range(steps):
        c.send(piece)
        time.sleep(PAUSE)
    answer = c.getresponse()
    return answer.status, answer.read()


def fetch_slowly(url, total):
    """Reads a bit now and then, with small buffers between: how many bytes came."""
    to = urllib.parse.urlsplit(url)
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        s.settimeout(30)
        s.connect((to.hostname, to.port))
        s.sendall(f"GET {to.path} HTTP/1.1\r\nHost: {to.netloc}\r\nConnection: close\r\n\r\n".encode())
        got, began, step = 0, time.monotonic(), total // STEPS
        while True:
            data = s.recv(64 * 1024)
            if not data:
                return got
            got += len(data)
            while got < total and time.monotonic() - began < PAUSE * (got // step):
                time.sleep(0.02)


def test_an_output_that_takes_longer_than_a_stock_lease_is_kept(farm):
    uid = farm.submit(v2())["id"]
    job = farm.pickup()
    places = requests.post(job["actions"]["postrender"][-1]["params"]["url"], timeout=30).json()
    assert put_slowly(places["upload_url"])[0] == 201
    assert requests.post(places["finilize_url"], timeout=30).status_code == 200
    assert farm.say(uid, "finished")["state"] == "finished"
    assert farm.job(uid)["status"] == "finished" and "silent" not in farm.log(uid)


def test_an_output_that_takes_longer_than_a_lease_of_ours_is_kept(hasty):
    lease, _ = lease_for(hasty, {})
    assert put_slowly(lease["output"]["url"])[0] == 201
    assert hasty.call("POST", f"/worker/leases/{lease['lease']}/finish", {"state": "finished"}).status_code == 200
    assert hasty.job(lease["job"]["id"])["status"] == "finished"


def test_an_asset_that_streams_for_longer_than_a_lease_keeps_it(farm):
    def drip(handler, _):
        handler.send_response(200)
        handler.send_header("Content-Length", str(STEPS * 1000))
        handler.end_headers()
        for _ in range(STEPS):
            handler.wfile.write(b"a" * 1000)
            handler.wfile.flush()
            time.sleep(PAUSE)
        raise OSError  # it is answered
    with Web(drip) as web:
        farm.put("KEY", "a-value-of-some-length")
        uid = farm.submit(v2([{"type": "image", "layerName": "l", "src": web.url + "/${secret.KEY}.png"}]))["id"]
        job = farm.pickup()
        assert len(requests.get(job["assets"][0]["src"], timeout=30).content) == STEPS * 1000
        assert farm.say(uid, "started")["state"]
        assert farm.job(uid)["status"] != "queued" and "silent" not in farm.log(uid)


def test_a_stored_template_that_is_fetched_slowly_keeps_the_lease(hasty, farm):
    size = 14 * 1024 * 1024
    made = hasty.call("POST", "/templates", {"type": "aep", "displayName": "large"}, token=farm.admin).json()
    data = b"RIFX" + b"\0" * (size - 4)
    assert requests.put(made["uploadInfo"]["url"] if "uploadInfo" in made else made["uploadUrl"], data=data, timeout=60).status_code == 200
    farm.submit({"template": {"id": made["template"]["id"], "composition": "main"}})
    job = farm.pickup()
    assert fetch_slowly(job["template"]["src"], size) > size
    assert farm.say(job["uid"], "started")["state"]
    assert "silent" not in farm.log(job["uid"])


def test_a_worker_that_sends_nothing_still_loses_its_lease(farm):
    uid = farm.submit(v2())["id"]
    job = farm.pickup()
    places = requests.post(job["actions"]["postrender"][-1]["params"]["url"], timeout=30).json()
    to = urllib.parse.urlsplit(places["upload_url"])
    c = http.client.HTTPConnection(to.netloc, timeout=30)
    c.putrequest("PUT", to.path)
    c.putheader("Content-Length", "2000")
    c.endheaders()
    c.send(b"x" * 1000)
    time.sleep(2.5 * LEASE_MS / 1000)  # an open line alone is no sign of life
    c.send(b"x" * 1000)
    assert c.getresponse().status == 410
    assert farm.job(uid)["status"] == "queued"


# --- a worker that comes back when another has its job ---

@pytest.fixture(scope="module")
def silent(hasty):
    """Farms in each of which A's lease of the job has run out: they wait for that together."""
    made = []
    for _ in range(8 + 7):
        farm = Farm(hasty, "silent")
        farm.submit(v2())
        made.append((farm, farm.pickup()))
        farm.say(made[-1][1]["uid"], "started")
    for farm, a in made:
        until(lambda: farm.job(a["uid"])["status"] == "queued", what="the end of the lease")
    return made


@pytest.fixture
def twice(silent):
    """B has the job that A had; both have the same token and no name."""
    farm, a = silent.pop()
    return farm, a, farm.pickup()


def short(job, **more):
    """getRenderingStatus of @nexrender/types: what its worker sends after the first word."""
    return {"uid": job["uid"], "type": job["type"], "tags": None, "renderProgress": 0, "error": None, "jobExecutor": job.get("executor"), **more}


@pytest.mark.parametrize("form", [short, lambda job, **more: {**job, **more}], ids=["short", "whole"])
@pytest.mark.parametrize("late", ["finished", "error", "queued", "render:dorender"])
def test_a_late_worker_without_a_name_does_not_speak_for_the_next_one(twice, late, form):
    farm, a, b = twice
    uid = a["uid"]
    assert b["uid"] == uid and a["executor"] != b["executor"]
    answer = farm.call("PUT", f"/jobs/{uid}", form(a, state=late, renderProgress=66, error="late"))
    assert answer.status_code == 409 and answer.json()["code"] == "LEASE_LOST"
    job = farm.job(uid)
    assert job["status"] == "render:dorender" and job["progress"] == 0
    assert farm.call("PUT", f"/jobs/{uid}", form(b, state="render:dorender", renderProgress=40)).json()["renderProgress"] == 40
    farm.hand_in(b, b"the next one's")
    assert farm.call("PUT", f"/jobs/{uid}", form(b, state="finished")).json()["state"] == "finished"
    assert farm.call("PUT", f"/jobs/{uid}", form(a, state="error")).json()["state"] == "finished"  # it is told how it ended; nothing changes
    assert farm.job(uid)["status"] == "finished"


@pytest.mark.parametrize("executor", ["me", None, 7, "", "/lease-", "x/lease-short", "\u00e9"])
def test_what_is_no_mark_of_ours_says_nothing(twice, executor):
    farm, a, _ = twice
    assert farm.call("PUT", f"/jobs/{a['uid']}", {"state": "started", "executor": executor, "jobExecutor": executor}).status_code == 200


def test_a_job_that_was_given_back_has_another_mark_the_next_time(farm):
    uid = farm.submit(v2())["id"]
    a = farm.pickup()
    farm.say(uid, "queued", executor=a["executor"])
    b = farm.pickup()
    assert b["uid"] == uid and b["executor"].startswith("worker/lease-")
    assert farm.call("PUT", f"/jobs/{uid}", short(a, state="error")).status_code == 409
    assert farm.call("PUT", f"/jobs/{uid}", short(b, state="error")).status_code == 200
