"""Commands about templates and fonts: files up and down, whole or not at all."""
import json
import os
import re

import pytest

from conftest import Web
from test_cli import CONFLICT, DONE, FAILED, INVALID, NOT_ALLOWED, NOT_FOUND, UNREACHABLE, USAGE, run
from test_cli_jobs import NEVER, Team
from test_fonts import DEJAVU, SANS, tiny
from templates import AEP, ZIP


@pytest.fixture
def team(server, folder):
    one = Team(server, folder)
    yield one
    for worker in one.hired:
        worker.kill()
        worker.wait()


@pytest.fixture
def aep(folder):
    path = folder / "Intro.aep"
    path.write_bytes(AEP)
    return path


def templates(team):
    return team.json("template", "list")


# --- templates ---

@pytest.mark.parametrize("file, data, kind", [("Intro.aep", AEP, "aep"), ("big.AEP", AEP * 3000, "aep"), ("pack.zip", ZIP, "zip"), ("Title.mogrt", ZIP, "mogrt")], ids=lambda v: v if isinstance(v, str) else "")
def test_a_template_goes_up_and_comes_down_the_same(team, file, data, kind):
    path = team.folder / file
    path.write_bytes(data)
    made = team.json("template", "upload", path)
    assert made["type"] == kind and made["displayName"] == file and made["status"] == "uploaded"
    shown = team.run("template", "show", made["id"])
    assert shown.returncode == DONE and made["id"] in shown.stdout and "uploaded" in shown.stdout
    assert [t["id"] for t in templates(team)] == [made["id"]] and made["id"] in team.run("template", "list").stdout
    out = team.folder / "out"
    out.write_text("old")
    assert team.run("template", "download", made["id"], "--file", out).returncode == CONFLICT and out.read_text() == "old"
    out.unlink()
    down = team.run("template", "download", made["id"], "--file", out)
    assert down.returncode == DONE and down.stdout == f"{out}\n" and out.read_bytes() == data
    here = os.getcwd()
    try:
        os.chdir(team.folder)
        assert team.run("template", "download", made["id"]).stdout == f"{made['id']}.{kind}\n"
        assert team.run("template", "download", made["id"]).returncode == CONFLICT
    finally:
        os.chdir(here)
    gone = team.run("template", "delete", made["id"], "--yes")
    assert gone.returncode == DONE and gone.stdout == "" and templates(team) == []
    for words in (["show", made["id"]], ["download", made["id"], "--file", out], ["delete", made["id"], "--yes"]):
        assert team.run("template", *words).returncode == NOT_FOUND


def test_a_template_may_be_named_and_typed(team):
    path = team.folder / "no-extension"
    path.write_bytes(AEP)
    assert team.run("template", "upload", path).returncode == USAGE
    made = team.json("template", "upload", path, "--type", "aep", "--name", "Opener, spring")
    assert made["displayName"] == "Opener, spring" and made["type"] == "aep"
    assert team.run("template", "upload", path, "--type", "aep").stdout.startswith("ID ")


def test_an_uploaded_template_is_rendered(team, aep):
    made = team.json("template", "upload", aep)
    team.worker('cp template* "$SAFELIGHT_OUTPUT"\n', "--once")
    done = team.run("job", "submit", team.file({"template": {"id": made["id"], "composition": "main"}}), "--wait", "--json")
    assert done.returncode == DONE, done.stderr
    assert team.server.call("GET", f"/jobs/{json.loads(done.stdout)['id']}/output", token=team.token).content == AEP


@pytest.mark.parametrize("words, code", [
    (["upload", "/nonexistent.aep"], INVALID), (["upload", "FOLDER.aep"], INVALID), (["upload", "EMPTY.aep"], INVALID), (["upload", "GOOD.aep", "--type", "exe"], INVALID),
    (["upload", "GOOD.aep", "--name", ""], INVALID), (["upload", "GOOD.aep", "--name", "x" * 257], INVALID), (["upload", 'qu"ote.aep'], INVALID), (["upload", "GOOD.txt"], USAGE), (["upload"], USAGE),
    (["show"], USAGE), (["delete", NEVER], USAGE), (["download"], USAGE), (["show", NEVER], NOT_FOUND), (["show", "../jobs"], NOT_FOUND), (["download", NEVER], NOT_FOUND), (["delete", NEVER, "--yes"], NOT_FOUND)])
def test_templates_that_are_refused_leave_nothing(team, words, code):
    (team.folder / "FOLDER.aep").mkdir()
    (team.folder / "EMPTY.aep").touch()
    for name in ("GOOD.aep", "GOOD.txt", 'qu"ote.aep'):
        (team.folder / name).write_bytes(AEP)
    words = [str(team.folder / w) if "." in w and not w.startswith((".", "/", "-")) else w for w in words]
    done = team.run("template", *words)
    assert done.returncode == code and done.stdout == "" and done.stderr, done.stderr
    assert templates(team) == []


def test_roles_and_other_teams(team, aep):
    made = team.json("template", "upload", aep)
    worker, submit = (team.server.new_token(role, team.name) for role in ("worker", "submit"))
    assert team.run("template", "list", token=worker).returncode == NOT_ALLOWED
    assert team.run("template", "delete", made["id"], "--yes", token=submit).returncode == NOT_ALLOWED
    other = team.server.team("lib" + os.urandom(5).hex())
    for words in (["show", made["id"]], ["download", made["id"]], ["delete", made["id"], "--yes"]):
        assert team.run("template", *words, token=other).returncode == NOT_FOUND
    assert len(templates(team)) == 1


def test_an_upload_that_breaks_says_what_is_left(aep):
    """The template is made; the address for its file leads nowhere, refuses, or is not there."""
    for address, put, code in (("http://127.0.0.1:9/u", None, UNREACHABLE), ("WEB/u", (410, b'{"error":"Expired"}'), NOT_FOUND), ("WEB/u", (413, b""), INVALID), ("", None, UNREACHABLE)):
        def answer(handler, body):
            if handler.command == "PUT":
                return put[0], {"Content-Type": "application/json"}, put[1]
            made = {"id": NEVER, "status": "awaiting_upload", "uploadInfo": {"url": address.replace("WEB", web.url)}}
            return 201, {"Content-Type": "application/json"}, json.dumps(made).encode()
        with Web(answer) as web:
            done = run("template", "upload", aep, env={"SAFELIGHT_URL": web.url, "SAFELIGHT_TOKEN": "slt_x"})
            assert all("Authorization" not in headers for method, _, headers in web.seen if method == "PUT")
        assert done.returncode == code and NEVER in done.stderr and done.stdout == "", (address, put, done.stderr)


TAG = f'"{NEVER}-{1000}"'


@pytest.mark.parametrize("headers, body, code, why", [
    ({"Content-Type": "video/mp4", "ETag": TAG}, b"x" * 1000, DONE, ""), ({"Content-Type": "video/mp4", "ETag": "W/" + TAG}, b"x" * 1000, DONE, ""),
    ({"Content-Type": "video/mp4", "ETag": '"another"'}, b"x" * 10, DONE, ""), ({}, b"x" * 10, DONE, ""),
    ({"Content-Type": "text/html; charset=utf-8"}, b"<html>Sign in</html>", FAILED, "not Safelight's"), ({"Content-Type": "application/json"}, b'{"error":"x"}', FAILED, "not Safelight's"),
    ({"Content-Type": "text/html", "ETag": TAG}, b"x" * 1000, FAILED, "not Safelight's"), ({"Content-Type": "video/mp4", "ETag": TAG}, b"x" * 999, UNREACHABLE, "999 bytes came instead of 1000"),
    ({"Content-Type": "video/mp4", "ETag": TAG}, b"x" * 1001, UNREACHABLE, "1001"), ({"ETag": TAG, "Content-Type": "video/mp4"}, b"", UNREACHABLE, "0 bytes")])
def test_what_a_proxy_says_with_200_is_no_output(folder, headers, body, code, why):
    def answer(handler, _):
        if handler.path.startswith("/api/v2/"):
            return 200, {"Content-Type": "application/json"}, json.dumps({"id": NEVER, "status": "finished", "outputUrl": f"{web.url}/o/{NEVER}.mp4?expires=1&signature=x", "stats": {}}).encode()
        return 200, headers, body
    with Web(answer) as web:
        done = run("job", "output", NEVER, "--file", folder / "out", env={"SAFELIGHT_URL": web.url, "SAFELIGHT_TOKEN": "slt_x"})
    assert done.returncode == code and why in done.stderr and (folder / "out").exists() == (code == DONE), done.stderr
    assert [p.name for p in folder.iterdir()] == ["out"] * (code == DONE)


@pytest.mark.parametrize("kind", ["text/html", "application/json"])
def test_what_a_proxy_says_with_200_is_no_template(folder, kind):
    def answer(handler, body):
        if not handler.path.startswith("/api/v2/"):
            return 200, {"Content-Type": kind}, b"<html>Sign in</html>"
        said = {"url": web.url + "/t"} if handler.path.endswith("/download") else {"id": NEVER, "type": "aep", "status": "uploaded"}
        return 200, {"Content-Type": "application/json"}, json.dumps(said).encode()
    with Web(answer) as web:
        done = run("template", "download", NEVER, "--file", folder / "t.aep", env={"SAFELIGHT_URL": web.url, "SAFELIGHT_TOKEN": "slt_x"})
    assert done.returncode == FAILED and "not Safelight's" in done.stderr and list(folder.iterdir()) == []


def test_a_template_whose_check_failed_is_7(aep):
    def answer(handler, body):
        made = {"id": NEVER, "status": "error" if handler.command == "GET" else "awaiting_upload", "error": "no aep", "uploadInfo": {"url": web.url + "/u"}}
        return 201 if handler.command == "POST" else 200, {"Content-Type": "application/json"}, json.dumps(made).encode()
    with Web(answer) as web:
        done = run("template", "upload", aep, env={"SAFELIGHT_URL": web.url, "SAFELIGHT_TOKEN": "slt_x"})
    assert done.returncode == FAILED and "no aep" in done.stdout


# --- fonts ---

def fonts(team):
    return team.json("font", "list")


def test_a_font_goes_up_is_listed_and_removed(team):
    path = team.folder / "DejaVuSans.ttf"
    path.write_bytes(SANS)
    made = team.json("font", "upload", path)
    assert made["familyName"] == "DejaVu Sans" and made["fileName"] == "DejaVuSans.ttf"
    assert fonts(team) == [made]
    table = team.run("font", "list").stdout
    assert re.search(r"DejaVu Sans\s+DejaVuSans.ttf", table)
    again = team.run("font", "upload", path)
    assert again.returncode == CONFLICT and "already exists" in again.stderr
    gone = team.run("font", "delete", made["id"], "--yes")
    assert gone.returncode == DONE and fonts(team) == []
    assert team.run("font", "delete", made["id"], "--yes").returncode == NOT_FOUND


def test_a_fonts_family_may_be_given(team):
    path = team.folder / "x y (1).ttf"
    path.write_bytes(tiny())
    made = team.run("font", "upload", path, "--family", "Größe & Co")
    assert made.returncode == DONE and "Größe & Co" in made.stdout, made.stderr


def test_a_font_reaches_the_engine_of_our_worker(team):
    path = team.folder / "DejaVuSans.ttf"
    path.write_bytes(SANS)
    assert team.run("font", "upload", path).returncode == DONE
    team.worker('cp job.json "$SAFELIGHT_OUTPUT"; cmp font0-DejaVuSans.ttf %s && echo the same\n' % path, "--once")
    job = {"engine": "test", "fonts": ["DejaVuSans.ttf", "Missing.ttf"]}
    made = team.run("job", "submit", team.file(job), "--wait", "--json")
    assert made.returncode == DONE, made.stderr
    job = json.loads(made.stdout)
    said = team.server.call("GET", f"/jobs/{job['id']}/output", token=team.token).json()
    assert said["fonts"] == [{"name": "DejaVuSans.ttf", "path": "font0-DejaVuSans.ttf"}]
    assert "the same" in team.run("job", "logs", job["id"]).stdout


def test_the_built_in_engine_writes_texts_in_the_jobs_font(team):
    """Another font, other pixels."""
    out = {}
    for name in ("DejaVuSans.ttf", "DejaVuSansMono-Bold.ttf"):
        (team.folder / name).write_bytes((DEJAVU / name).read_bytes())
        assert team.run("font", "upload", team.folder / name).returncode == DONE
        job = {"engine": "ffmpeg", "fonts": [name], "assets": [{"type": "text", "layerName": "t", "value": "Wiiide"}], "settings": {"type": "image", "frames": 0, "codec": "image_png"}}
        worker = team.server.worker("--once", engine="ffmpeg", token=team.server.new_token("worker", team.name))
        team.hired.append(worker)
        done = team.run("job", "submit", team.file(job), "--wait", "--json")
        assert done.returncode == DONE, done.stderr
        worker.wait()
        out[name] = team.server.call("GET", f"/jobs/{json.loads(done.stdout)['id']}/output", token=team.token).content
    assert out["DejaVuSans.ttf"] != out["DejaVuSansMono-Bold.ttf"]


@pytest.mark.parametrize("words, code", [
    (["upload", "/nonexistent.ttf"], INVALID), (["upload", "NOFONT.ttf"], INVALID), (["upload", "EMPTY.ttf"], INVALID), (["upload", "BIG.ttf"], INVALID), (["upload", "GOOD.otf"], INVALID),
    (["upload", "GOOD.ttf", "--family", "x" * 129], INVALID), (["upload", "GOOD.ttf", "--family", "a\nb"], INVALID), (["upload", "GOOD.ttf", "--family"], USAGE), (["upload"], USAGE),
    (["delete", NEVER], USAGE), (["delete", NEVER, "--yes"], NOT_FOUND), (["delete", "no-ulid", "--yes"], NOT_FOUND), (["upload", "bad\nname.ttf"], INVALID)])
def test_fonts_that_are_refused_leave_nothing(team, words, code):
    for name, data in (("NOFONT.ttf", b"text"), ("EMPTY.ttf", b""), ("GOOD.ttf", tiny()), ("GOOD.otf", b"OTTO" + tiny()[4:]), ("bad\nname.ttf", tiny())):
        (team.folder / name).write_bytes(data)
    with open(team.folder / "BIG.ttf", "wb") as f:
        f.truncate(40 * 1024 * 1024 + 1)
    words = [str(team.folder / w) if w.endswith(("tf")) and not w.startswith("/") else w for w in words]
    done = team.run("font", *words)
    assert done.returncode == code and done.stdout == "" and done.stderr, done.stderr
    assert fonts(team) == []


def test_a_font_of_forty_mebibytes_is_taken(team):
    path = team.folder / "large.ttf"
    path.write_bytes(tiny(extra=40 * 1024 * 1024 - len(tiny())))
    assert team.run("font", "upload", path).returncode == DONE


def test_roles_for_fonts(team):
    path = team.folder / "a.ttf"
    path.write_bytes(tiny())
    made = team.json("font", "upload", path)
    worker, submit = (team.server.new_token(role, team.name) for role in ("worker", "submit"))
    assert team.run("font", "upload", path, token=worker).returncode == NOT_ALLOWED
    assert team.run("font", "delete", made["id"], "--yes", token=submit).returncode == NOT_ALLOWED
    assert team.run("font", "delete", made["id"], "--yes", token=team.server.team("lib" + os.urandom(5).hex())).returncode == NOT_FOUND
    assert len(fonts(team)) == 1
