"""A server whose secrets carry policies, and words to speak of them; for test_policies*.py."""
import datetime
import os

import pytest
import requests

from conftest import OPEN, Server, canary


IMAGE = "https://${secret.%s}/a.png"


@pytest.fixture(scope="module")
def policed(tmp_path_factory):
    s = Server(tmp_path_factory.mktemp("policed"), *OPEN)
    yield s
    log = (s.stop(), s.log())
    assert log[0] == 0, log[1][-3000:]
    assert "ERROR: AddressSanitizer" not in log[1] and "runtime error:" not in log[1], log[1][-5000:]


def made(s, name, value=None, token=None, **policy):
    answer = s.put(name, value or canary(), token=token, policy=policy)
    assert answer.status_code == 201, answer.text
    return answer.json()


def patch(s, secret, policy, token=None):
    return s.call("PATCH", f"/secrets/{secret['id']}", {"policy": policy}, token=token)


def shown(s, name, token=None):
    return next(x for x in s.secrets(token) if x["name"] == name)


def refused(answer):
    """{field: message} of a 400."""
    assert answer.status_code == 400 and answer.json()["code"] == "INVALID_REQUEST", answer.text
    return {d["field"]: d["message"] for d in answer.json()["details"]}


def in_ms(ms):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(milliseconds=ms)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def queued(s, payload, token=None):
    name = "policed-" + os.urandom(6).hex()
    answer = s.submit({**payload, "engine": name}, token=token)
    assert answer.status_code == 201, answer.text
    return name, answer.json()["id"]


def picked_up(s, name, token=None):
    return s.call("POST", "/worker/lease", {"engines": name, "worker": "by-hand"}, token=token)


def finish(s, lease):
    assert requests.put(lease["output"]["url"], data=b"output", timeout=30).status_code == 201
    assert s.call("POST", f"/worker/leases/{lease['lease']}/finish", {"state": "finished"}).status_code == 200


def places(name, host="https://api.example.com"):
    """Every sink: (word, pointer, payload)."""
    ref = "${secret.%s}" % name
    s3 = {"region": "r", "bucket": "b", "accessKeyId": "k", "accessKeySecret": "s", "endpoint": host}
    return [
        ("credential", "/upload/params/accessKeySecret", {"upload": {"params": {**s3, "accessKeySecret": ref}}}),
        ("upload", "/upload/prefix", {"upload": {"params": s3, "prefix": ref}}),
        ("upload", "/upload/params/bucket", {"upload": {"params": {**s3, "bucket": ref}}}),
        ("upload", "/upload/params/acl", {"upload": {"params": {**s3, "acl": ref}}}),
        ("upload", "/upload/outputUrl", {"upload": {"params": s3, "outputUrl": "https://out.example/" + ref}}),
        ("header", "/webhook/headers/Authorization", {"webhook": {"url": host, "headers": {"Authorization": "Bearer " + ref}}}),
        ("header", "/assets/0/params/headers/X", {"assets": [{"type": "image", "src": host, "params": {"headers": {"X": ref}}}]}),
        ("url", "/webhook/url", {"webhook": {"url": f"{host}/?k={ref}"}}),
        ("url", "/assets/0/src", {"assets": [{"type": "image", "src": f"{host}/{ref}"}]}),
        ("url", "/template/src", {"template": {"id": "t", "src": f"{host}/{ref}", "composition": "c"}}),
        ("body", "/webhook/data/k", {"webhook": {"url": host, "data": {"k": ref}}}),
        ("text", "/assets/0/value", {"assets": [{"type": "text", "layerName": "l", "value": ref}]}),
        ("text", "/assets/0/value", {"assets": [{"type": "data", "layerName": "l", "property": "p", "value": ref}]}),
        ("script", "/assets/0/value", {"assets": [{"type": "script", "value": f"send('{ref}')"}]}),
    ]


WORDS = ["credential", "upload", "header", "url", "body", "text", "script"]
