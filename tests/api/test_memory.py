"""After a request is done, no process holds the value outside its purpose: planted values are looked for in
the memory of every process. Not under sanitizers, whose allocator keeps freed memory to look at it."""
import json
import os
import re
import time

import pytest
import requests

from conftest import OPEN, SANITIZED, canary, until
from test_journey import lease_for, s3_upload

pytestmark = [pytest.mark.slow, pytest.mark.skipif(SANITIZED, reason="freed memory is kept on purpose"),
              pytest.mark.skipif(os.geteuid() != 0, reason="only root can read the processes' memory")]


def memory(pid):
    """Everything of the process that can be written to."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb") as mem:
        for line in maps:
            found = re.match(r"([0-9a-f]+)-([0-9a-f]+) (....) \S+ \S+ \S+\s*(.*)", line)
            begin, end = int(found[1], 16), int(found[2], 16)
            if found[3][:2] != "rw" or found[4] in ("[vvar]", "[vsyscall]"):
                continue
            try:
                mem.seek(begin)
                yield line.split()[-1], begin, mem.read(end - begin)
            except OSError:
                continue


def holders(s, needle):
    """['api heap 0x...'] of the processes that hold the bytes."""
    needle = needle if isinstance(needle, bytes) else needle.encode()
    found = []
    for name, pid in {"supervisor": s.process.pid, **s.pids()}.items():
        for place, begin, data in memory(pid):
            at = data.find(needle)
            if at >= 0:
                found.append(f"{name} {place} {begin + at:#x} {data[max(0, at - 24):at]!r}")
    return found


def nowhere(s, *needles):
    """Gives what runs behind the answer a moment, then insists."""
    for needle in needles:
        end = time.monotonic() + 20
        while (found := holders(s, needle)) and time.monotonic() < end:
            time.sleep(0.2)
        assert found == []


def test_the_search_finds_what_is_there(fresh):
    s = fresh(env={"PLANTED": "planted-" + "x" * 20})
    assert holders(s, "planted-" + "x" * 20)


def test_after_puts_and_a_rotation(fresh):
    s = fresh()
    small, big, chunked, second = canary(), canary(), canary(), canary()
    with requests.Session() as kept:  # its connection stays open
        head = {"Authorization": "Bearer " + s.token, "Content-Type": "application/json"}

        def put(body):
            return kept.put(s.base + "/secrets", data=body, headers=head, timeout=30).status_code
        assert put(json.dumps({"name": "SMALL", "value": small})) == 201
        assert put(json.dumps({"name": "BIG", "value": big + "v" * 30000 + big + "v" * 30000})) == 201
        assert put(iter([b'{"name":"CHUNKED",', b'"value":"' + chunked.encode()[:10], chunked.encode()[10:] + b'"}'])) == 201
        assert put(json.dumps({"name": "SMALL", "value": second, "rotate": True})) == 201
        nowhere(s, small, second, chunked, big)


def test_after_puts_that_are_refused(fresh):
    s = fresh()
    values = [canary() for _ in range(6)]
    with requests.Session() as kept:
        head = {"Authorization": "Bearer " + s.token, "Content-Type": "application/json"}
        s.put("THERE", canary())
        for body in (json.dumps({"name": "THERE", "value": values[0]}), json.dumps({"name": "a b", "value": values[1]}), '{"name":"X","value":"' + values[2],
                     json.dumps({"name": "X", "value": values[3], "rotate": 3}), json.dumps({"name": "X", "other": values[4]}),
                     json.dumps({"name": "X", "value": values[5] + "v" * 66000})):
            assert kept.put(s.base + "/secrets", data=body, headers=head, timeout=30).status_code in (400, 409, 413)
        nowhere(s, *values)


def test_after_a_401_and_a_revocation_the_tokens_are_nowhere(fresh):
    s = fresh()
    with requests.Session() as kept:
        guess = "slt_adm_" + canary(14) + "_" + canary(49)
        assert kept.get(s.base + "/secrets", headers={"Authorization": "Bearer " + guess}, timeout=30).status_code == 401
        assert kept.get(s.base + "/secrets", headers={"Authorization": "Bearer " + s.token}, timeout=30).status_code == 200
        made = s.call("POST", "/tokens", {"role": "submit"}).json()["token"]
        assert kept.get(s.base + "/jobs", headers={"Authorization": "Bearer " + made}, timeout=30).status_code == 200
        for token in (guess, s.token, made):
            nowhere(s, token, token.split("_")[-1][:43])


def test_after_a_whole_delivery(fresh, s3, studio, unique):
    s = fresh(*OPEN)
    token, text = canary(), canary()
    key_id, key_secret = s3.said["accessKeyId"], s3.said["secretAccessKey"]
    for name, value in (("AWS_ACCESS_KEY_ID", key_id), ("AWS_SECRET_ACCESS_KEY", key_secret), ("TOKEN", token), ("TEXT", text), ("ASSET", studio.key)):
        assert s.put(name, value).status_code == 201
    nowhere(s, key_secret, token, text, studio.key)
    lease, _ = lease_for(s, {"upload": s3_upload(s3), "webhook": {"url": f"{studio.url}/hook/{unique}", "headers": {"Authorization": "Bearer ${secret.TOKEN}"}},
                             "assets": [{"type": "text", "layerName": "t", "value": "${secret.TEXT}"},
                                        {"type": "image", "src": studio.url + "/private/a", "params": {"headers": {"X-Asset-Key": "${secret.ASSET}"}}}]})
    nowhere(s, text)
    assert requests.get(lease["job"]["assets"][1]["src"], timeout=30).status_code == 200
    nowhere(s, studio.key)
    at = f"/worker/leases/{lease['lease']}"
    assert s.call("POST", at + "/log?offset=0&final=1", f"the text is {text}\n".encode()).status_code == 200
    assert requests.put(lease["output"]["url"], data=b"output", timeout=30).status_code == 201
    assert s.call("POST", at + "/finish", {"state": "finished"}).status_code == 200
    assert s.wait(lease["job"]["id"])["status"] == "finished"
    until(lambda: studio.received(f"/hook/{unique}"), 10)
    nowhere(s, key_secret, token, text, studio.key)
    assert text not in s.job_log(lease["job"]["id"])


def test_after_a_delivery_that_fails(fresh, s3, unique):
    s = fresh(*OPEN)
    wrong = canary(40)
    s.put("AWS_ACCESS_KEY_ID", s3.said["accessKeyId"])
    s.put("AWS_SECRET_ACCESS_KEY", wrong)
    job = s.render({"upload": s3_upload(s3)}, 'echo x > "$SAFELIGHT_OUTPUT"\n')
    assert job["status"] == "error"
    nowhere(s, wrong)


def test_root_key_is_in_the_vault_alone(fresh):
    s = fresh()
    s.put("K", canary())
    key = (s.data / "root.key").read_bytes()
    for name, pid in {"supervisor": s.process.pid, **s.pids()}.items():
        if name != "vault":
            assert not any(key in data for _, _, data in memory(pid)), name


def test_after_a_sign_in_and_out_neither_token_nor_cookie_is_anywhere(fresh):
    s = fresh()
    token = s.new_token("editor")
    head = {"Origin": s.url, "Sec-Fetch-Site": "same-origin"}
    with requests.Session() as kept:  # its connection stays open
        made = kept.post(s.url + "/console/session", json={"token": token}, headers=head, timeout=30)
        assert made.status_code == 201
        cookie = made.headers["Set-Cookie"].split("=", 1)[1].split(";")[0]
        head.update({"Cookie": f"a=b; __Host-safelight={cookie}; c=d", "X-Safelight-CSRF": made.json()["csrf"]})
        kept.cookies.clear()
        assert kept.get(s.base + "/secrets", headers=head, timeout=30).status_code == 200
        nowhere(s, token, token.split("_")[-1][:43], cookie, cookie.split("_")[-1])
        assert kept.get(s.base + "/secrets", headers={**head, "Cookie": f"odd odd; __Host-safelight={cookie}"}, timeout=30).status_code == 200
        assert kept.get(s.base + "/secrets", headers={**head, "X-Safelight-CSRF": "x"}, timeout=30).status_code == 403
        assert kept.delete(s.url + "/console/session", headers=head, timeout=30).status_code == 204
        assert kept.get(s.base + "/secrets", headers=head, timeout=30).status_code == 401
        nowhere(s, cookie, cookie.split("_")[-1])
