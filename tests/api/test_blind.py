"""Workers are blind: every byte that a worker's process receives, writes and prints is searched for the values
of a job, in every encoding (issue: upload, webhook, template.src, asset src and headers never arrive; text,
data and script do, and exactly those are in the audit log and were warned of)."""
import json
import pathlib
import subprocess
import sys

import pytest

from common import hook, s3_upload
from conftest import BINARY, PEERS, Peer, canary, clean_environment, engine, until
from farm import Farm
from stock_worker import STOCK, WORKER_1_8, StockWorker

sys.path.insert(0, str(PEERS))
from search import forms  # noqa: E402

HIDDEN = ["ACCESS", "SECRET", "HOOK_URL", "HOOK_HEADER", "HOOK_DATA", "TEMPLATE", "ASSET_URL", "ASSET_HEADER"]
HANDED = {"TEXT": "/assets/1/value", "DATA": "/assets/2/value/1", "SCRIPT": "/assets/3/value"}


@pytest.fixture
def recorder(server, folder):
    log = folder / "traffic"
    log.mkdir()
    peer = Peer(PEERS / "record.py", "--to", f"{server.host}:{server.port}", "--log", log)
    peer.log = log
    yield peer
    peer.stop()


@pytest.fixture
def farm(server, s3, studio):
    f = Farm(server, "blind")
    f.values = {name: canary(40) + "+/=é\"\\" for name in [*HIDDEN, *HANDED]}
    f.values.update(ACCESS=s3.said["accessKeyId"], SECRET=s3.said["secretAccessKey"], ASSET_HEADER=studio.key)
    for name in ("HOOK_URL", "TEMPLATE", "ASSET_URL", "HOOK_HEADER"):  # they stand in an address or a header
        f.values[name] = canary(40)
    for name, value in f.values.items():
        f.put(name, value)
    return f


def payload(s3, studio, unique, exposing=True):
    upload = s3_upload(s3, "blind/", accessKeyId="${secret.ACCESS}", accessKeySecret="${secret.SECRET}")
    assets = [{"type": "image", "layerName": "i", "src": studio.url + "/private/a.png?k=${secret.ASSET_URL}", "params": {"headers": {"X-Asset-Key": "${secret.ASSET_HEADER}"}}},
              {"type": "text", "layerName": "t", "value": "Hello ${secret.TEXT}" if exposing else "Hello"},
              {"type": "data", "layerName": "d", "property": "Opacity", "value": [1, "${secret.DATA}" if exposing else 2]},
              {"type": "script", "value": "var a = '${secret.SCRIPT}';" if exposing else "var a = 1;"}]
    return {"template": {"id": "x", "src": studio.url + "/t.aep?k=${secret.TEMPLATE}", "composition": "main"}, "assets": assets, "upload": upload,
            "webhook": hook(studio, unique + "/${secret.HOOK_URL}", headers={"Authorization": "Bearer ${secret.HOOK_HEADER}"}, data={"d": "${secret.HOOK_DATA}"})}


def found_in(folder, value):
    wanted = set(forms(value.encode()))
    return [str(p) for p in pathlib.Path(folder).rglob("*") if p.is_file() and any(form in p.read_bytes() for form in wanted)]


def check(farm, recorder, folder, made, unique, studio, exposed):
    """After the job has ended: what reached the worker, and what Safelight says that did."""
    job = until(lambda: (lambda j: j if j["status"] in ("finished", "error") else None)(farm.job(made["id"])), 60, "the job's end")
    assert job["status"] == "finished", (job, farm.log(made["id"]))
    (call,) = until(lambda: studio.received(f"/hook/{unique}/"), 15, "the webhook")  # all of them were really used
    assert call["path"].endswith(farm.values["HOOK_URL"]) and farm.values["HOOK_HEADER"] in call["headers"]["Authorization"]
    assert json.loads(call["body"])["data"]["d"] == farm.values["HOOK_DATA"]
    assert studio.received("/t.aep?k=" + farm.values["TEMPLATE"]) and studio.received("/private/a.png?k=" + farm.values["ASSET_URL"])
    for name in HIDDEN:
        assert found_in(folder, farm.values[name]) == [], name
    received = list(recorder.log.glob("*.received"))
    assert received and any(b'"' + made["id"].encode() in p.read_bytes() for p in received)  # it was looked at the right place
    audited = {(r["name"], r["field"]) for r in farm.server.audit(token=farm.admin, event="secret.exposed") if r["job"] == made["id"]}
    assert audited == set(exposed.items())
    assert {w["field"] for w in made.get("warnings", [])} == set(exposed.values())
    for name in HANDED:
        assert bool(found_in(recorder.log, farm.values[name])) == (name in exposed), name


@pytest.mark.skipif(not (STOCK / "node_modules").exists(), reason="tools/setup check installs the farm's packages")
@pytest.mark.parametrize("what, exposing", [("@nexrender/core", True), ("core-1.62.2", True), (WORKER_1_8, False)])
def test_the_farms_worker_is_blind(farm, recorder, folder, s3, studio, unique, what, exposing):
    made = farm.submit(payload(s3, studio, unique, exposing))
    (folder / "farm").mkdir()
    with StockWorker(folder / "farm", recorder.said["url"], farm.worker, what) as worker:
        until(lambda: farm.job(made["id"])["status"] in ("finished", "error"), 60, "the job's end")
    assert worker.log()
    check(farm, recorder, folder, made, unique, studio, HANDED if exposing else {})


def test_our_own_worker_is_blind(farm, recorder, folder, s3, studio, unique):
    program = engine(folder, 'cat job.json; env; head -c 20000 /dev/urandom > "$SAFELIGHT_OUTPUT"\n')
    made = farm.submit({**payload(s3, studio, unique), "engine": program.name})
    (folder / "work").mkdir()
    env = clean_environment(SAFELIGHT_URL=recorder.said["url"], SAFELIGHT_TOKEN=farm.worker, TMPDIR=str(folder))
    with open(folder / "worker.log", "w") as log:
        done = subprocess.run([BINARY, "worker", "--engine", str(program), "--once", "--keep", "--work", str(folder / "work"), "--poll-ms", "50"],
                              env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL, timeout=120)
    assert done.returncode == 0, (folder / "worker.log").read_text()
    check(farm, recorder, folder, made, unique, studio, HANDED)
