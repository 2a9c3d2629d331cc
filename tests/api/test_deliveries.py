"""Uploads: in parts, through failures that a person has to mend, through crashes and outages, and none at the cost of others."""
import os
import re
import socket
import ssl
import subprocess
import threading

import pytest

from common import arrived, hook, lease_for, put_path, s3_upload
from conftest import OPEN, SLOW, Web, canary, engine, send_signal, until

QUICK = 'echo x > "$SAFELIGHT_OUTPUT"\n'


@pytest.fixture
def mine(fresh):
    """mine(*flags): a server with quick retries and credentials that a Web accepts."""
    def make(*flags, gap=100):
        s = fresh(*OPEN, "--upload-gap-max-ms", str(gap), *flags)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            s.put(name, canary())
        return s
    return make


def with_keys(server, s3, key=None, secret=None):
    """Names of two secrets of one's own, with other values where they are given."""
    tail = os.urandom(5).hex().upper()
    server.put("ID_" + tail, key or s3.said["accessKeyId"])
    server.put("KEY_" + tail, secret or s3.said["secretAccessKey"])
    return {"accessKeyId": "${secret.ID_%s}" % tail, "accessKeySecret": "${secret.KEY_%s}" % tail}, tail


def started(server, payload, script=QUICK):
    """Submits and renders; the delivery is then on its way."""
    program = engine(server.folder, script)
    made = server.submit({"engine": program.name, "priority": 1000, **payload})
    assert made.status_code == 201, made.text
    server.worker("--once", engine=program).wait(60)
    return made.json()["id"]


def attempts(server, job):
    return re.findall(r"\[upload .*\(attempt (\d+)", server.job_log(job))


def in_spool(server, job):
    return (server.data / "spool" / (job + ".out")).exists()


def retry(server, job, **options):
    return server.call("POST", f"/jobs/{job}/retry-delivery", **options)


# --- in parts ---

def test_a_large_output_goes_in_parts(mine, s3):
    s = mine("--upload-part-bytes", str(5 << 20))
    credentials, _ = with_keys(s, s3)
    copy = s.folder / "copy"
    script = 'head -c 12000000 /dev/urandom > "$SAFELIGHT_OUTPUT"; cp "$SAFELIGHT_OUTPUT" "%s"\n' % copy
    job = s.wait(started(s, {"upload": s3_upload(s3, prefix="parts/", acl="private", **credentials)}, script))
    assert job["status"] == "finished", s.job_log(job["id"])
    assert s3.get(f"parts/{job['id']}.mp4") == copy.read_bytes()
    log = s.job_log(job["id"])
    assert re.search(r"\[upload: 43 % of 11\.4 MiB are there\]", log) and "200 (attempt 1)" in log
    assert not in_spool(s, job["id"])


def test_parts_are_refused_with_the_wrong_key(mine, s3):
    s = mine("--upload-part-bytes", str(5 << 20))
    credentials, _ = with_keys(s, s3, secret=canary())
    job = s.wait(started(s, {"upload": s3_upload(s3, **credentials)}, 'head -c 6000000 /dev/zero > "$SAFELIGHT_OUTPUT"\n'))
    assert job["status"] == "error" and "SignatureDoesNotMatch" in job["stats"]["error"] and in_spool(s, job["id"])


# --- what a person reads ---

MEND = "not tried again by itself: mend the cause, then retry-delivery"


@pytest.mark.parametrize("what,said", [
    ("key", "403 InvalidAccessKeyId: the storage does not know this access key id; check the secret that holds it"),
    ("secret", "403 SignatureDoesNotMatch: the access key secret does not fit the key id; check the secret that holds it"),
    ("bucket", "404 NoSuchBucket: there is no such bucket at this address; check bucket, region and endpoint"),
])
def test_wrong_settings_end_the_job_with_what_to_do(server, s3, what, said):
    wrong = {"key": {"key": "AKIAIOSFODNN7EXAMPLE"}, "secret": {"secret": canary()}}.get(what, {})
    credentials, _ = with_keys(server, s3, **wrong)
    more = {"bucket": "no-such-bucket"} if what == "bucket" else {}
    job = server.wait(started(server, {"upload": s3_upload(s3, **credentials, **more)}))
    if what == "bucket" and "AccessDenied" in job["stats"]["error"]:
        said = "403 AccessDenied: this key may not write there"  # the storage does not tell strangers which buckets there are
    line = server.job_log(job["id"]).splitlines()[-1]
    assert job["status"] == "error" and said in job["stats"]["error"]
    assert said in line and "(attempt 1; it is " + MEND in line and line.startswith("[upload to bucket ")
    assert in_spool(server, job["id"])
    output = server.call("GET", f"/jobs/{job['id']}/output")  # it is nowhere else
    assert output.status_code == 200 and output.content == b"x\n" and "fetch the file with job output" in line
    assert server.call("GET", f"/jobs/{job['id']}/output", token=server.team("other-" + os.urandom(4).hex())).status_code == 404


@pytest.mark.parametrize("status,body,said,again", [
    (400, b"<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>", "correct the region (it is in eu-west-1)", False),
    (301, b"<Error><Code>PermanentRedirect</Code><Endpoint>x</Endpoint></Error>", "the bucket is in another region; correct region and endpoint", False),
    (302, b"", "give the final endpoint", False),
    (403, b"<Error><Code>AccessDenied</Code></Error>", "allow it s3:PutObject on the bucket", False),
    (403, b"<html>a proxy</html>", "403 the storage does not let this key write there", False),
    (404, b"nginx", "404 nothing is at this address; check endpoint and bucket", False),
    (405, b"", "this is no address of an S3 storage", False),
    (400, b"<Error><Code>AccessControlListNotSupported</Code></Error>", "the bucket takes no ACL; leave acl out", False),
    (413, b"", "the file is larger than the storage takes", False),
    (400, b"<Error><Code>RequestTimeout</Code></Error>", "the storage waited too long for data", True),
    (403, b"<Error><Code>RequestTimeTooSkewed</Code></Error>", "the clock of this server or of the storage is wrong; set it", True),
    (409, b"<Error><Code>OperationAborted</Code></Error>", "something else is changing the same object", True),
    (503, b"<Error><Code>SlowDown</Code></Error>", "the storage asks for fewer requests", True),
    (500, b"", "the storage is not well", True),
])
def test_what_storages_say_is_told(server, keys, status, body, said, again):
    calls = []

    def answer(handler, received):
        calls.append(1)
        return (status, {}, body) if len(calls) == 1 else (200, {}, b"")
    with Web(answer) as web:
        job = server.wait(started(server, {"upload": put_path(web)}))
    first = [x for x in server.job_log(job["id"]).splitlines() if x.startswith("[upload to ")][0]
    assert said in first and f": {status}" in first
    assert job["status"] == ("finished" if again else "error") and len(calls) == (2 if again else 1)
    assert ("tried again in 1 s" in first) == again


def closed_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture
def self_signed(folder):
    """A port that speaks TLS with a certificate nobody vouches for."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost", "-keyout", folder / "k.pem",
                    "-out", folder / "c.pem"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "c.pem", folder / "k.pem")
    listener = socket.create_server(("127.0.0.1", 0))

    def loop():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            try:
                context.wrap_socket(connection, server_side=True).close()
            except OSError:
                connection.close()
    threading.Thread(target=loop, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()


@pytest.mark.parametrize("kind,said,again", [
    ("closed", "no connection could be made", True), ("nowhere", "the host name could not be resolved", True),
    ("metadata", "the destination address is not allowed", False), ("tls", "certificate", True), ("plain", "TLS handshake failed", True)])
def test_without_an_answer_the_log_says_why(server, keys, self_signed, kind, said, again):
    with Web(lambda *_: (200, {}, b"")) as web:
        endpoint = {"closed": f"http://127.0.0.1:{closed_port()}", "nowhere": "https://no-such-host.invalid", "metadata": "http://169.254.169.254",
                    "tls": f"https://127.0.0.1:{self_signed}", "plain": web.url.replace("http", "https")}[kind]
        job = started(server, {"upload": {"params": {**put_path(web)["params"], "endpoint": endpoint}}})
        line = until(lambda: [x for x in server.job_log(job).splitlines() if x.startswith("[upload to ")], 30)[0]
    assert said in line and ("tried again in 1 s" in line) == again
    assert in_spool(server, job)
    until(lambda: server.job(job)["status"] == ("render:dorender" if again else "error"), what="the job's state")


# --- retry-delivery ---

def test_retry_after_the_key_was_mended(server, s3, studio, unique):
    credentials, tail = with_keys(server, s3, secret=canary())
    job = server.wait(started(server, {"upload": s3_upload(s3, prefix="mended/", **credentials), "webhook": hook(studio, unique)}))
    assert job["status"] == "error" and in_spool(server, job["id"])
    arrived(studio, unique)
    assert retry(server, job["id"]).status_code == 200  # nothing was mended: it fails again, as an error again
    until(lambda: len(attempts(server, job["id"])) == 2, 15)
    assert server.wait(job["id"])["status"] == "error"
    admin = server.token
    server.call("PATCH", "/team", {"putExisting": "rotate"}, token=admin)
    try:
        server.put("KEY_" + tail, s3.said["secretAccessKey"])
    finally:
        server.call("PATCH", "/team", {"putExisting": "refuse"}, token=admin)
    answer = retry(server, job["id"])
    assert answer.status_code == 200 and answer.json()["status"] == "render:dorender" and answer.json()["stats"]["error"] is None
    job = server.wait(job["id"])
    assert job["status"] == "finished" and job["stats"]["error"] is None and job["stats"]["errorAt"] is None
    assert s3.get(f"mended/{job['id']}.mp4") == b"x\n" and not in_spool(server, job["id"])
    states = [r["body"] for r in arrived(studio, unique, 3)]
    assert ['"status":"error"' in b for b in states] == [True, True, False] and '"status":"finished"' in states[2]
    assert [r["subject"] for r in server.audit(token=admin, event="delivery.retried") if r["subject"] == job["id"]] == [job["id"]] * 2
    assert "as was asked for" in server.job_log(job["id"])
    assert retry(server, job["id"]).status_code == 409


def test_retry_of_a_webhook_alone(server, keys, s3):
    calls = []

    def answer(handler, body):
        calls.append(body)
        return (500 if len(calls) <= 4 else 200), {}, b""
    with Web(answer) as web:
        job = server.wait(started(server, {"webhook": {"url": web.url + "/h"}}))
        until(lambda: MEND in server.job_log(job["id"]), 60, "the fourth failure")
        assert len(calls) == 4 and job["status"] == "finished"
        answer = retry(server, job["id"])
        assert answer.status_code == 200 and answer.json()["status"] == "finished"
        until(lambda: len(calls) == 5, 15)
        until(lambda: retry(server, job["id"]).status_code == 409, 15)  # once its success is recorded
    assert calls[0] == calls[3] and b'"status":"finished"' in calls[4] and server.job(job["id"])["status"] == "finished"


def test_retry_of_what_waits_for_its_next_attempt(mine):
    s = mine(gap=300000)
    port = closed_port()
    job = started(s, {"upload": {"params": {"region": "r", "bucket": "b", "endpoint": f"http://127.0.0.1:{port}",
                                            "accessKeyId": "${secret.AWS_ACCESS_KEY_ID}", "accessKeySecret": "${secret.AWS_SECRET_ACCESS_KEY}"}}})
    until(lambda: len(attempts(s, job)) == 4, 30)  # the next one is 8 s away
    assert retry(s, job).status_code == 200
    assert until(lambda: attempts(s, job)[4:5], 5) == ["1"]


def test_retry_refusals(server, keys, s3):
    done = server.wait(started(server, {}))
    assert retry(server, done["id"]).status_code == 409 and "failed" in retry(server, done["id"]).json()["error"]
    queued = server.submit({"engine": "nobody-" + os.urandom(4).hex()}).json()["id"]
    assert retry(server, queued).status_code == 409
    for unknown in ("01JDF0000000000000000000J0", "nonsense", "x" * 200):
        assert retry(server, unknown).status_code == 404
    assert retry(server, done["id"], token=server.team("retry-" + os.urandom(4).hex())).status_code == 404
    assert retry(server, done["id"], token=server.new_token("worker")).status_code == 403
    assert retry(server, done["id"], token="").status_code == 401
    credentials, _ = with_keys(server, s3, secret=canary())
    failed = server.wait(started(server, {"upload": s3_upload(s3, **credentials)}))
    assert retry(server, failed["id"], token=server.new_token("submit")).status_code == 200
    until(lambda: len(attempts(server, failed["id"])) == 2 and server.job(failed["id"])["status"] == "error", 15)
    (server.data / "spool" / (failed["id"] + ".out")).unlink()
    gone = retry(server, failed["id"])
    assert gone.status_code == 410 and "submit the job again" in gone.json()["error"]
    assert server.job(failed["id"])["status"] == "error"


def test_two_retries_at_once_are_one(server, s3):
    credentials, _ = with_keys(server, s3, secret=canary())
    job = server.wait(started(server, {"upload": s3_upload(s3, **credentials)}))
    codes = []
    threads = [threading.Thread(target=lambda: codes.append(retry(server, job["id"]).status_code)) for _ in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert set(codes) <= {200, 409} and 200 in codes
    until(lambda: server.job(job["id"])["status"] == "error", 15)
    assert in_spool(server, job["id"])


# --- crashes and outages ---

def test_an_endpoint_that_is_back_after_an_hour(mine):
    """20 attempts are what an hour and more has: 1, 2, 4 ... 256 s, then one every 5 minutes. Here each gap is short."""
    s = mine(gap=50)
    port = closed_port()
    upload = {"params": {"region": "r", "bucket": "b", "endpoint": f"http://127.0.0.1:{port}", "accessKeyId": "${secret.AWS_ACCESS_KEY_ID}",
                         "accessKeySecret": "${secret.AWS_SECRET_ACCESS_KEY}"}}
    job = started(s, {"upload": upload})
    until(lambda: len(attempts(s, job)) >= 20, 30)
    assert s.job(job)["status"] == "render:dorender" and in_spool(s, job)
    s.stop()
    s.restart()  # it goes on where it was
    seen = []
    listener = socket.create_server(("127.0.0.1", port))

    def serve():
        connection, _ = listener.accept()
        data = b""
        while b"x\n" not in data.split(b"\r\n\r\n", 1)[-1]:
            data += connection.recv(65536)
        seen.append(data)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        connection.close()
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    assert s.wait(job)["status"] == "finished"
    listener.close()
    assert not in_spool(s, job) and len(seen) == 1
    numbers = [int(n) for n in attempts(s, job)]
    assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) > 20


@pytest.mark.parametrize("who", ["server", "courier"])
def test_killed_in_the_middle_of_an_upload(mine, who):
    s = mine()
    begun, finished = threading.Event(), []
    size = 8 << 20
    copy = s.folder / "copy"

    def answer(handler, body):
        finished.append(body)
        return 200, {}, b""
    with Web(answer) as web:
        real = web.server.RequestHandlerClass.serve

        def serve(handler):
            if not begun.is_set():
                handler.rfile.read(100000)
                begun.set()
                try:
                    while handler.rfile.read1(1) and who:  # takes a byte at a time until the sender is gone
                        pass
                except OSError:
                    pass
                handler.close_connection = True
                return
            real(handler)
        web.server.RequestHandlerClass.do_PUT = serve
        job = started(s, {"upload": put_path(web)}, 'head -c %d /dev/urandom > "$SAFELIGHT_OUTPUT"; cp "$SAFELIGHT_OUTPUT" "%s"\n' % (size, copy))
        assert begun.wait(20 * SLOW)
        if who == "server":
            s.kill()
            assert in_spool(s, job)
            s.restart()
        else:
            send_signal(s.pids()["courier"])
        assert s.wait(job)["status"] == "finished"
    assert finished[-1] == copy.read_bytes() and not in_spool(s, job)


# --- one's trouble is not another's ---

def test_one_teams_stuck_uploads_leave_room_for_others(mine):
    s = mine()
    release = threading.Event()
    stuck = []

    def answer(handler, body):
        if handler.path.startswith("/b/stuck/"):
            stuck.append(handler.path)
            release.wait(60 * SLOW)
        return 200, {}, b""
    name = "other-" + os.urandom(4).hex()
    token = s.team(name)
    for secret in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        s.put(secret, canary(), token=token)
    with Web(answer) as web:
        program = engine(s.folder, QUICK)
        many = [s.submit({"engine": program.name, "upload": put_path(web, "stuck/")}).json()["id"] for _ in range(20)]
        worker = s.worker(engine=program)
        try:
            until(lambda: len(stuck) >= 12, 60)
            made = s.submit({"engine": program.name, "upload": put_path(web)}, token=token).json()["id"]
            s.worker("--once", engine=program, token=s.new_token("worker", team=name)).wait(60)
            until(lambda: s.job(made, token=token)["status"] == "finished", 20, "the other team's upload")
            assert len(stuck) == 12
            release.set()
            for job in many:
                assert s.wait(job, 60)["status"] == "finished"
        finally:
            release.set()
            worker.kill()
            worker.wait()


def test_a_delivery_that_kills_the_courier_is_given_up(mine):
    """Whatever is under way beside it is sent again and arrives."""
    s = mine()
    deaths = []

    def answer(handler, body):
        if handler.path.startswith("/b/poison/"):
            pid = s.pids().get("courier")
            deaths.append(pid)
            if pid:
                send_signal(pid)
        return 200, {}, b""
    with Web(answer) as web:
        poison = started(s, {"upload": put_path(web, "poison/")})
        good = started(s, {"upload": put_path(web, "good/")})
        job = s.wait(poison, 60)
        assert s.wait(good, 60)["status"] == "finished"
    assert job["status"] == "error" and "the sending process died before it had an answer, again and again" in job["stats"]["error"]
    assert 5 <= len(deaths) <= 6 and in_spool(s, poison)
    assert retry(s, poison).status_code == 200
    with Web(lambda *_: (200, {}, b"")):
        until(lambda: s.job(poison)["status"] == "render:dorender", 5)


def test_slow_downloads_leave_room_for_deliveries(mine):
    """More private downloads than the courier takes at once; an upload goes through all the same."""
    s = mine()
    release = threading.Event()
    waiting = []

    def answer(handler, body):
        if handler.path.startswith("/slow"):
            waiting.append(1)
            release.wait(60 * SLOW)
        return 200, {}, b"ok"
    worker = s.new_token("worker")
    with Web(answer) as web:
        assets = [{"type": "image", "layerName": f"l{i}", "src": f"{web.url}/slow/{i}?k=${{secret.AWS_ACCESS_KEY_ID}}"} for i in range(40)]
        lease, _ = lease_for(s, {"template": {"id": "T", "composition": "c", "src": "https://files.invalid/t.aep"}, "assets": assets}, token=worker)
        urls = [a["src"] for a in lease["job"]["assets"]]
        threads = [threading.Thread(target=lambda u=u: s.call("GET", u, token=""), daemon=True) for u in urls]
        [t.start() for t in threads]
        try:
            until(lambda: len(waiting) == 32, 30)
            done = started(s, {"upload": put_path(web)})
            assert s.wait(done, 20)["status"] == "finished"
            assert len(waiting) == 32
        finally:
            release.set()
        [t.join(30 * SLOW) for t in threads]
