"""One-time addresses, used wrongly: broken off, by two at once, twice, for something else, after their time, too large."""
import socket
import threading
import urllib.parse

import pytest
import requests

from conftest import canary, until

AEP = b"RIFX" + bytes(300000)


class Place:
    """An address that takes a file: `state()` is what a user sees of it; `again` the statuses of a second upload."""

    def __init__(self, url, body, state, good, again):
        self.url, self.body, self.state, self.good, self.again = url, body, state, good, again
        self.parts = urllib.parse.urlsplit(url)

    def put(self, body=None, **headers):
        return requests.put(self.url, self.body if body is None else body, headers=headers, timeout=60)

    def begin(self, announced, sent):
        """A connection on which so many bytes were sent of those that the head announces."""
        s = socket.create_connection((self.parts.hostname, self.parts.port), timeout=30)
        s.sendall(f"PUT {self.parts.path} HTTP/1.1\r\nHost: x\r\nContent-Length: {announced}\r\n\r\n".encode() + sent)
        return s


def leased(server):
    name = "uploads-" + canary(16)
    made = server.submit({"engine": name, "assets": [], "priority": 1000}).json()
    lease = server.call("POST", "/worker/lease", {"engines": name}).json()
    assert lease["job"]["id"] == made["id"]
    return made["id"], lease


def output(server):
    job, lease = leased(server)
    path = f"/worker/leases/{lease['lease']}/finish"
    return Place(lease["output"]["url"], AEP, lambda: server.call("POST", path, {"state": "finished"}).status_code != 409, 201, (410,))


def template(server, kind="aep"):
    made = server.call("POST", "/templates", {"type": kind, "displayName": "t"}).json()
    return Place(made["uploadUrl"], AEP, lambda: server.call("GET", "/templates/" + made["id"]).json()["status"] == "uploaded", 200, (410,))


places = pytest.mark.parametrize("kind", [output, template], ids=lambda k: k.__name__)


@places
@pytest.mark.parametrize("sent", [0, 1, 100000, len(AEP) - 1])
def test_one_that_broke_off_changes_nothing(server, kind, sent):
    place = kind(server)
    place.begin(len(AEP), AEP[:sent]).close()
    assert place.state() is False
    answer = until(lambda: (lambda a: a if a.status_code != 409 else None)(place.put()), 20, "the end of the broken one")
    assert answer.status_code == place.good and place.state() is True


@places
def test_of_two_at_once_one_is_refused(server, kind):
    place, before = kind(server), parts(server)
    first = place.begin(len(AEP), AEP[:1000])
    until(lambda: parts(server) - before, 20, "the first upload's file")
    second = place.put()
    assert second.status_code == 409 and second.json()["code"] == "CONFLICT" and place.state() is False
    first.sendall(AEP[1000:])
    assert first.recv(100).startswith(b"HTTP/1.1 %d " % place.good)
    first.close()
    assert place.state() is True


def parts(server):
    """Files of uploads that are not whole yet."""
    return {p for p in server.data.rglob("*.part")}


@places
def test_many_at_once_and_one_wins(server, kind):
    place, statuses = kind(server), []
    threads = [threading.Thread(target=lambda: statuses.append(place.put().status_code)) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert statuses.count(place.good) == 1 and set(statuses) <= {place.good, 409, *place.again}
    assert place.state() is True


@places
def test_a_second_use_is_refused(server, kind):
    place = kind(server)
    assert place.put().status_code == place.good
    answer = place.put(b"RIFX another")
    assert answer.status_code in place.again and answer.json()["error"]


@places
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PATCH"])
def test_another_method_uses_nothing_up(server, kind, method):
    place = kind(server)
    answer = requests.request(method, place.url, timeout=30)
    assert answer.status_code in (404, 405) and answer.json()["error"]
    assert place.put().status_code == place.good


@places
def test_an_address_is_good_for_its_own_kind_alone(server, kind):
    place = kind(server)
    ticket = place.parts.path.rsplit("/", 1)[1]
    others = {"/t/", "/upload/"} - {place.parts.path.rsplit("/", 1)[0] + "/"}
    for other in (*others, "/api/v2/t/"):
        assert requests.put(server.url + other + ticket, b"RIFX", timeout=30).status_code == 404
    assert requests.get(server.url + "/download/" + ticket, timeout=30).status_code == 404
    assert place.put().status_code == place.good


@places
def test_past_the_limit_by_its_head(server, kind):
    place = kind(server)
    s = place.begin(2**50, b"")
    assert s.recv(100).startswith((b"HTTP/1.1 413 ", b"HTTP/1.1 503 "))
    s.close()
    assert place.state() is False


@places
def test_a_length_that_is_none(server, kind):
    place = kind(server)
    for length in ("-1", "x", "1,1", "+5", "0x10"):
        s = place.begin(length, b"")
        assert s.recv(100).startswith(b"HTTP/1.1 400 ")
        s.close()
    assert place.put().status_code == place.good


def test_after_the_job_has_ended(server):
    _, lease = leased(server)
    assert server.call("POST", f"/worker/leases/{lease['lease']}/finish", {"state": "error"}).status_code == 200
    assert requests.put(lease["output"]["url"], AEP, timeout=30).status_code == 410


def test_after_the_template_is_gone(server):
    made = server.call("POST", "/templates", {"type": "aep", "displayName": "t"}).json()
    assert server.call("DELETE", "/templates/" + made["id"]).status_code == 204
    assert requests.put(made["uploadUrl"], AEP, timeout=30).status_code == 404


@pytest.mark.parametrize("kind, body", [("aep", b""), ("aep", b"PK\x03\x04" + bytes(100)), ("zip", b""), ("zip", AEP), ("mogrt", AEP)],
                         ids=lambda v: v if isinstance(v, str) else str(len(v)))
def test_a_template_that_is_none_says_so_and_may_be_brought_again(server, kind, body):
    place = template(server, kind)
    answer = place.put(body)
    assert answer.status_code == 400 and answer.json()["error"] and place.state() is False
    assert place.put(AEP if kind == "aep" else b"PK\x03\x04" + bytes(100)).status_code == 200


def test_looking_at_a_one_time_address_does_not_use_it_up(server):
    """And what may be done with it is said, as for any other address."""
    answer = requests.head(server.url + "/t/" + "0" * 32, timeout=30)
    assert answer.status_code == 405 and answer.headers["Allow"] == "GET, PUT, POST"
