"""Leaks, breaks and tricks around jobs in flight: broken downloads, deleted secrets, hostile engines and servers."""
import json
import os
import pathlib
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from conftest import BINARY, OPEN, SLOW, Server, Web, canary, clean_environment, engine, until, zombie


def lease_for(server, payload):
    """Submits a job and takes its lease as a worker would."""
    name = "e-" + canary(16)
    made = server.submit({"engine": name, "priority": 1000, **payload})
    assert made.status_code == 201, made.text
    answer = server.call("POST", "/worker/lease", {"engines": name})
    assert answer.status_code == 200, answer.text
    return answer.json()


def text_asset(name):
    return {"type": "text", "layerName": "t", "value": "${secret.%s}" % name}


def put_log(server, lease, offset, text, final=False):
    answer = server.call("POST", f"/worker/leases/{lease['lease']}/log?offset={offset}" + ("&final=1" if final else ""), text)
    assert answer.status_code == 200, answer.text
    return answer.json()["accepted"]


# --- private downloads ---

class Breaking:
    """Sends a head without a length, some bytes, and breaks off `times` times; then the whole."""

    def __init__(self, times, whole=b"whole" * 1000):
        self.left, self.seen, self.whole = times, 0, whole
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                outer.seen += 1
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                outer.left -= 1
                part = outer.whole if outer.left < 0 else outer.whole[:2000]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                if outer.left < 0:
                    self.wfile.write(b"0\r\n\r\n")
                self.close_connection = True
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


def test_a_private_download_that_breaks_off_does_not_look_complete(server, unique):
    server.put(unique, canary())
    web = Breaking(1)
    lease = lease_for(server, {"assets": [{"type": "image", "src": web.url + "/a.png", "params": {"headers": {"K": "${secret.%s}" % unique}}}]})
    src = lease["job"]["assets"][0]["src"]
    with pytest.raises(requests.exceptions.RequestException):
        requests.get(src, timeout=20)
    assert requests.get(src, timeout=20).content == web.whole
    until(lambda: "broken" in server.job_log(lease["job"]["id"]), 5, "the line about the break")


def test_the_worker_fetches_a_broken_private_download_again(server, unique):
    server.put(unique, canary())
    web = Breaking(2)
    job = server.render({"assets": [{"type": "image", "src": web.url + "/a.png", "params": {"headers": {"K": "${secret.%s}" % unique}}}]},
                        'cp 0.png "$SAFELIGHT_OUTPUT"\n')
    assert job["status"] == "finished", job
    assert server.call("GET", f"/jobs/{job['id']}/output").content == web.whole and web.seen == 3


def test_abuse_052_053_an_echo_in_the_head_or_compressed_does_not_reach_the_worker(server, unique):
    value = canary()
    server.put(unique, value)

    def answer(handler, _):
        kind = handler.path[1:]
        return 200, {"Content-Type": "x/" + handler.headers["K"]} if kind == "type" else {"Content-Encoding": "gzip"}, b"body"
    with Web(answer) as web:
        lease = lease_for(server, {"assets": [{"type": "static", "name": n, "src": f"{web.url}/{n}", "params": {"headers": {"K": "${secret.%s}" % unique}}}
                                              for n in ("type", "gzip")]})
        typed, gzipped = (requests.get(a["src"], timeout=20) for a in lease["job"]["assets"])
    assert typed.status_code == 200 and typed.content == b"body" and value not in str(typed.headers)
    assert gzipped.status_code == 502 and "compressed" in until(lambda: server.job_log(lease["job"]["id"]), 5)


# --- secrets that go while a job runs ---

def test_abuse_099_what_a_deleted_secret_was_does_not_show_up_in_the_log(server, unique):
    value = canary()
    made = server.put(unique, value).json()
    lease = lease_for(server, {"assets": [text_asset(unique)]})
    accepted = put_log(server, lease, 0, b"one " + value.encode() + b"\nand more.\n")  # no value begins with a full stop, in no encoding
    assert accepted == len("one " + value + "\nand more.\n")  # a value at the end would be held back: it might go on
    server.call("DELETE", "/secrets/" + made["id"])
    text = b"two " + value.encode() + b"\n"
    assert put_log(server, lease, accepted, text) == accepted + len(text)
    put_log(server, lease, accepted + len(text), text, final=True)
    server.call("POST", f"/worker/leases/{lease['lease']}/finish", {"state": "error", "error": "it said " + value})
    log, job = server.job_log(lease["job"]["id"]), server.job(lease["job"]["id"])
    assert log.startswith("one ***\nand more.\n") and log.count("deleted while the job ran") == 1 and value not in log
    assert value not in json.dumps(job) and unique in job["stats"]["error"]
    assert server.places_of(value) == []


def test_abuse_099_a_recreated_secret_does_not_unmask_the_old_value(server, unique):
    value = canary()
    made = server.put(unique, value).json()
    lease = lease_for(server, {"assets": [text_asset(unique)]})
    server.call("DELETE", "/secrets/" + made["id"])
    time.sleep(0.01)
    server.put(unique, canary())
    put_log(server, lease, 0, b"two " + value.encode() + b"\n", final=True)
    assert value not in server.job_log(lease["job"]["id"]) and server.places_of(value) == []


def test_a_secret_the_worker_never_had_does_not_withhold_the_log(server, unique):
    made = server.put(unique, canary()).json()
    lease = lease_for(server, {"webhook": {"url": "https://example.com/h", "headers": {"A": "${secret.%s}" % unique}}})
    server.call("DELETE", "/secrets/" + made["id"])
    put_log(server, lease, 0, b"plain words\n", final=True)
    assert server.job_log(lease["job"]["id"]) == "plain words\n"


def test_many_rotations_during_a_job_do_not_unmask_the_first_value(server, unique):
    value = canary()
    server.put(unique, value)
    lease = lease_for(server, {"assets": [text_asset(unique)]})
    time.sleep(0.01)
    for _ in range(20):
        assert server.put(unique, canary(), rotate=True).status_code == 201
    put_log(server, lease, 0, b"said " + value.encode() + b"\n", final=True)
    assert value not in server.job_log(lease["job"]["id"]) and server.places_of(value) == []


def test_abuse_041_a_pinned_version_is_not_taken_from_a_secret_made_later(server, unique):
    first, second = canary(), canary()
    made = server.put(unique, first).json()
    name = "e-" + canary(16)
    job = server.submit({"engine": name, "assets": [{**text_asset(unique), "value": "${secret.%s@1}" % unique}]}).json()
    server.call("DELETE", "/secrets/" + made["id"])
    time.sleep(0.01)
    server.put(unique, second)
    assert server.call("POST", "/worker/lease", {"engines": name}).status_code == 204
    ended = server.job(job["id"])
    assert ended["status"] == "error" and unique in ended["stats"]["error"]


# --- logs ---

def test_an_endless_masked_run_ends_the_log_and_nobody_loops(server, unique):
    value = canary(64)
    server.put(unique, value)
    lease = lease_for(server, {"assets": [text_asset(unique)]})
    run = (value * (1024 * 1024 // len(value) + 2)).encode()
    accepted = put_log(server, lease, 0, b"before.\n")
    assert put_log(server, lease, accepted, run[:1024 * 1024]) == accepted + 1024 * 1024
    accepted += 1024 * 1024
    assert put_log(server, lease, accepted, run[1024 * 1024 - 30:], final=True) > accepted
    log = server.job_log(lease["job"]["id"])
    assert log.startswith("before.\n***\n[") and len(log) < 200 and value[20:] not in log


def test_a_workers_log_of_one_endless_value_still_ends(server, unique):
    value = canary(64)
    server.put(unique, value)
    job = server.render({"assets": [text_asset(unique)]},
                        'v=$(grep -o "cnry[0-9a-f]*" job.json | head -n 1); i=0; x=$v\nwhile [ $i -lt 15 ]; do x=$x$x; i=$((i+1)); done; printf %s "$x"; '
                        'echo; echo end; echo x > "$SAFELIGHT_OUTPUT"\n', 60)
    log = server.job_log(job["id"])
    assert job["status"] == "finished" and "***" in log and len(log) < 1000 and value[32:] not in log


def test_a_log_past_its_limit_is_not_cut_inside_a_value(server, unique):
    value = canary(64)
    server.put(unique, value)
    job = server.render({"assets": [text_asset(unique)]},
                        'v=$(grep -o "cnry[0-9a-f]*" job.json | head -n 1); yes "$v." | head -c 20000000; echo x > "$SAFELIGHT_OUTPUT"\n', 90)
    log = server.job_log(job["id"])
    assert job["status"] == "finished" and "left out" in log[-200:] and value[:16] not in log and value[-16:] not in log


# --- engines ---

def processes(mark):
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit() and not zombie(entry.name):
            try:
                if mark.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                pass
    return found


def test_a_killed_worker_leaves_no_engine_behind(server):
    mark = f"{60000 + os.getpid() % 1000}.{time.monotonic_ns() % 10**9}"
    program = engine(server.folder, f"sleep {mark} &\nsleep {mark}\n")
    assert server.submit({"engine": program.name}).status_code == 201
    worker = server.worker("--once", engine=program)
    until(lambda: len(processes(mark)) >= 2, 10, "the engine")
    worker.kill()
    worker.wait()
    until(lambda: not processes(mark), 10, "the engine's end")


def test_what_an_engine_leaves_in_the_background_ends_with_it(server):
    mark = f"{61000 + os.getpid() % 1000}.{time.monotonic_ns() % 10**9}"
    begun = time.monotonic()
    job = server.render({}, f'sleep {mark} &\necho x > "$SAFELIGHT_OUTPUT"\n')
    assert job["status"] == "finished" and time.monotonic() - begun < 60 * SLOW
    until(lambda: not processes(mark), what="the end of what was left")


def test_an_engine_that_writes_without_end_does_not_silence_the_worker(fresh):
    server = fresh("--lease-ms", "6000")
    job = server.render({}, 'timeout 8 cat /dev/zero | tr "\\\\0" "x"; echo x > "$SAFELIGHT_OUTPUT"\n', 60)
    assert job["status"] == "finished" and "went silent" not in server.job_log(job["id"])


def test_an_engine_that_leaves_a_pipe_for_an_output_is_an_error(server):
    job = server.render({}, 'mkfifo "$SAFELIGHT_OUTPUT"\n')
    assert job["status"] == "error" and "no output file" in job["stats"]["error"]


def test_an_engine_that_leaves_a_link_for_an_output_is_an_error(server):
    job = server.render({}, 'ln -s /etc/hostname "$SAFELIGHT_OUTPUT"\n')
    assert job["status"] == "error" and "no output file" in job["stats"]["error"]


def test_abuse_061_the_engine_finds_no_token(server):
    token = server.new_token("worker")
    job = server.render({}, 'env; tr "\\0" "\\n" < /proc/$PPID/environ; cat /proc/$PPID/cmdline; echo; echo x > "$SAFELIGHT_OUTPUT"\n', token=token)
    assert job["status"] == "finished" and "slt_" not in server.job_log(job["id"]).replace("slt_***", "")


def test_files_named_by_a_job_are_not_the_workers(server, folder):
    (folder / "private").write_text("the worker's own")
    with Web(lambda handler, body: (200, {}, handler.path.encode())) as web:
        job = server.render({"template": {"id": "T", "src": web.url + "/t.bin", "path": "/etc/passwd"},
                             "assets": [{"type": "image", "src": web.url + "/a.bin", "pa\\u0074h".encode().decode("unicode_escape"): str(folder / "private")},
                                        {"type": "text", "layerName": "t", "value": "v", "path": "/etc/passwd"}]},
                            'cat job.json > "$SAFELIGHT_OUTPUT"; cat template.bin 0.bin\n')
    seen = server.call("GET", f"/jobs/{job['id']}/output").json()
    assert seen["template"]["path"] == "template.bin" and seen["assets"][0]["path"] == "0.bin" and "path" not in seen["assets"][1]
    assert server.job_log(job["id"]) == "/t.bin/a.bin"


@pytest.mark.parametrize("lease, job, name", [("..", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "a.mp4"), ("", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "a.mp4"),
                                              ("01ARZ3NDEKTSV4RRFFQ69G5FAV", "../x", "a.mp4"),
                                              ("01ARZ3NDEKTSV4RRFFQ69G5FAV", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "/../../keep")])
def test_a_server_cannot_name_paths_of_the_worker(folder, lease, job, name):
    work = folder / "outer" / "work"
    work.mkdir(parents=True)
    keep = folder / "outer" / "keep"
    keep.write_text("keep")
    said = {"lease": lease, "leaseMs": 60000, "job": {"id": job}, "output": {"url": "http://127.0.0.1:1/t/x", "name": name}}
    with Web(lambda handler, body: (200, {"Content-Type": "application/json"}, json.dumps(said).encode())) as web:
        env = clean_environment(SAFELIGHT_URL=web.url, SAFELIGHT_TOKEN="slt_worker_x")
        worker = subprocess.Popen([BINARY, "worker", "--engine", "/bin/true", "--once", "--poll-ms", "50", "--work", str(work)], env=env,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: len(web.seen) >= 2, 10, "two calls")
        worker.kill()
        worker.wait()
        assert all(path.endswith("/worker/lease") for _, path, _ in web.seen)
    assert keep.read_text() == "keep" and work.is_dir()


# --- uploads of a worker ---

def test_an_upload_whose_connection_went_silent_does_not_cost_the_job(fresh):
    server = fresh("--body-progress-ms", "3000")
    program = engine(server.folder, 'until [ -f go ]; do sleep 0.1; done; head -c 3000000 /dev/zero > "$SAFELIGHT_OUTPUT"\n')
    made = server.submit({"engine": program.name}).json()
    work = server.folder / "work"
    worker = server.worker("--once", engine=program, folder=work)
    try:
        until(lambda: list(work.glob("*/job.json")), 10, "the job's folder")
        lease = list(work.iterdir())[0]
        spool = server.data / "spool"
        part = spool / f"{made['id']}.out.{lease.name}.part"
        part.write_bytes(b"")  # as if an earlier try still held the place
        (lease / "go").touch()
        time.sleep(1.5)
        part.unlink()
        assert server.wait(made["id"], 30)["status"] == "finished"
    finally:
        worker.kill()
        worker.wait()


def test_memory_stays_small_while_a_large_output_passes(server, folder):
    size = 300 * 1024 * 1024
    lease = lease_for(server, {})
    with open(folder / "output", "wb+") as output:
        output.truncate(size)
        before = {name: resident(pid) for name, pid in server.pids().items()}
        assert requests.put(lease["output"]["url"], data=output, timeout=120).status_code == 201
    assert server.call("POST", f"/worker/leases/{lease['lease']}/finish", {"state": "finished"}).status_code == 200
    kept = server.call("GET", f"/jobs/{lease['job']['id']}/output", stream=True)
    assert sum(len(piece) for piece in kept.iter_content(1 << 20)) == size
    after = {name: resident(pid) for name, pid in server.pids().items()}
    assert all(after[name] - before[name] < 32 << 20 for name in before), (before, after)


def resident(pid):
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


# --- the command line ---

def test_the_command_line_does_not_pass_control_characters_on(folder):
    evil = "x\x1b]0;owned\x07\x9b31m\x7f"
    body = json.dumps({"id": "J", "status": evil, "outputUrl": evil, "stats": {"error": evil}}).encode()
    raw = b'{"id":"' + evil.encode() + b'"}'
    with Web(lambda h, _: (200, {"Content-Type": "application/json"}, raw if "list" in h.path or h.command == "POST" else body)) as web:
        env = clean_environment(SAFELIGHT_URL=web.url, SAFELIGHT_TOKEN="slt_x")
        for words in (["job", "show", "J"], ["job", "show", "J", "--json"], ["job", "submit"], ["job", "submit", "--json"]):
            done = subprocess.run([BINARY, *words], input=b"{}", capture_output=True, env=env, timeout=30)
            text = (done.stdout + done.stderr).decode()
            assert done.returncode == (0 if words[1] == "show" else 7) and not any(c in text for c in "\x1b\x07\x9b\x7f"), (words, text)


# --- a full disk ---

@pytest.fixture
def small_disk(folder):
    place = folder / "small"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)], capture_output=True).returncode != 0:
        pytest.skip("no file systems may be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_abuse_086_an_output_that_does_not_fit_leaves_nothing_and_can_be_handed_in_later(small_disk):
    server = Server(small_disk, *OPEN, "--spool-min-free-bytes", "0")
    try:
        lease = lease_for(server, {})
        spool = server.data / "spool"
        try:
            status = requests.put(lease["output"]["url"], data=b"x" * (40 << 20), timeout=60).status_code
        except requests.exceptions.ConnectionError:
            status = 503  # the answer was there before the body was sent, and the connection closed
        assert status == 503
        until(lambda: not list(spool.iterdir()), 10, "the spool being empty")
        assert requests.put(lease["output"]["url"], data=b"y" * (1 << 20), timeout=60).status_code == 201
        assert server.call("POST", f"/worker/leases/{lease['lease']}/finish", {"state": "finished"}).status_code == 200
        assert server.call("GET", f"/jobs/{lease['job']['id']}/output").content == b"y" * (1 << 20)
    finally:
        server.stop()
