"""What several test files share: payload parts, what a studio received, leases by hand, key rotation."""
import json
import os

from conftest import until

RENDER = 'echo "PROGRESS: 50"; head -c 20000 /dev/urandom > "$SAFELIGHT_OUTPUT"; cp "$SAFELIGHT_OUTPUT" "%s"; echo done\n'


def s3_upload(s3, prefix="renders/", **params):
    said = s3.said
    return {"prefix": prefix, "params": {"region": said["region"], "bucket": said["bucket"], "endpoint": said["endpoint"],
                                         "accessKeyId": "${secret.AWS_ACCESS_KEY_ID}", "accessKeySecret": "${secrets.AWS_SECRET_ACCESS_KEY}", **params}}


def put_path(web, prefix=""):
    """An upload by path style to a web server of ours: PUT /b/<prefix><job id>.mp4"""
    return {"prefix": prefix, "params": {"region": "r", "bucket": "b", "endpoint": web.url, "accessKeyId": "${secret.AWS_ACCESS_KEY_ID}",
                                         "accessKeySecret": "${secret.AWS_SECRET_ACCESS_KEY}"}}


def hook(studio, unique, **more):
    return {"url": f"{studio.url}/hook/{unique}", **more}


def arrived(studio, unique, number=1, seconds=15):
    return until(lambda: (lambda r: r if len(r) >= number else None)(studio.received(f"/hook/{unique}")), seconds, "the webhook")


def lease_for(server, payload, token=None):
    """Submits, and takes the lease by hand, as a worker of our own would."""
    name = "hand-" + os.urandom(6).hex()
    made = server.submit({"priority": 1000, **payload, "engine": name})
    assert made.status_code == 201, made.text
    lease = server.call("POST", "/worker/lease", {"engines": name, "worker": "by-hand"}, token=token)
    assert lease.status_code == 200, lease.text
    return lease.json(), lease.text


def all_audit(s):
    return s.audit(token=s.new_token("audit"))


def key_status(s):
    return json.loads(s.operator("key", "status", "--json", check=True).stdout)


def rotated(s):
    return until(lambda: (lambda k: k if k["rotation"]["state"] != "running" else None)(key_status(s)), 30, "the rotation's end")
