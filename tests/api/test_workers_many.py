"""Several workers that share nothing but the address and a token: each job is rendered once, by one that may have it."""
import collections
import os
import re

import pytest

from conftest import SLOW, engine, until

QUICK = 'echo out > "$SAFELIGHT_OUTPUT"\n'


@pytest.fixture
def hire():
    """hire(server, ...): a worker that does not outlive the test."""
    hired = []

    def one(server, *flags, **options):
        hired.append(server.worker(*flags, **options))
        return hired[-1]
    yield one
    for worker in hired:
        worker.terminate()
    for worker in hired:
        worker.wait(20 * SLOW)


def asked(server, *tokens):
    """Waits until workers with these tokens have asked for a job: from then on they heed signals, too."""
    for token in tokens:
        line = f'route="/worker/lease".* token="{token.split("_")[2]}"'
        until(lambda: re.search(line, server.log()), what="a worker's first question")


def test_three_workers_and_many_jobs_each_rendered_once(server, folder, hire):
    done = folder / "done"
    programs, tokens = [], [server.new_token("worker") for _ in range(3)]
    word = "many-" + os.urandom(4).hex()
    for i in range(3):  # three machines: another engine file, folder and token each
        home = folder / f"node{i}"
        home.mkdir()
        programs.append(engine(home, f'echo "$SAFELIGHT_JOB_ID node{i}" >> {done}; sleep 0.05; {QUICK}'))
        hire(server, "--engines", word, "--name", f"node{i}", engine=programs[i], folder=home / "work", token=tokens[i])
    asked(server, *tokens)
    made = [server.submit({"engine": word}).json()["id"] for _ in range(60)]
    for job in made:
        assert server.wait(job, 60)["status"] == "finished"
    lines = [line.split() for line in done.read_text().splitlines()]
    assert sorted(job for job, _ in lines) == sorted(made)
    by = collections.Counter(node for _, node in lines)
    assert len(by) == 3 and min(by.values()) >= 2, by  # all of them had work
    leased = [r["job"] for r in server.audit(event="job.leased") if r["job"] in made]
    assert sorted(leased) == sorted(made)
    for i in range(3):
        assert list((folder / f"node{i}" / "work").iterdir()) == []


def test_the_death_of_one_of_three_is_made_good_by_the_others(fresh, folder, hire):
    s = fresh("--lease-ms", "4000")
    done, word = folder / "done", "dies"
    slow = engine(folder, f'touch {folder}/begun; sleep 1000')
    first = s.worker("--engines", word, engine=slow)
    made = [s.submit({"engine": word}).json()["id"] for _ in range(10)]
    until((folder / "begun").exists, 10, "the first one having a job")
    quick = engine(folder, f'echo "$SAFELIGHT_JOB_ID" >> {done}; {QUICK}')
    for _ in range(2):
        hire(s, "--engines", word, engine=quick)
    first.kill()
    first.wait()
    for job in made:
        assert s.wait(job, 40)["status"] == "finished"
    assert sorted(done.read_text().split()) == sorted(made)


def test_tags_and_engine_words_decide_who_gets_what(server, folder, hire):
    done, mark = folder / "done", os.urandom(4).hex()
    token = server.team("many" + mark)
    for name, flags in (("plain", []), ("eu", ["--tags", "eu" + mark]), ("fn", ["--engines", "function"]), ("blender", ["--engines", "blender,maya"])):
        program = engine(folder, f'echo "$SAFELIGHT_JOB_ID {name}" >> {done}; {QUICK}')
        worker = server.new_token("worker", team="many" + mark)
        hire(server, *flags, engine=program, token=worker, folder=folder / name)

    def submit(**job):
        made = server.submit({"assets": [], **job}, token=token)
        assert made.status_code == 201, made.text
        return made.json()["id"]
    wanted = {}
    for _ in range(4):
        wanted[submit(engine="blender")] = {"blender"}
        wanted[submit(engine="maya")] = {"blender"}
        wanted[submit(engine="function")] = {"fn"}
        wanted[submit(engine="safelight")] = {"plain", "fn", "blender"}  # any of ours without tags of its own
        wanted[submit(engine="safelight", tags="eu" + mark)] = {"plain", "eu", "fn", "blender"}
    for job in wanted:
        until(lambda: server.job(job, token=token)["status"] == "finished", 60, "the job's end")
    for line in done.read_text().splitlines():
        job, name = line.split()
        assert name in wanted[job], (name, wanted[job])
    nobody = submit(engine="houdini")
    assert server.job(nobody, token=token)["status"] == "queued"


def test_a_function_asset_waits_for_a_worker_that_offers_function(server, folder, hire):
    mark = os.urandom(4).hex()
    token = server.team("fn" + mark)
    made = server.submit({"template": {"id": "T", "src": "https://example.com/t.aep", "composition": "main"},
                          "assets": [{"type": "function", "name": "nx:layer-remove", "params": {"layerName": ["a", "b"]}}]}, token=token)
    assert made.status_code == 201 and made.json()["warnings"], made.text
    job = made.json()["id"]
    its_token = server.new_token("worker", team="fn" + mark)
    wrong = server.worker("--tags", "x", engine=engine(folder, QUICK), token=its_token)
    try:
        asked(server, its_token)
        lease = server.call("POST", "/worker/lease", {"engines": "ffmpeg"}, token=server.new_token("worker", team="fn" + mark))
        assert lease.status_code == 204
    finally:
        wrong.terminate()
        assert wrong.wait(20 * SLOW) == 0
    assert server.job(job, token=token)["status"] == "queued"
    lease = server.call("POST", "/worker/lease", {"engines": "blender,function"}, token=server.new_token("worker", team="fn" + mark))
    assert lease.status_code == 200 and [a["params"]["layerName"] for a in lease.json()["job"]["assets"]] == ["a", "b"]


def test_a_full_spool_is_said_once_and_the_job_waits_for_room(fresh, folder, hire):
    s = fresh("--spool-max-bytes", "40")
    program = engine(folder, 'echo "more than nine tenths of the room, all" > "$SAFELIGHT_OUTPUT"\n')
    first = s.submit({"engine": program.name}).json()["id"]
    worker = hire(s, engine=program)
    assert s.wait(first)["status"] == "finished"
    second = s.submit({"engine": program.name}).json()["id"]
    until(lambda: "SPOOL_FULL" in (s.folder / "worker.log").read_text(), 20, "the worker having heard")
    assert s.job(second)["status"] == "queued" and worker.poll() is None
    s.stop()
    s.flags = []
    s.restart()
    assert s.wait(second, 60)["status"] == "finished"
    assert (s.folder / "worker.log").read_text().count("SPOOL_FULL") == 1


def test_what_was_rendered_waits_until_there_is_room_for_it(fresh, folder, hire):
    s = fresh("--spool-max-bytes", "40")
    program = engine(folder, 'head -c 1000 /dev/zero > "$SAFELIGHT_OUTPUT"\n')
    job = s.submit({"engine": program.name}).json()["id"]
    hire(s, engine=program)
    until(lambda: "output_not_taken" in (s.folder / "worker.log").read_text(), 20, "the upload being refused")
    s.stop()
    s.flags = []
    s.restart()
    assert s.wait(job, 60)["status"] == "finished" and len(s.call("GET", f"/jobs/{job}/output").content) == 1000
    assert [r["event"] for r in s.audit() if r["event"] == "job.leased"] == ["job.leased"]  # rendered once
