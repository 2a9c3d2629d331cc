"""Leases, two workers, and what is left after each part was killed."""
import concurrent.futures
import os
import subprocess
import time

import pytest
import requests

from conftest import OPEN, SLOW, Web, engine, until
from common import RENDER, lease_for, put_path, s3_upload


# --- queue and leases ---

def test_42_two_workers_and_30_jobs_each_once(server, unique, folder):
    count = folder / "count"
    program = engine(server.folder, f'echo "$SAFELIGHT_JOB_ID" >> {count}; echo x > "$SAFELIGHT_OUTPUT"\n')
    made = [server.submit({"engine": program.name}).json()["id"] for _ in range(30)]
    workers = [server.worker(engine=program) for _ in range(2)]
    try:
        for job in made:
            assert server.wait(job, 40)["status"] == "finished"
    finally:
        for w in workers:
            w.terminate()
            w.wait(20 * SLOW)
    assert sorted(count.read_text().split()) == sorted(made)
    leased = [r["job"] for r in server.audit(event="job.leased") if r["job"] in made]
    assert sorted(leased) == sorted(made)


def test_42_leases_taken_at_once_are_exclusive(server):
    name = "all-" + os.urandom(6).hex()
    made = [server.submit({"engine": name}).json()["id"] for _ in range(20)]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: server.call("POST", "/worker/lease", {"engines": name}), range(40)))
    assert sorted(a.json()["job"]["id"] for a in answers if a.status_code == 200) == sorted(made)
    assert {a.status_code for a in answers} == {200, 204}


def test_47_a_silent_lease_is_given_to_another_and_a_poisonous_job_ends(fresh, folder):
    s = fresh("--lease-ms", "2500")
    made = s.submit({"engine": "quiet"}).json()["id"]
    leases = []
    for _ in range(5):
        answer = until(lambda: (lambda a: a if a.status_code == 200 else None)(s.call("POST", "/worker/lease", {"engines": "quiet"})), 10, "the job being queued again")
        assert answer.json()["job"]["id"] == made and answer.json()["leaseMs"] == 2500
        leases.append(answer.json())
        said = s.call("POST", f"/worker/leases/{leases[-1]['lease']}/log?offset=0&final=1", f"try {len(leases)}\n".encode())
        assert said.status_code == 200
    first = leases[0]
    assert len({x["lease"] for x in leases}) == 5
    for call, body in (("heartbeat", {}), ("finish", {"state": "error", "error": "late"})):
        assert s.call("POST", f"/worker/leases/{first['lease']}/{call}", body).status_code == 409
    assert requests.put(first["output"]["url"], data=b"late", timeout=30).status_code in (404, 409, 410)
    job = s.wait(made, 10)
    assert job["status"] == "error" and job["stats"]["error"]
    assert [line for line in s.job_log(made).splitlines() if line.startswith("try")] == [f"try {n}" for n in range(1, 6)]


def test_a_heartbeat_keeps_a_lease(fresh):
    s = fresh("--lease-ms", "4000")
    s.submit({"engine": "beat"})
    lease = s.call("POST", "/worker/lease", {"engines": "beat"}).json()
    for i in range(8):
        time.sleep(0.6)
        assert s.call("POST", f"/worker/leases/{lease['lease']}/heartbeat", {"progress": i}).status_code == 200
    assert s.job(lease["job"]["id"])["progress"] == 7


def test_abuse_110_revoking_a_workers_token_ends_its_lease(server, studio, unique):
    token = server.new_token("worker")
    server.put(unique, "a-value")
    lease, _ = lease_for(server, {"assets": [{"type": "image", "src": studio.url + "/${secret.%s}" % unique}]}, token=token)
    asset = lease["job"]["assets"][0]["src"]
    assert requests.get(asset, timeout=30).status_code == 200
    server.call("DELETE", "/tokens/" + token.split("_")[2])
    assert server.call("POST", f"/worker/leases/{lease['lease']}/heartbeat", {}, token=token).status_code == 401
    assert requests.get(asset, timeout=30).status_code == 410
    assert requests.put(lease["output"]["url"], data=b"x", timeout=30).status_code == 410


def test_a_killed_workers_job_is_done_by_the_next(fresh, folder):
    s = fresh("--lease-ms", "1000")
    begun = folder / "begun"
    program = engine(folder, f'[ -e {begun} ] || {{ touch {begun}; sleep 60; }}; echo second > "$SAFELIGHT_OUTPUT"\n')
    made = s.submit({"engine": program.name}).json()["id"]
    first = s.worker(engine=program)
    until(begun.exists, 10)
    children = subprocess.run(["pgrep", "-P", str(first.pid)], capture_output=True, text=True).stdout.split()
    first.kill()
    first.wait()
    for child in children:  # the engine it left behind; a real node would be gone altogether
        os.killpg(int(child), 9)
    second = s.worker("--once", engine=program)
    job = s.wait(made, 20)
    second.wait(20 * SLOW)
    assert job["status"] == "finished" and s.call("GET", f"/jobs/{made}/output").content == b"second\n"


# --- survival ---

@pytest.fixture
def own(fresh, s3):
    s = fresh(*OPEN)
    s.put("AWS_ACCESS_KEY_ID", s3.said["accessKeyId"])
    s.put("AWS_SECRET_ACCESS_KEY", s3.said["secretAccessKey"])
    return s


@pytest.mark.parametrize("moment", ["submitted", "rendering", "output", "finished"])
def test_abuse_086_kill_9_of_the_server_loses_no_job(own, s3, folder, moment):
    begun, go, copy = folder / "begun", folder / "go", folder / "copy"
    program = engine(folder, f"touch {begun}; while [ ! -e {go} ]; do sleep 0.05; done\n" + RENDER % copy)
    made = own.submit({"engine": program.name, "upload": s3_upload(s3)}).json()["id"]
    if moment == "submitted":
        own.kill()
        own.restart()
    worker = own.worker("--once", engine=program)
    until(begun.exists, 10)
    if moment == "rendering":
        own.kill()
        own.restart()
    go.touch()
    if moment == "output":
        end = time.monotonic() + 10 * SLOW
        while not list((own.data / "spool").iterdir()) and time.monotonic() < end:
            pass  # it is there for a few milliseconds only
        own.kill()
        own.restart()
    if moment == "finished":
        until(lambda: own.job(made)["progress"] == 100 or list((own.data / "spool").glob("*.out")), 10)
        own.kill()
        own.restart()
    try:
        job = own.wait(made, 40)
    finally:
        worker.kill()
        worker.wait()
    assert job["status"] == "finished", (job, own.job_log(made), (own.folder / "worker.log").read_text()[-2000:])
    assert s3.get(f"renders/{made}.mp4") == copy.read_bytes()


@pytest.mark.parametrize("victim", ["server", "courier"])
def test_abuse_086_kill_9_during_an_upload(own, folder, victim):
    copy, bodies = folder / "copy", []

    def answer(handler, body):
        bodies.append(body)
        if len(bodies) == 1:
            time.sleep(3)  # long enough to be killed in
        return 200, {}, b""
    with Web(answer) as web:
        program = engine(folder, RENDER % copy)
        made = own.submit({"engine": program.name, "upload": put_path(web)}).json()["id"]
        own.worker("--once", engine=program).wait(20 * SLOW)
        until(lambda: bodies, 10)
        if victim == "server":
            own.kill()
            own.restart()
        else:
            os.kill(own.pids()["courier"], 9)
        job = own.wait(made, 30)
    assert job["status"] == "finished" and bodies[-1] == copy.read_bytes() and len(bodies) >= 2
