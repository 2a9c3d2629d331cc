"""What a worker or another server says of a job's values, in every form, is masked before anybody can read it."""
import gzip
import json
import os
import random
import sys
import zlib

import pytest
import requests

from conftest import OPEN, ROOT, Server, Web, canary, until
from common import arrived, hook, lease_for, put_path

sys.path.insert(0, str(ROOT / "tests/redaction"))
import forms  # noqa: E402

TEXT_ASSET = {"type": "text", "layerName": "t"}


def hard():
    """A value that every encoder changes, and that is found nowhere by chance."""
    return f'p"w\\ é/+&=<{canary(12)}>' + "'$" + canary(16) + "\t%x\nlast line: " + canary(16)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Of this file's own: all of its files are searched for thousands of forms, again and again."""
    s = Server(tmp_path_factory.mktemp("redaction"), *OPEN)
    yield s
    code, log = s.stop(), s.log()
    assert code == 0 and "ERROR: AddressSanitizer" not in log and "runtime error:" not in log, log[-5000:]


def in_all_forms(value, seed=1):
    """{name: (text, what is to be left of it)}"""
    rng, made = random.Random(seed), {}
    for name in forms.FORMS:
        form = forms.FORMS[name](rng, value.encode())
        if form:
            text, start, end = form
            made[name] = (text, text[:start] + b"***" + text[end:])
    return made


def assert_nothing_left(value, *places):
    """No stretch of twelve bytes of the value, or of a form of it, stands in any place."""
    needles = {value.encode()[i:i + 12] for i in range(0, len(value.encode()) - 12)}
    for name, (text, left) in in_all_forms(value).items():
        if not name.startswith(("JSON, all", "HTML, all", "percent, all", "hex, ", "list", "Buffer", "base64", "Basic")):
            needles |= {text[i:i + 24] for i in range(0, max(1, len(text) - 24), 5)}
    for place in places:
        data = place if isinstance(place, bytes) else place.encode()
        for needle in needles:
            assert needle not in data, (needle, data[max(0, data.find(needle) - 100):][:300])


def nothing_in_files(server, value):
    assert_nothing_left(value, *(p.read_bytes() for p in server.files() if p.is_file()))


@pytest.fixture(scope="module")
def keys(server, s3):
    for name, member in (("AWS_ACCESS_KEY_ID", "accessKeyId"), ("AWS_SECRET_ACCESS_KEY", "secretAccessKey")):
        assert server.put(name, s3.said[member]).status_code == 201
    return s3


# --- logs and errors of workers ---

def test_abuse_053_a_log_loses_every_form(server, unique, folder):
    value = hard()
    server.put(unique, value)
    said = in_all_forms(value)
    lines = folder / "lines"
    lines.write_bytes(b"".join(b"%s: [%s]\n" % (n.encode(), t) for n, (t, _) in said.items()))
    job = server.render({"assets": [{**TEXT_ASSET, "value": "${secret.%s}" % unique}]}, f"cat {lines}; exit 3\n")
    log = server.call("GET", f"/jobs/{job['id']}/logs").content
    for name, (_, left) in said.items():
        assert b"%s: [%s]\n" % (name.encode(), left) in log, name
    assert_nothing_left(value, log)
    nothing_in_files(server, value)


def test_abuse_053_an_error_loses_every_form(server, unique):
    value = hard()
    server.put(unique, value)
    said = {n: t for n, t in in_all_forms(value).items() if t[0].isascii() and b"\0" not in t[0]}
    for name in random.Random(7).sample(sorted(said), 12):
        text, left = (t.decode() for t in said[name])
        lease, _ = lease_for(server, {"assets": [{**TEXT_ASSET, "value": "${secret.%s}" % unique}]})
        server.call("POST", f"/worker/leases/{lease['lease']}/finish", {"state": "error", "error": f"[{text}]"})
        assert server.job(lease["job"]["id"])["stats"]["error"] == f"[{left}]", name
    nothing_in_files(server, value)


def test_abuse_053_a_value_in_compressed_text_is_withheld(server, unique, folder):
    value = canary(60)
    server.put(unique, value)
    packed = folder / "packed.gz"
    packed.write_bytes(gzip.compress(f"the value is {value}\n".encode()))
    job = server.render({"assets": [{**TEXT_ASSET, "value": "${secret.%s}" % unique}]}, f"echo before; cat {packed}; echo; exit 3\n")
    log = server.call("GET", f"/jobs/{job['id']}/logs").content
    assert b"before\n" in log and b"compressed" in log and b"\x1f\x8b" not in log
    assert packed.read_bytes()[20:40] not in log


@pytest.mark.parametrize("cut", [1, 2, 3, 4, 10, 60])
def test_abuse_053_what_follows_compressed_text_is_withheld_in_whatever_pieces_it_comes(server, unique, cut):
    value = canary(60)
    server.put(unique, value)
    lease, _ = lease_for(server, {"assets": [{**TEXT_ASSET, "value": "${secret.%s}" % unique}]})
    packer = zlib.compressobj(wbits=31)
    head = packer.compress(os.urandom(40)) + packer.flush(zlib.Z_FULL_FLUSH)
    text = b"before\n" + head + packer.compress(value.encode()) + packer.flush()
    sent, pieces = 0, [len(b"before\n") + cut, len(b"before\n") + len(head), len(text)]
    while sent < len(text):
        end = min(p for p in pieces if p > sent)
        final = end == len(text)
        answer = server.call("POST", f"/worker/leases/{lease['lease']}/log?offset={sent}" + ("&final=1" if final else ""), text[sent:end])
        if answer.json()["accepted"] == sent:  # held back: it wants more
            pieces.remove(end)
        sent = answer.json()["accepted"]
    server.call("POST", f"/worker/leases/{lease['lease']}/finish", {"state": "error", "error": "x"})
    log = server.call("GET", f"/jobs/{lease['job']['id']}/logs").content
    assert log.startswith(b"before\n[compressed data, left out]\n") and b"the rest of the log is left out" in log
    for at in range(len(log)):  # raw deflate from anywhere
        try:
            assert value.encode() not in zlib.decompressobj(wbits=-15).decompress(log[at:])
        except zlib.error:
            pass


def test_a_value_broken_over_lines_and_chunks_is_masked(server, unique):
    value = canary(48)
    server.put(unique, value)
    for columns in (5, 16, 40):
        lease, _ = lease_for(server, {"assets": [{**TEXT_ASSET, "value": "${secret.%s}" % unique}]})
        text = ("key: %s!\r\n" % "\r\n".join(value[i:i + columns] for i in range(0, len(value), columns))).encode() * 2
        sent = 0
        for size in range(1, 200):
            final = sent + size >= len(text)
            answer = server.call("POST", f"/worker/leases/{lease['lease']}/log?offset={sent}" + ("&final=1" if final else ""), text[sent:sent + size])
            sent = answer.json()["accepted"]
            if final:
                break
        assert sent == len(text)
        server.call("POST", f"/worker/leases/{lease['lease']}/finish", {"state": "error", "error": "x"})
        assert server.job_log(lease["job"]["id"]) in ("key: ***!\r\n" * 2, "key: ***!\n" * 2)


def test_masks_hold_older_and_newer_versions(server, unique):
    values = [canary(40) for _ in range(4)]
    for value in values[:3]:
        server.put(unique, value, rotate=True)
    pinned, _ = lease_for(server, {"assets": [{**TEXT_ASSET, "value": "${secret.%s@2}" % unique}]})
    newest, _ = lease_for(server, {"assets": [{**TEXT_ASSET, "value": "${secret.%s}" % unique}]})
    server.put(unique, values[3], rotate=True)
    text = " ".join(f"v{i}={v}" for i, v in enumerate(values, 1)) + "\n"
    # Known are: what was in force since the submit, and two versions before it.
    for lease, left in ((pinned, f"v1=*** v2=*** v3={values[2]} v4={values[3]}\n"), (newest, "v1=*** v2=*** v3=*** v4=***\n")):
        answer = server.call("POST", f"/worker/leases/{lease['lease']}/log?offset=0&final=1", text.encode())
        assert answer.status_code == 200, answer.text
        server.call("POST", f"/worker/leases/{lease['lease']}/finish", {"state": "error", "error": text})
        assert server.job_log(lease["job"]["id"]) == left
        assert server.job(lease["job"]["id"])["stats"]["error"] == left.strip() or server.job(lease["job"]["id"])["stats"]["error"] == left


def test_abuse_060_a_guess_is_masked_only_in_jobs_that_use_it(server, unique):
    value, guess = canary(), canary()
    server.put(unique, value)
    server.put(unique + "_GUESS", guess)
    job = server.render({"assets": [{**TEXT_ASSET, "value": "${secret.%s}" % unique}]}, f"echo 'mine {value}, a guess {guess}'; exit 1\n")
    assert f"mine ***, a guess {guess}" in server.job_log(job["id"])


def test_abuse_059_short_values_blind_no_log(server, unique):
    for i, short in enumerate(("e", "th", "the")):
        made = server.put(f"{unique}_{i}", short)
        assert made.status_code == 201 and "too short to be masked" in made.json()["warnings"][0]["message"]
    assets = [{**TEXT_ASSET, "layerName": str(i), "value": "${secret.%s_%d}" % (unique, i)} for i in range(3)]
    job = server.render({"assets": assets}, "echo the end of the tether; exit 1\n")
    assert "the end of the tether" in server.job_log(job["id"])


@pytest.mark.parametrize("value, words", [
    ("abc", "too short"), ("a\nb\nc", "too short"), ("true", "common word"), ("Password", "common word"), ("localhost", "common word"),
    ("4711", "short number"), ("xxxxxxxxxx", "one character repeated"), ("qvbnw", "as short as a word")])
def test_abuse_056_values_that_are_masked_with_harm_are_warned_of(server, unique, value, words):
    made = server.put(unique, value)
    assert made.status_code == 201
    (warning,) = made.json()["warnings"]
    assert warning["field"] == "value" and words in warning["message"] and value not in warning["message"].split()


def test_a_good_value_is_not_warned_of(server, unique):
    assert "warnings" not in server.put(unique, canary()).json()


def test_a_warning_reaches_the_person_at_the_command_line(server, unique):
    done = server.command("secret", "set", unique, stdin="localhost")
    assert done.returncode == 0, done.stderr
    assert "common word" in done.stderr and "localhost" not in done.stderr


# --- other servers' answers ---

def s3_error(code, message):
    return b'<?xml version="1.0"?><Error><Code>%s</Code><Message>%s</Message></Error>' % (code, message)


def hostile_answers(value):
    """name: (what of the request is echoed) -> (status, headers, body). Everything a server can say."""
    all_forms = b"\n".join(t for t, _ in in_all_forms(value).values())
    latin = value.encode().replace(b"\n", b" ").replace(b"\t", b" ").decode("latin-1")

    def everything(handler, body):
        return json.dumps({"path": handler.path, **dict(handler.headers)}).encode()
    return {
        "the request in the message": lambda h, b: (403, {}, s3_error(b"AccessDenied", everything(h, b))),
        "all forms in the message": lambda h, b: (403, {}, s3_error(b"AccessDenied", all_forms)),
        "the value as the code": lambda h, b: (403, {}, s3_error(value.encode(), b"x")),
        "the signature as the code": lambda h, b: (403, {}, s3_error((h.headers.get("Authorization") or "").encode()[-64:], b"x")),
        "gzip": lambda h, b: (403, {"Content-Encoding": "gzip"}, gzip.compress(s3_error(b"AccessDenied", all_forms))),
        "gzip unsaid": lambda h, b: (403, {}, gzip.compress(s3_error(b"AccessDenied", all_forms))),
        "UTF-16": lambda h, b: (403, {}, (s3_error(b"AccessDenied", b"") .decode() + value).encode("utf-16")),
        "redirect": lambda h, b: (302, {"Location": "/elsewhere?" + latin}, b""),
        "a header": lambda h, b: (500 if "never" in h.path else 403, {"X-Echo": latin, "Content-Type": latin}, everything(h, b)),
    }


@pytest.mark.parametrize("answer", hostile_answers("x" * 20))
def test_abuse_052_an_upload_s_answer_shows_no_value(server, studio, unique, answer):
    key_id, key = canary(20), canary(20) + '/+"é&' + canary(16)
    server.put(unique + "_ID", key_id)
    server.put(unique + "_KEY", key)
    authorization = []

    def answering(handler, body):
        authorization.append(handler.headers.get("Authorization", ""))
        return hostile_answers(key if len(authorization) % 2 else key_id)[answer](handler, body)
    with Web(answering) as web:
        upload = put_path(web)
        upload["params"].update(accessKeyId="${secret.%s_ID}" % unique, accessKeySecret="${secret.%s_KEY}" % unique)
        job = server.render({"upload": upload, "webhook": hook(studio, unique)}, 'echo x > "$SAFELIGHT_OUTPUT"\n')
    assert job["status"] == "error" and authorization
    said = [json.dumps(job), server.job_log(job["id"]), arrived(studio, unique)[0]["body"], server.log()]
    signature = authorization[0].rsplit("Signature=", 1)[1]
    for value in (key_id, key):
        assert_nothing_left(value, *said)
        nothing_in_files(server, value)
    assert not any(signature in place for place in said)


@pytest.mark.parametrize("answer", hostile_answers("x" * 20))
def test_abuse_052_a_webhook_s_answer_shows_no_value(server, unique, answer):
    value = canary(20) + '/+"&=' + canary(16)
    server.put(unique, value)
    reference = "${secret.%s}" % unique
    with Web(hostile_answers(value)[answer]) as web:
        job = server.render({"webhook": {"url": web.url + "/hook", "headers": {"Authorization": "Bearer " + reference},
                                         "data": {"key": reference}}}, "exit 4\n")
        until(lambda: "webhook POST to" in server.job_log(job["id"]), 20, "the first attempt in the log")
    assert web.seen[0][2]["Authorization"] == "Bearer " + value
    assert_nothing_left(value, json.dumps(server.job(job["id"])), server.job_log(job["id"]), server.log())
    nothing_in_files(server, value)


def test_abuse_052_an_address_with_a_value_is_not_shown(server, unique):
    token, dead = canary(40), "http://127.0.0.1:1"
    server.put(unique, token)
    address = "%s/hook/${secret.%s}?token=${secret.%s}" % (dead, unique, unique)
    job = server.render({"webhook": {"url": address}}, "exit 4\n")
    until(lambda: "webhook POST to" in server.job_log(job["id"]), 20, "the first attempt in the log")
    assert_nothing_left(token, json.dumps(server.job(job["id"])), server.job_log(job["id"]), server.log())
    nothing_in_files(server, token)


def fetched(server, unique, value, answering):
    """What a worker gets of an asset whose header holds the value."""
    asset = {"type": "image", "layerName": "l", "src": None, "params": {"headers": {"X-Key": "${secret.%s}" % unique}}}
    with Web(answering) as web:
        asset["src"] = web.url + "/private/picture.png"
        lease, text = lease_for(server, {"assets": [asset]})
        assert value not in text
        answer = requests.get(lease["job"]["assets"][0]["src"], timeout=60)
        assert web.seen[0][2]["X-Key"] == value
    server.call("POST", f"/worker/leases/{lease['lease']}/finish", {"state": "error", "error": "x"})
    return answer, lease["job"]["id"]


def test_abuse_046_an_asset_that_echoes_the_request_is_masked(server, unique):
    value = canary(20) + '/+"&=' + canary(16)
    server.put(unique, value)
    said = in_all_forms(value)
    body = b"".join(b"%s: [%s]\n" % (n.encode(), t) for n, (t, _) in said.items())
    answer, job_id = fetched(server, unique, value, lambda h, b: (200, {"Content-Type": value}, body))
    for name, (_, left) in said.items():
        assert b"%s: [%s]\n" % (name.encode(), left) in answer.content, name
    assert_nothing_left(value, answer.content, str(answer.headers), json.dumps(server.job(job_id)), server.job_log(job_id))


@pytest.mark.parametrize("headers", [{"Content-Encoding": "gzip"}, {"Content-Encoding": "GZIP", "Content-Type": "image/png"}])
def test_abuse_053_a_compressed_echo_is_not_passed_on(server, unique, headers):
    value = canary(60)
    server.put(unique, value)
    body = gzip.compress(b"you said " + value.encode())
    answer, job_id = fetched(server, unique, value, lambda h, b: (200, headers, body))
    assert answer.status_code >= 400 or not answer.content
    assert body[10:30] not in answer.content and value.encode() not in answer.content
    assert_nothing_left(value, json.dumps(server.job(job_id)), server.job_log(job_id), server.log())


HOSTS = {  # what is stored, and what of it must not be read anywhere, whatever the case
    "capitals": ("{c}PXPJBSWY3D.invalid", "{c}pxpjbswy3d"),
    "a dot at the end": ("{c}Dot.invalid.", "{c}dot"),
    "a port": ("{c}Port.invalid:443", "{c}port"),
}


@pytest.mark.parametrize("stored, canary_of", HOSTS.values(), ids=HOSTS)
@pytest.mark.parametrize("place", ["webhook", "whole", "part", "endpoint", "region", "asset", "template"])
def test_abuse_052_a_host_that_a_secret_decides_is_not_shown_in_any_spelling(server, keys, unique, place, stored, canary_of):
    word = canary(20).upper()
    value, left = stored.format(c=word), canary_of.format(c=word).lower()
    server.put(unique, f"https://{value}/p" if place == "whole" else word + "9Z" if place in ("part", "region") else value)
    left = word.lower() if place in ("part", "region") else left
    ref = "${secret.%s}" % unique
    params = {"bucket": "b", "region": ref if place == "region" else "eu", "accessKeyId": "${secret.AWS_ACCESS_KEY_ID}",
              "accessKeySecret": "${secret.AWS_SECRET_ACCESS_KEY}", **({"endpoint": f"https://{ref}"} if place == "endpoint" else {})}
    payload = {"webhook": {"webhook": {"url": f"https://{ref}/x"}}, "whole": {"webhook": {"url": ref}},
               "part": {"webhook": {"url": f"https://a{ref}b.invalid/x"}}, "endpoint": {"upload": {"params": params}},
               "region": {"upload": {"params": params}}, "template": {"template": {"id": "T", "src": f"https://{ref}/t.aep"}},
               "asset": {"assets": [{"type": "image", "layerName": "l", "src": f"https://{ref}/a.png"}]}}[place]
    lease, text = lease_for(server, payload)
    if place in ("asset", "template"):
        src = (lease["job"]["template"] if place == "template" else lease["job"]["assets"][0])["src"]
        said = requests.get(src, timeout=60)
        assert said.status_code == 502
        text += said.text + str(said.headers)
    requests.put(lease["output"]["url"], data=b"x", timeout=20)
    server.call("POST", f"/worker/leases/{lease['lease']}/finish", {"state": "finished"})
    log = until(lambda: server.job_log(lease["job"]["id"]) if "***" in server.job_log(lease["job"]["id"]) else None, 30, "the attempt in the log")
    for said in (text, log, json.dumps(server.job(lease["job"]["id"])), server.log()):
        assert left not in said.lower()
    for path in server.files():
        assert left.encode() not in path.read_bytes().lower(), path
