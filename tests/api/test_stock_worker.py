"""The open-source farm's own worker, unchanged, against the real server (contract check 48)."""
import hashlib
import json
import subprocess
import zipfile

import pytest

from common import hook, s3_upload
from conftest import canary, until
from farm import Farm
from stock_worker import CORES, STOCK, WORKER_1_8, StockWorker

pytestmark = pytest.mark.skipif(not (STOCK / "node_modules").exists(), reason="tools/setup check installs the farm's packages")


@pytest.fixture
def farm(server, s3):
    f = Farm(server)
    f.put("AWS_ACCESS_KEY_ID", s3.said["accessKeyId"])
    f.put("AWS_SECRET_ACCESS_KEY", s3.said["secretAccessKey"])
    return f


def payload(farm, s3, studio, unique, **more):
    """Secrets in every place that no worker may see, and none elsewhere."""
    farm.put("ASSET_KEY", studio.key)
    farm.put("HOOK", canary())
    return {
        "template": {"id": "x", "src": studio.url + "/t.aep?sig=${secret.HOOK}", "composition": "main"},
        "assets": [{"type": "image", "layerName": "bg", "src": studio.url + "/private/bg.png", "params": {"headers": {"X-Asset-Key": "${secret.ASSET_KEY}"}}},
                   {"type": "text", "layerName": "title", "value": "plain text"}],
        "upload": s3_upload(s3, "farm/"), "webhook": hook(studio, unique, headers={"Authorization": "Bearer ${secrets.HOOK}"}), **more}


def done(farm, job_id, worker):
    got = until(lambda: (lambda j: j if j["status"] in ("finished", "error", "manually_cancelled") else None)(farm.job(job_id)), 60, "the job's end")
    assert got["status"] == "finished", (got, worker.log()[-3000:], farm.log(job_id))
    return got


@pytest.mark.parametrize("core", CORES)
def test_check_048_the_farms_core_renders_a_job_end_to_end(server, farm, s3, studio, unique, folder, core):
    made = farm.submit(payload(farm, s3, studio, unique))
    assert not made.get("warnings")
    with StockWorker(folder, server.url, farm.worker, core) as worker:
        job = done(farm, made["id"], worker)
        assert worker.wait() == 0, worker.log()[-3000:]
    stored = s3.get(f"farm/{job['id']}.mp4")
    assert hashlib.sha256(stored).digest() == hashlib.sha256(worker.output.read_bytes()).digest()
    assert (worker.work / job["id"] / "0.png").read_bytes() == studio.asset.read_bytes()
    (call,) = until(lambda: studio.received(f"/hook/{unique}"), 15, "the webhook")
    assert call["headers"]["Authorization"].startswith("Bearer cnry") and json.loads(call["body"])["state"] == "finished"
    assert "plain text" in (worker.work / job["id"] / f"nexrender-{job['id']}-script.jsx").read_text()


def test_check_048_worker_1_8_renders_a_job_end_to_end(server, farm, s3, studio, unique, folder):
    made = farm.submit(payload(farm, s3, studio, unique))
    with StockWorker(folder, server.url, farm.worker, WORKER_1_8) as worker:
        job = done(farm, made["id"], worker)
        second = farm.submit({"template": {"id": "x", "src": studio.url + "/t.aep", "composition": "main"}})
        done(farm, second["id"], worker)
    assert s3.get(f"farm/{job['id']}.mp4")
    assert until(lambda: studio.received(f"/hook/{unique}"), 15, "the webhook")


def test_worker_1_8_is_not_shown_a_job_that_hands_over_a_value(server, farm, studio, folder):
    farm.put("TITLE", canary())
    exposing = farm.submit({"template": {"id": "x", "src": studio.url + "/t.aep", "composition": "main"},
                            "assets": [{"type": "text", "layerName": "t", "value": "${secret.TITLE}"}]})
    other = farm.submit({"template": {"id": "x", "src": studio.url + "/t.aep", "composition": "main"}})
    with StockWorker(folder, server.url, farm.worker, WORKER_1_8) as worker:
        done(farm, other["id"], worker)
    assert farm.job(exposing["id"])["status"] == "queued"


def test_progress_of_the_farms_worker_shows(server, farm, studio, folder):
    made = farm.submit({"template": {"id": "x", "src": studio.url + "/t.aep", "composition": "main"}})
    with StockWorker(folder, server.url, farm.worker) as worker:
        seen = until(lambda: farm.job(made["id"])["progress"], 60, "progress")
        done(farm, made["id"], worker)
    assert 0 < seen <= 100


def test_an_image_is_handed_in_under_the_name_that_after_effects_gives_it(server, farm, studio, folder):
    made = farm.submit({"template": {"id": "x", "src": studio.url + "/t.aep", "composition": "main"}, "settings": {"type": "image", "frames": 12}})
    with StockWorker(folder, server.url, farm.worker) as worker:
        job = done(farm, made["id"], worker)
        assert (worker.work / job["id"] / "result_00012.png").exists()
    got = server.call("GET", f"/jobs/{job['id']}/output", token=farm.admin)
    assert got.content == worker.output.read_bytes()


@pytest.mark.parametrize("where, env", [("temp", {}), ("project", {"NEXRENDER_ENABLE_AELOG_PROJECT_FOLDER": "1"})])
def test_check_049_the_log_comes_the_same_way_and_is_masked(fresh, studio, folder, where, env):
    server = fresh("--allow-loopback", "on", "--allow-http", "on", "--stock-log", where)
    farm = Farm(server)
    value = canary()
    farm.put("TITLE", value)
    made = farm.submit({"template": {"id": "x", "src": studio.url + "/t.aep", "composition": "main"},
                        "assets": [{"type": "text", "layerName": "t", "value": "${secret.TITLE}"}]})
    (folder / "farm").mkdir()
    with StockWorker(folder / "farm", server.url, farm.worker, **env) as worker:
        job = done(farm, made["id"], worker)
    log = farm.log(job["id"])
    assert "PROGRESS:  0:00:01:00 (25)" in log and value not in log


def test_a_script_given_as_text_arrives_byte_for_byte(server, farm, studio, folder):
    value = "a'b\\c%d&e\"f\né" + canary()
    farm.put("IN_SCRIPT", value)
    text = "var a = '${secret.IN_SCRIPT}'; // 100% \\ \"é\"\n$${secret.IN_SCRIPT}"
    made = farm.submit({"template": {"id": "x", "src": studio.url + "/t.aep", "composition": "main"}, "assets": [{"type": "script", "value": text}]})
    with StockWorker(folder, server.url, farm.worker) as worker:
        job = done(farm, made["id"], worker)
        script = (worker.work / job["id"] / "0.jsx").read_bytes()
    assert script.decode() == text.replace("$${secret", "@").replace("${secret.IN_SCRIPT}", value).replace("@", "${secret")


def zip_template(server, farm, folder, files):
    archive = folder / "t.zip"
    with zipfile.ZipFile(archive, "w") as z:
        for name, data in files.items():
            z.writestr(name, data)
    made = server.call("POST", "/templates", {"type": "zip", "displayName": "z"}, token=farm.admin)
    assert made.status_code == 201, made.text
    put = server.call("PUT", made.json()["uploadInfo"]["url"], archive.read_bytes(), token="", headers={"Content-Type": "application/octet-stream"})
    assert put.status_code < 300, put.text
    return made.json()["id"]


PROJECT = b"RIFX the project"


@pytest.mark.parametrize("files, named, opened", [
    ({"main.aep": PROJECT, "footage/a.txt": b"a"}, None, "main.aep"),
    ({"project/main.aep": PROJECT, "other/a.txt": b"a"}, None, "project/main.aep"),
    ({"My Project/main.aep": PROJECT, "My Project/(Footage)/a.txt": b"a"}, None, "main.aep"),  # the farm's action leaves out a folder that holds all
    ({"p/main.aep": PROJECT, "p/Adobe After Effects Auto-Save/main auto-save 1.aep": b"old", "p/a.txt": b"a"}, None, "main.aep"),
    ({"p/main.aep": PROJECT, "__MACOSX/p/._main.aep": b"mac"}, None, "p/main.aep"),
    ({"one/main.aep": PROJECT, "two/main.aep": b"the other"}, "one/main.aep", "one/main.aep")],
    ids=["at the top", "in one of two folders", "everything in one folder", "with auto-saves", "from macOS", "named"])
def test_a_zip_template_is_opened_by_the_farms_own_action(server, farm, folder, files, named, opened):
    """Clients do not say which project lies in it: Safelight looks when it is uploaded."""
    template = zip_template(server, farm, folder, files)
    job = farm.submit({"template": {"id": template, "composition": "main", **({"decompressed": named} if named else {})}})
    assert not job.get("warnings")
    (folder / "w").mkdir()
    with StockWorker(folder / "w", server.url, farm.worker) as worker:
        got = done(farm, job["id"], worker)
        assert (worker.work / got["id"] / opened).read_bytes() == PROJECT


@pytest.mark.parametrize("files", [{"a.aep": PROJECT, "b.aep": PROJECT}, {"a.txt": b"a"}, {"a.aep": PROJECT, "../b.txt": b"b"}],
                         ids=["two projects", "none", "a path that leads out"])
def test_a_zip_that_does_not_plainly_hold_one_project_is_kept_from_the_farm(server, farm, folder, files):
    template = zip_template(server, farm, folder, files)
    job = farm.submit({"template": {"id": template, "composition": "main"}})
    assert any("plainly hold one project" in w["message"] for w in job["warnings"])
    assert farm.pickup() == {} and farm.job(job["id"])["status"] == "queued"


def test_a_template_that_is_uploaded_again_has_the_new_ones_project(server, farm, folder):
    template = zip_template(server, farm, folder, {"old.aep": PROJECT, "a": b""})
    again = server.call("PUT", f"/templates/{template}/upload", token=farm.admin)
    assert again.status_code == 200, again.text
    with zipfile.ZipFile(folder / "n.zip", "w") as z:
        z.writestr("new.aep", PROJECT)
    info = again.json().get("uploadInfo", again.json())
    assert server.call("PUT", info["url"], (folder / "n.zip").read_bytes(), token="", headers={"Content-Type": "application/octet-stream"}).status_code == 200
    farm.submit({"template": {"id": template, "composition": "main"}})
    assert farm.pickup()["template"]["decompressed"] == "new.aep"


def mogrt_template(server, farm, folder):
    project, archive = folder / "project.aegraphic", folder / "t.mogrt"
    with zipfile.ZipFile(project, "w") as z:
        z.writestr("inner/project.aep", b"RIFX the project")
    with zipfile.ZipFile(archive, "w") as z:
        z.writestr("definition.json", json.dumps({"authorApp": "aefx", "sourceInfoLocalized": {"en_US": {"name": "Main comp"}}, "clientControls": []}))
        z.write(project, "project.aegraphic")
    made = server.call("POST", "/templates", {"type": "mogrt", "displayName": "m"}, token=farm.admin).json()
    put = server.call("PUT", made["uploadInfo"]["url"], archive.read_bytes(), token="", headers={"Content-Type": "application/octet-stream"})
    assert put.status_code < 300, put.text
    return made["id"]


def test_a_mogrt_goes_through_the_farms_own_action_where_that_works(server, farm, folder):
    farm.put("ESSENTIAL", "a \"quoted\" value")
    job = farm.submit({"template": {"id": mogrt_template(server, farm, folder)},
                       "assets": [{"type": "essential", "layerName": "Title", "value": "${secret.ESSENTIAL}"}]})
    assert any("1.63" in w["message"] for w in job["warnings"])
    (folder / "new").mkdir()
    (folder / "old").mkdir()
    with StockWorker(folder / "new", server.url, farm.worker, "@nexrender/core") as new:
        other = farm.submit({"template": {"id": "x", "src": job_source(server), "composition": "main"}})
        until(lambda: farm.job(other["id"])["status"] != "queued", 30, "a job for the new core")
        assert farm.job(job["id"])["status"] == "queued", new.log()[-2000:]  # it is older, and not for this one
    with StockWorker(folder / "old", server.url, farm.worker, "core-1.62.2") as old:
        done(farm, job["id"], old)
        script = (old.work / job["id"] / f"nexrender-{job['id']}-script.jsx").read_text()
    assert "Main comp" in script and "quoted" in script


def job_source(server):
    return server.url + "/health"


def test_where_all_can_do_a_mogrt_the_setting_says_so(fresh):
    s = fresh("--stock-mogrt", "on")
    f = Farm(s)
    f.agent = "nexrender-api/1.62.0 nexrender-worker/1.63.3"
    made = f.submit({"template": {"id": "x", "src": "https://h.example/t.mogrt"}, "assets": []})
    assert not made.get("warnings") and f.pickup()["uid"] == made["id"]


def test_a_download_that_fails_is_told_without_its_credentials(server, farm, studio, folder):
    """Check 45 with a real worker: its error names the address, and aerender's output."""
    token = canary()
    farm.put("TOKEN", token)
    made = farm.submit({"template": {"id": "x", "src": studio.url + "/t.aep", "composition": "main"},
                        "assets": [{"type": "image", "layerName": "i", "src": studio.url + "/private/a.png?token=${secret.TOKEN}"}]})
    with StockWorker(folder, server.url, farm.worker) as worker:
        job = until(lambda: (lambda j: j if j["status"] == "error" else None)(farm.job(made["id"])), 60, "the error")
    assert "Unable to download file" in job["stats"]["error"] and token not in json.dumps(job)
    assert token not in worker.log() and not subprocess.run(["grep", "-r", token, str(worker.folder)], capture_output=True).stdout
