"""Protocol v1 by hand, as a worker of the open-source farm speaks it: for the tests of it."""
import os

import pytest
import requests

from conftest import SLOW


class Farm:
    """A team of its own on a server, and a worker's token."""

    def __init__(self, server, name="farm"):
        self.server = server
        self.name = f"{name}-{os.urandom(4).hex()}"
        self.admin = server.team(self.name)
        self.worker = server.new_token("worker", team=self.name)
        self.url = server.url + "/api/v1"
        self.agent = "nexrender-api/1.62.0 nexrender-worker/1.62.2"

    def put(self, name, value):
        answer = self.server.put(name, value, token=self.admin)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def submit(self, payload, status=201):
        answer = self.server.call("POST", "/jobs", payload, token=self.admin)
        assert answer.status_code == status, answer.text
        return answer.json()

    def job(self, job_id):
        return self.server.job(job_id, token=self.admin)

    def log(self, job_id):
        answer = self.server.call("GET", f"/jobs/{job_id}/logs", token=self.admin)
        return answer.text if answer.status_code == 200 else ""

    def call(self, method, path, body=None, token=None, name=None, **headers):
        token = self.worker if token is None else token
        headers = {"User-Agent": self.agent, **({"nexrender-secret": token} if token else {}), **({"nexrender-name": name} if name else {}), **headers}
        return requests.request(method, self.url + path, json=body, headers=headers, timeout=30 * SLOW)

    def pickup(self, tags="", **options):
        answer = self.call("GET", "/jobs/pickup" + ("/" + tags if tags else ""), **options)
        assert answer.status_code == 200 and "json" in answer.headers["Content-Type"], answer.text
        return answer.json()

    def say(self, uid, state, status=200, name=None, **more):
        answer = self.call("PUT", f"/jobs/{uid}", {"uid": uid, "state": state, **more}, name=name)
        assert answer.status_code == status, answer.text
        return answer.json()

    def hand_in(self, job, data, which=-1):
        """What @nexrender/provider-nx does."""
        asked = requests.post(job["actions"]["postrender"][which]["params"]["url"], headers={"Content-Type": "application/json"}, timeout=30)
        assert asked.status_code == 200, asked.text
        places = asked.json()
        put = requests.put(places["upload_url"], data=data, timeout=30)
        assert put.status_code == 201, put.text
        done = requests.post(places["finilize_url"], timeout=30)
        assert done.status_code == 200, done.text
        return places

    def audit(self, event, job_id):
        return [r for r in self.server.audit(token=self.admin, event=event) if r.get("jobId", r["subject"]) == job_id or r["subject"] == job_id]


def v2(assets=(), **more):
    return {"template": {"id": "x", "src": "https://studio.example/t.aep", "composition": "main"}, "assets": list(assets), **more}


def echo(job, **more):
    """A worker sends back all that it was given."""
    return {**{k: v for k, v in job.items() if k not in ("uid", "state")}, **more}


@pytest.fixture(scope="module")
def farm(server):
    """No test leaves a job in its queue."""
    return Farm(server, "protocol")


@pytest.fixture
def own(server):
    return Farm(server, "own")
