"""Where an outgoing request may go, and what it may not do there."""
import os
import time

import pytest
import requests

from conftest import OPEN, SLOW, Server, Web, canary, until
from common import arrived, hook, lease_for


# --- the guard ---

@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    s = Server(tmp_path_factory.mktemp("guarded"))
    s.put("K", canary())
    yield s
    assert s.stop() == 0


@pytest.fixture(scope="module")
def half_open(tmp_path_factory):
    s = Server(tmp_path_factory.mktemp("half-open"), "--allow-loopback", "on")
    s.put("K", canary())
    yield s
    assert s.stop() == 0


ADDRESSES = ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "[fd00::1]", "100.64.0.1", "0.0.0.0", "2130706433", "0x7f.1", "0177.0.0.1", "127.1",
             "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[::]", "10.0.0.1", "192.168.0.1", "172.16.0.1", "[fe80::1]", "224.0.0.1", "255.255.255.255", "localhost."]


def assert_not_sent(s, src):
    """The address is refused at submit, or else when the worker asks for the asset."""
    name = "guarded-" + os.urandom(4).hex()
    made = s.submit({"engine": name, "assets": [{"type": "image", "src": src}]})
    if made.status_code == 400:
        assert "/assets/0/src" in [d["field"] for d in made.json()["details"]]
        return
    assert made.status_code == 201, made.text
    lease = s.call("POST", "/worker/lease", {"engines": name}).json()
    got = requests.get(lease["job"]["assets"][0]["src"], timeout=30)
    assert got.status_code == 502 and got.json()["code"] in ("ADDRESS_REFUSED", "UPSTREAM_FAILED")


@pytest.mark.parametrize("address", ADDRESSES)
def test_abuse_064_addresses_within_are_refused(guarded, studio, address):
    before = len(studio.received())
    assert_not_sent(guarded, f"https://{address}:{studio.url.rsplit(':', 1)[1]}/a?${{secret.K}}")
    assert len(studio.received()) == before


def test_abuse_069_plain_http_with_a_secret_is_refused(half_open, studio, unique):
    assert_not_sent(half_open, f"{studio.url}/plain/{unique}?${{secret.K}}")
    assert studio.received(f"/plain/{unique}") == []
    job = half_open.render({"webhook": hook(studio, unique, headers={"A": "${secret.K}"})}, 'echo x > "$SAFELIGHT_OUTPUT"\n')
    until(lambda: "https is required" in half_open.job_log(job["id"]), 10)
    assert studio.received(f"/hook/{unique}") == []


@pytest.mark.parametrize("src", ["file:///etc/passwd?${secret.K}", "gopher://e.com/${secret.K}", "ftp://e.com/${secret.K}", "dict://e.com/${secret.K}", "smb://e.com/${secret.K}",
                                 "https:///${secret.K}", "//e.com/${secret.K}", "https://e.com\\@evil/${secret.K}"])
def test_abuse_067_other_protocols_are_refused(guarded, src):
    assert_not_sent(guarded, src)


@pytest.mark.parametrize("value", ["file:///etc/passwd", "gopher://127.0.0.1/", "ftp://127.0.0.1/", "https://good.com@127.0.0.1/", "not an address", "https://127.0.0.1\\@good.com/",
                                   "https://127.0.0.1#good.com", "http://good.com\r\nHost: evil/", "https://good.com:99999/"])
def test_abuse_067_068_addresses_that_stand_in_a_secret_are_judged_too(guarded, unique, value):
    guarded.put(unique, value)
    assert_not_sent(guarded, "${secret.%s}" % unique)


def test_abuse_068_credentials_in_an_address_do_not_change_its_host(server, studio, unique):
    server.put(unique, "http://good.com@127.0.0.1:%s" % studio.url.rsplit(":", 1)[1])
    lease, _ = lease_for(server, {"assets": [{"type": "image", "src": "${secret.%s}/userinfo/%s" % (unique, unique)}]})
    got = requests.get(lease["job"]["assets"][0]["src"], timeout=30)
    assert got.status_code in (200, 502) and (got.status_code == 502) == (studio.received(f"/userinfo/{unique}") == [])


def test_abuse_075_proxy_variables_are_ignored(fresh, studio, unique):
    dead = "http://127.0.0.1:9"
    s = fresh(*OPEN, env={name: dead for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy")})
    s.put("K", canary())
    job = s.render({"webhook": hook(studio, unique, headers={"A": "${secret.K}"})}, 'echo x > "$SAFELIGHT_OUTPUT"\n')
    assert job["status"] == "finished" and arrived(studio, unique)


def test_abuse_072_an_endless_answer_is_cut(server, studio, unique):
    def answer(handler, body):
        handler.send_response(200)
        handler.end_headers()
        for _ in range(2000):
            handler.wfile.write(b"x" * 65536)
        raise OSError
    with Web(answer) as web:
        start = time.monotonic()
        job = server.render({"webhook": {"url": web.url}}, 'echo x > "$SAFELIGHT_OUTPUT"\n')
        until(lambda: "[webhook" in server.job_log(job["id"]), 20)
        assert time.monotonic() - start < 60 * SLOW
