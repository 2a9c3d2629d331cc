"""Pick-ups that bring nobody a job: they cost it nothing, and a job that nobody can ever have is refused."""
import concurrent.futures
import time

import pytest

from conftest import canary
from farm import Farm, v2

VALUE = 64 * 1024
FIT = 2 * 1024 * 1024 // VALUE  # the values of one job, together


def texts(names):
    return [{"type": "text", "layerName": "l", "value": "${secret.%s}" % n} for n in names]


@pytest.fixture(scope="module")
def large(server):
    """A team with more values than one job may use."""
    farm = Farm(server, "large")
    for i in range(FIT + 1):
        farm.put(f"BIG{i:02}", canary() * (VALUE // 32) if i else canary() * (VALUE // 32 - 1) + "x" * 32)
    farm.put("SMALL", "v")
    return farm


@pytest.fixture
def own(server):
    return Farm(server, "pickup")


def test_values_that_can_never_be_opened_together_are_refused_where_it_becomes_too_much(large):
    names = [f"BIG{i:02}" for i in range(FIT)]
    made = large.submit(v2(texts(names + names)))  # each counts once
    assert large.pickup()["uid"] == made["id"]
    refused = large.submit(v2(texts(names + ["SMALL", "BIG%02d" % FIT])), status=400)
    assert [d["field"] for d in refused["details"]] == [f"/assets/{FIT}/value"] and str(FIT * VALUE) in refused["details"][0]["message"]
    refused = large.submit(v2([], webhook={"url": "https://h.example/", "data": {"a": "".join("${secret.%s@1}" % n for n in names + ["SMALL"])}}), status=400)
    assert [d["field"] for d in refused["details"]] == ["/webhook/data/a"]
    # a nested job is a job of its own
    child = {"type": "job", "layerName": "n", "template": {"id": "x", "src": "https://h.example/t.aep", "composition": "c"}, "assets": texts(["SMALL"])}
    large.submit(v2(texts(names) + [child]))
    assert large.pickup()["uid"]  # the child: nothing is left in the queue


def test_values_that_grew_too_large_since_end_the_job_with_that_reason(server, large):
    names = [f"BIG{i:02}" for i in range(FIT - 1)] + ["GROWN"]
    large.put("GROWN", "small")
    made = large.submit(v2(texts(names + ["SMALL"])))["id"]
    assert server.put("GROWN", "y" * VALUE, token=large.admin, rotate=True).status_code == 201
    assert large.pickup() == {}
    job = large.job(made)
    assert job["status"] == "error" and "longer than 2097152 bytes together" in job["stats"]["error"]
    assert large.audit("secret.exposed", made) == []


def test_a_shortage_of_the_moment_costs_a_job_neither_time_nor_a_lease(server, large):
    names = [f"BIG{i:02}" for i in range(FIT)]
    made = {large.submit(v2(texts(names)))["id"] for _ in range(10)}
    got, busy, began = [], 0, time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        while len(got) < len(made) and time.monotonic() - began < 20:
            for answer in pool.map(lambda _: large.call("GET", "/jobs/pickup"), range(5)):
                busy += answer.status_code == 503
                assert answer.status_code in (200, 503), answer.text
                got += [answer.json()["uid"]] if answer.status_code == 200 and answer.json() else []
    assert sorted(got) == sorted(made) and busy > 0  # there was a shortage, and no half hour of waiting
    for uid in made:
        assert large.log(uid) == ""


@pytest.mark.parametrize("path", ["/jobs/pickup", "/jobs/pickup/a,b", "/jobs"])
def test_looking_takes_no_job(own, path):
    own.submit(v2(tags="a"))
    answer = own.call("HEAD", path)
    assert answer.status_code == 405 and "GET" in answer.headers["Allow"]
    assert own.pickup()["uid"]


def test_looking_at_the_list_is_still_possible_for_those_who_only_look(own):
    assert own.call("HEAD", "/jobs", token=own.admin).status_code == 200
