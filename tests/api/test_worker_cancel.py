"""What makes a worker stop: a job cancelled under it, a lease that ended, a server that is gone, signals to itself. The first part
plays the server; the second has a real one."""
import json
import os
import signal
import time

import pytest

from conftest import SLOW, engine, until, zombie
from worker_server import WorkerServer

DONE, NOT_ALLOWED, FAILED = 0, 3, 7
QUICK = 'echo out > "$SAFELIGHT_OUTPUT"\n'


def sleeper(folder, more=""):
    """An engine that says its process ids and then runs for ever."""
    return engine(folder, f'{more}\necho $$ > {folder}/pids\nsleep 1000 &\necho $! >> {folder}/pids\necho begun > {folder}/begun\nwait\n')


def gone(folder):
    return all(zombie(p) for p in (folder / "pids").read_text().split())


def all_gone(folder):
    """Those that were killed may take a moment to die."""
    return until(lambda: gone(folder), what="the engine's end")


def begun(folder):
    until((folder / "begun").exists, 15, "the engine's begin")


def ended(worker, seconds=20):
    return worker.wait(seconds * SLOW)


@pytest.fixture
def hire():
    """hire(server, ...): a worker that does not outlive the test."""
    hired = []

    def one(server, *flags, **options):
        hired.append(server.worker(*flags, **options))
        return hired[-1]
    yield one
    for worker in hired:
        worker.kill()
        worker.wait()


# --- cancel ---

def test_cancel_stops_the_engine_and_the_worker_goes_on_to_the_next_job(folder):
    with WorkerServer(folder, lease_ms=3000) as farm:
        first = farm.add()
        worker = farm.worker(engine=sleeper(folder, f"[ -e {folder}/begun ] && {{ {QUICK} exit 0; }}"))
        try:
            begun(folder)
            second = farm.add()
            farm.cancel.add(first)
            until(lambda: farm.finished, 20, "the second job's end")
            assert farm.finished == [(second, {"state": "finished"})] and farm.outputs == {second: b"out\n"}
            assert all_gone(folder)
            until(lambda: farm.folders() == [], 10, "the first job's folder being gone")
            assert "job_cancelled" in farm.log()
        finally:
            worker.terminate()
        assert ended(worker) == DONE


def test_cancel_comes_soon_however_long_the_lease(folder):
    with WorkerServer(folder, lease_ms=600000) as farm:
        lease = farm.add()
        worker = farm.worker("--once", engine=sleeper(folder))
        begun(folder)
        farm.cancel.add(lease)
        said = time.monotonic()
        assert ended(worker) == FAILED
        assert time.monotonic() - said < 20 * SLOW and all_gone(folder) and farm.finished == [] and farm.folders() == []


def test_an_engine_that_does_not_listen_is_ended_after_a_grace(folder):
    with WorkerServer(folder, lease_ms=1500) as farm:
        lease = farm.add()
        worker = farm.worker("--once", engine=sleeper(folder, "trap '' TERM"))
        begun(folder)
        farm.cancel.add(lease)
        at = time.monotonic()
        assert ended(worker, 30) == FAILED and all_gone(folder) and farm.folders() == []
        assert time.monotonic() - at > 4


def test_an_engine_may_clean_up_when_it_is_asked_to_end(folder):
    with WorkerServer(folder, lease_ms=1500) as farm:
        lease = farm.add()
        worker = farm.worker("--once", engine=sleeper(folder, f"trap 'echo cleaned > {folder}/cleaned; exit 1' TERM"))
        begun(folder)
        farm.cancel.add(lease)
        assert ended(worker) == FAILED and (folder / "cleaned").exists() and all_gone(folder)


def test_cancel_during_a_download_leaves_no_file(folder):
    """The beat that says so comes while an asset is still on its way."""
    with WorkerServer(folder, lease_ms=900) as farm:
        farm.assets["big"] = b"x" * 1000
        farm.answers["asset"] = (503, {})  # tried again, with beats between
        lease = farm.add({"assets": [{"type": "static", "src": "farm:big"}]})
        farm.cancel.add(lease)
        assert ended(farm.worker("--once", engine=sleeper(folder))) == FAILED
        assert farm.folders() == [] and not (folder / "begun").exists()
        assert farm.finished == [] or "asset 0" in farm.finished[0][1]["error"]


def test_a_worker_takes_the_largest_lease_that_a_server_gives(folder):
    """LEASE_ANSWER_MAX_BYTES: a resolved payload of 8 MiB, and what stands around it. One it could not take it would be given again and again."""
    with WorkerServer(folder) as farm:
        lease = farm.add({"assets": [{"type": "text", "value": "x" * (9 * 1024 * 1024 - 50 * 1024)}]})
        assert ended(farm.worker("--once", engine=engine(folder, QUICK))) == DONE
        assert farm.finished == [(lease, {"state": "finished"})]


# --- leases that end ---

@pytest.mark.parametrize("status", [409, 404, 410, 401, 403])
def test_a_lease_that_the_server_calls_ended_stops_the_engine(folder, status):
    with WorkerServer(folder, lease_ms=4500) as farm:
        lease = farm.add()
        worker = farm.worker("--once", engine=sleeper(folder))
        begun(folder)
        farm.answers["heartbeat"] = (status, {"error": "x", "code": "LEASE_LOST"})
        assert ended(worker) == FAILED and all_gone(folder) and farm.folders() == []
        assert farm.finished == [] and "job_lost" in farm.log() and lease


def test_a_server_that_is_gone_for_a_while_costs_no_job(folder):
    """No answer for a part of the lease; the beats come ever more seldom, and the job goes on."""
    with WorkerServer(folder, lease_ms=9000) as farm:
        lease = farm.add()
        go = folder / "go"
        worker = farm.worker("--once", engine=engine(folder, f"touch {folder}/begun; until [ -e {go} ]; do sleep 0.1; done; {QUICK}"))
        begun(folder)
        until(lambda: farm.beats, 10, "a beat")
        for call in ("heartbeat", "log", "finish", "output"):
            farm.answers[call] = (503, {"error": "x", "code": "BUSY"})
        before = len(farm.beats)
        until(lambda: len(farm.beats) > before, 10, "a beat without an answer")
        time.sleep(3)
        assert 3 <= len(farm.beats) - before <= 8  # no storm
        go.touch()
        time.sleep(0.5)
        farm.answers.clear()
        assert ended(worker) == DONE
        assert farm.finished[-1] == (lease, {"state": "finished"}) and farm.outputs == {lease: b"out\n"}


def test_a_server_that_stays_away_ends_the_lease_and_the_engine(folder):
    with WorkerServer(folder, lease_ms=6000) as farm:
        farm.add()
        worker = farm.worker("--once", engine=sleeper(folder))
        begun(folder)
        at = time.monotonic()
        farm.answers["heartbeat"] = (503, {"error": "x", "code": "BUSY"})
        assert ended(worker) == FAILED and all_gone(folder) and farm.folders() == []
        assert 1 < time.monotonic() - at < 20 * SLOW and "lease_ran_out" in farm.log()


def test_finish_is_tried_until_it_is_taken(folder):
    with WorkerServer(folder, lease_ms=20000) as farm:
        lease = farm.add()
        farm.answers["finish"] = (503, {"error": "x", "code": "STORE_FULL"})
        worker = farm.worker("--once", engine=engine(folder, QUICK))
        until(lambda: len(farm.finished) >= 3, 15, "three tries")
        farm.answers.clear()
        assert ended(worker) == DONE and farm.finished[-1] == (lease, {"state": "finished"})


# --- servers that give no jobs ---

@pytest.mark.parametrize("code, event", [("SPOOL_FULL", "server_gives_no_jobs"), ("STORE_FULL", "server_gives_no_jobs"), ("NOT_A_CODE", "server_not_reached"), ("", "server_not_reached")])
def test_a_server_without_room_is_said_once_and_waited_for(folder, code, event):
    with WorkerServer(folder) as farm:
        farm.answers["lease"] = (503, {"error": "no room", "code": code})
        worker = farm.worker("--once", engine=engine(folder, QUICK))
        until(lambda: len(farm.wishes) >= 4, 20, "four tries")
        assert farm.log().count(event) == 1
        farm.answers.clear()
        farm.add()
        assert ended(worker, 60) == DONE and farm.log().count("server_gives_jobs_again") == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_is_not_a_workers_ends_it_at_once(folder, status):
    with WorkerServer(folder) as farm:
        farm.answers["lease"] = (status, {"error": "x", "code": "FORBIDDEN"})
        assert ended(farm.worker(engine="true")) == NOT_ALLOWED and len(farm.wishes) == 1


# --- what it offers ---

@pytest.mark.parametrize("flags, wish", [
    ([], {"engines": "NAME"}), (["--engines", "blender,function"], {"engines": "blender,function"}), (["--tags", "big,eu"], {"engines": "NAME", "tags": "big,eu"}),
    (["--name", "node-7"], {"engines": "NAME", "worker": "node-7"})])
def test_a_worker_says_what_it_can(folder, flags, wish):
    with WorkerServer(folder) as farm:
        farm.add()
        program = engine(folder, QUICK)
        assert ended(farm.worker("--once", *flags, engine=program)) == DONE
        want = {k: v.replace("NAME", program.name) for k, v in wish.items()}
        assert {**farm.wishes[0], **want} == farm.wishes[0]


@pytest.mark.parametrize("flags", [["--engines", ""], ["--engines", "A"], ["--engines", "a,,b"], ["--engines", "a b"], ["--engines", "a" * 65], ["--engines", ",".join("ab" for _ in range(90))],
                                   ["--tags", "x" * 257], ["--name", "x" * 257], ["--poll-ms", "60001"], ["--poll-ms", "-1"], ["--nope"], ["--once", "--tags"]])
def test_what_a_worker_cannot_be_told(folder, flags):
    with WorkerServer(folder) as farm:
        assert ended(farm.worker("--once", *flags, engine="x")) == 2 and farm.seen == []
        assert "usage" in farm.log() or "safelight worker: --" in farm.log()


def test_an_engine_that_no_job_can_name_is_noted(folder):
    with WorkerServer(folder) as farm:
        farm.add()
        program = folder / "Render_It.sh"
        program.write_text("#!/bin/sh\n" + QUICK)
        program.chmod(0o755)
        assert ended(farm.worker("--once", engine=program)) == DONE
        assert "engines" not in farm.wishes[0] and "--engines" in farm.log()


# --- fonts ---

def test_fonts_come_into_the_folder_and_their_names_into_the_jobs_file(folder):
    with WorkerServer(folder, assets={"f": b"font bytes"}) as farm:
        lease = farm.add({"fonts": ["A.ttf", "missing.ttf"]}, fonts=[{"name": "A.ttf", "src": f"{farm.url}/asset/f"}, {"name": "../b\"c.ttf", "src": f"{farm.url}/asset/f"}])
        assert ended(farm.worker("--once", engine=engine(folder, 'cat job.json > "$SAFELIGHT_OUTPUT"; cat font0-A.ttf font1\n'))) == DONE
        assert json.loads(farm.outputs[lease])["fonts"] == [{"name": "A.ttf", "path": "font0-A.ttf"}, {"name": "../b\"c.ttf", "path": "font1"}]
        assert farm.logs[lease] == b"font bytes" * 2


@pytest.mark.parametrize("fonts", [[{"name": "A.ttf", "src": "farm"}], [{"name": "A.ttf"}], ["A.ttf"], [7]])
def test_a_font_that_does_not_come_is_the_jobs_error(folder, fonts):
    with WorkerServer(folder) as farm:
        farm.answers["asset"] = (404, {})
        fonts = [{**f, "src": f"{farm.url}/asset/x"} if isinstance(f, dict) and "src" in f else f for f in fonts]
        lease = farm.add({"fonts": ["A.ttf"]}, fonts=fonts)
        assert ended(farm.worker("--once", engine=engine(folder, QUICK))) == FAILED
        assert farm.finished == [(lease, {"state": "error", "error": "font 0: could not be downloaded"})] and farm.folders() == []


# --- signals ---

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_lets_the_job_end_and_takes_no_other(folder, number):
    with WorkerServer(folder) as farm:
        first = farm.add()
        go = folder / "go"
        worker = farm.worker(engine=engine(folder, f"touch {folder}/begun; until [ -e {go} ]; do sleep 0.1; done; {QUICK}"))
        begun(folder)
        farm.add()
        worker.send_signal(number)
        until(lambda: "stop_asked" in farm.log(), 10, "the worker having heard")
        go.touch()
        assert ended(worker) == DONE and farm.finished == [(first, {"state": "finished"})] and len(farm.jobs) == 1


def test_the_second_signal_stops_at_once_and_gives_the_job_back(folder):
    with WorkerServer(folder) as farm:
        lease = farm.add()
        worker = farm.worker(engine=sleeper(folder))
        begun(folder)
        worker.terminate()
        until(lambda: "stop_asked" in farm.log(), 10, "the worker having heard")
        assert worker.poll() is None and not gone(folder)
        worker.terminate()
        assert ended(worker) == DONE and all_gone(folder) and farm.folders() == []
        assert farm.finished == [(lease, {"state": "queued"})] and farm.outputs == {}


def test_a_signal_to_a_worker_without_a_job_ends_it(folder):
    with WorkerServer(folder) as farm:
        worker = farm.worker(engine="true")
        until(lambda: farm.wishes, 10, "a question for jobs")
        worker.terminate()
        assert ended(worker) == DONE


def test_two_signals_end_also_a_worker_whose_server_hangs(folder):
    with WorkerServer(folder, lease_ms=60000) as farm:
        farm.add()
        program = engine(folder, QUICK + f"touch {folder}/begun\n")
        farm.answers["finish"] = (503, {})
        worker = farm.worker(engine=program)
        until(lambda: farm.finished, 10, "a try to finish")
        worker.terminate()
        until(lambda: "stop_asked" in farm.log(), 10, "the worker having heard")
        worker.terminate()
        assert ended(worker) == DONE and farm.finished[-1][1] == {"state": "queued"} and farm.folders() == []


# --- with a real server ---

def cancel(server, job, running=True):
    return server.call("PATCH", f"/jobs/{job}/cancel" + ("?running=true" if running else ""))


def test_cancel_of_a_running_job_reaches_the_worker(server, folder, hire):
    program = sleeper(folder, f"[ -e {folder}/begun ] && {{ {QUICK} exit 0; }}; echo said")
    made = server.submit({"engine": program.name}).json()["id"]
    work = folder / "work"
    worker = hire(server, engine=program, folder=work)
    try:
        begun(folder)
        assert cancel(server, made, running=False).status_code == 409
        assert [j["id"] for j in cancel(server, made).json()] == [made]
        assert server.job(made)["status"] == "manually_cancelled"
        until(lambda: gone(folder), 12, "the engine's end")
        until(lambda: list(work.iterdir()) == [], 5, "the folder being gone")
        second = server.submit({"engine": program.name}).json()["id"]
        assert server.wait(second)["status"] == "finished"
        assert server.job(made)["status"] == "manually_cancelled" and cancel(server, made).status_code == 409
    finally:
        worker.terminate()
        assert worker.wait(20 * SLOW) == DONE


def test_a_job_given_back_is_done_by_the_next_worker_at_once(server, folder, hire):
    """The lease lasts a minute: nobody waits for its end."""
    program = sleeper(folder, f"[ -e {folder}/begun ] && {{ {QUICK} exit 0; }}")
    made = server.submit({"engine": program.name}).json()["id"]
    worker = hire(server, engine=program)
    begun(folder)
    worker.terminate()
    time.sleep(0.3)
    worker.terminate()
    assert worker.wait(20 * SLOW) == DONE
    assert server.job(made)["status"] == "queued" and "gave the job back" in server.job_log(made)
    second = hire(server, "--once", engine=program)
    assert server.wait(made, 20)["status"] == "finished" and second.wait(20 * SLOW) == DONE


def test_giving_back_does_not_make_a_job_poisonous(server):
    name = "back-" + os.urandom(5).hex()
    made = server.submit({"engine": name}).json()["id"]
    for _ in range(7):
        lease = server.call("POST", "/worker/lease", {"engines": name}).json()
        assert lease["job"]["id"] == made
        path = f"/worker/leases/{lease['lease']}/finish"
        assert server.call("POST", path, {"state": "queued"}).status_code == 200
        assert server.call("POST", path, {"state": "queued"}).json()["code"] == "LEASE_LOST"
    assert server.job(made)["status"] == "queued"


def test_a_revoked_token_stops_the_worker_and_its_engine(server, folder, hire):
    program = sleeper(folder)
    token = server.new_token("worker")
    assert server.submit({"engine": program.name}).status_code == 201
    worker = hire(server, engine=program, token=token)
    begun(folder)
    assert server.call("DELETE", "/tokens/" + token.split("_")[2]).status_code == 200
    assert worker.wait(20 * SLOW) == NOT_ALLOWED and all_gone(folder)


def test_a_server_that_restarts_within_the_lease_gets_its_job(fresh, folder, hire):
    s = fresh()
    go = folder / "go"
    program = engine(folder, f"touch {folder}/begun; until [ -e {go} ]; do sleep 0.1; done; {QUICK}")
    made = s.submit({"engine": program.name}).json()["id"]
    worker = hire(s, "--once", engine=program)
    begun(folder)
    s.kill()
    go.touch()
    time.sleep(1)
    s.restart()
    assert s.wait(made, 40)["status"] == "finished" and worker.wait(20 * SLOW) == DONE
    assert [r["event"] for r in s.audit() if r["event"] == "job.leased"] == ["job.leased"]
