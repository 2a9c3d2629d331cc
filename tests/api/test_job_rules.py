"""What a submit makes of a job: who may take it, function assets, settings, templates, fonts: contract 2.1 and 2.2; checks 23
and 25."""
import os

import pytest
import requests

from test_nested import HOST, ONE, TEMPLATE, parent, team  # noqa: F401  (team is a fixture)
from templates import AEP


def own_engine():
    return "e-" + os.urandom(6).hex()


# --- engines ---

@pytest.mark.parametrize("payload, engines, words", [
    ({"template": {"id": "T", "src": f"{HOST}/a.aep"}}, "", "composition"),
    ({"template": {"id": "T", "src": f"{HOST}/a.aep", "composition": None}}, "", "composition"),
    ({"template": TEMPLATE, "assets": [{"type": "function", "name": "nx:layer-remove", "layerName": "a"}]}, "function", "function"),
])
def test_what_a_stock_worker_cannot_do_waits_for_ours(team, payload, engines, words):
    made = team.accepted(payload)
    assert made["status"] == "queued" and any(words in w["field"] + w["message"] for w in made["warnings"])
    if engines:
        assert team.lease() is None
    assert team.lease(engines)["job"]["id"] == made["id"]


def test_other_jobs_are_for_any_worker_and_warn_of_nothing(team):
    assert "warnings" not in team.accepted({"template": TEMPLATE})


@pytest.mark.parametrize("file", ["a.mogrt", "A.MOGRT?x=1"])
def test_a_mogrt_is_for_any_worker_of_ours_and_for_those_of_the_farm_that_can(team, file):
    made = team.accepted({"template": {"id": "T", "src": f"{HOST}/{file}"}})
    (warning,) = made["warnings"]
    assert warning["field"] == "/template" and "before 1.63" in warning["message"]
    assert team.lease()["job"]["id"] == made["id"]


def test_an_engine_that_was_named_stays(team):
    engine = own_engine()
    made = team.accepted({"engine": engine, "assets": [{"type": "function", "name": "nx:layer-remove"}]})
    assert "warnings" not in made and team.lease("function") is None
    assert team.lease(engine)["job"]["id"] == made["id"]


# --- function assets ---

def test_layers_become_one_asset_each_in_place(team):
    team.server.put("KEY", 'quote"d', token=team.token)
    function = {"type": "function", "name": "nx-gen-ai", "params": {"layerName": ["a", "b\"", "c"], "apiKey": "${secret.KEY}"}}
    made = team.accepted(parent({"type": "text", "value": "1"}, function, {"type": "text", "value": "2"}))
    assert made["stats"]["totalAssets"] == 3
    assets = team.lease("function")["job"]["assets"]
    assert [a["type"] for a in assets] == ["text", "function", "function", "function", "text"]
    assert [a["params"] for a in assets[1:4]] == [{"layerName": n, "apiKey": 'quote"d'} for n in ("a", 'b"', "c")]
    assert [a["value"] for a in (assets[0], assets[4])] == ["1", "2"]


FUNCTIONS = ["text-params-set", "solid-color-set", "layer-state-set", "layer-remove", "layer-autoscale", "layer-start-set", "layer-duration-set",
             "comp-duration-set", "gen-ai"]


@pytest.mark.parametrize("name", [p + f for p in ("nx:", "nx-") for f in FUNCTIONS])
def test_both_spellings_of_functions(team, name):
    assert team.post(parent({"type": "function", "name": name, "params": {"layerName": "l"}})).status_code == 201


@pytest.mark.parametrize("asset, field", [
    ({}, "/assets/0/name"),
    ({"name": ""}, "/assets/0/name"),
    ({"name": "layer-remove"}, "/assets/0/name"),
    ({"name": "nx:"}, "/assets/0/name"),
    ({"name": "nx:UPPER"}, "/assets/0/name"),
    ({"name": "nx:nope"}, "/assets/0/name"),
    ({"name": "nx:layer-remove "}, "/assets/0/name"),
    ({"name": "nx:" + "x" * 200}, "/assets/0/name"),
    ({"name": 7}, "/assets/0/name"),
    ({"name": "nx:layer-remove", "params": {"layerName": []}}, "/assets/0/params/layerName"),
    ({"name": "nx:layer-remove", "params": {"layerName": ""}}, "/assets/0/params/layerName"),
    ({"name": "nx:layer-remove", "params": {"layerName": [""]}}, "/assets/0/params/layerName"),
    ({"name": "nx:layer-remove", "params": {"layerName": ["a", 1]}}, "/assets/0/params/layerName"),
    ({"name": "nx:layer-remove", "params": {"layerName": {}}}, "/assets/0/params/layerName"),
    ({"name": "nx:layer-remove", "params": {"layerName": None}}, "/assets/0/params/layerName"),
    ({"name": "nx:layer-remove", "layerName": ["a"]}, "/assets/0/layerName"),
    ({"name": "nx:layer-remove", "params": []}, "/assets/0/params"),
])
def test_bad_function_assets_name_the_member(team, asset, field):
    assert field in team.fields(parent({"type": "function", **asset}))


@pytest.mark.parametrize("name, meant", [("nx:layer-remov", "nx:layer-remove"), ("nx-solid-colour-set", "nx:solid-color-set"), ("layer-remove", "nx:layer-remove")])
def test_a_function_that_is_not_known_is_refused_with_the_nearest(team, name, meant):
    (problem,) = team.post(parent({"type": "function", "name": name})).json()["details"]
    assert problem["field"] == "/assets/0/name" and problem["message"].endswith(f"did you mean {meant}?")


def test_a_function_that_is_like_none_is_refused_with_all(team):
    (problem,) = team.post(parent({"type": "function", "name": "nx:nope"})).json()["details"]
    assert all(f"nx:{f}" in problem["message"] for f in FUNCTIONS) and "nope" not in problem["message"]


DATA = {"type": "data", "layerName": "l", "property": "p"}


@pytest.mark.parametrize("asset, field", [
    ({**DATA, "value": None}, "value"), (DATA, "value"), ({**DATA, "expression": ""}, "value"), ({**DATA, "expression": None}, "value"),
    ({**DATA, "value": True}, "value"), ({**DATA, "value": {}}, "value"), ({**DATA, "value": 1, "property": 5}, "property"),
    ({**DATA, "expression": 5}, "expression"), ({"type": "essential", "layerName": "l", "value": None}, "value"),
    ({"type": "essential", "layerName": "l", "expression": "time"}, "value"),
    ({"type": "text", "layerIndex": 0, "value": "x"}, "layerIndex"), ({"type": "text", "layerIndex": "1", "value": "x"}, "layerIndex"),
    ({"type": "text", "layerIndex": 1.5, "value": "x"}, "layerIndex"), ({"type": "text", "layerIndex": -1, "value": "x"}, "layerIndex")])
def test_what_the_farms_validation_would_refuse_is_refused_at_submit(team, asset, field):
    assert set(team.fields({"template": TEMPLATE, "assets": [asset]})) == {f"/assets/0/{field}"}


@pytest.mark.parametrize("asset", [{**DATA, "value": ""}, {**DATA, "value": 0}, {**DATA, "value": [1, {"a": 1}]}, {**DATA, "value": None, "expression": "time"},
                                   {"type": "text", "layerIndex": 1, "value": "x"},
                                   {"type": "text", "layerName": "l", "layerIndex": 0, "value": "x"}])
def test_what_it_takes_is_taken(team, asset):
    assert not team.accepted({"template": TEMPLATE, "assets": [asset]}).get("warnings")


def test_layers_count_as_assets(team):
    many = {"type": "function", "name": "nx:layer-remove", "params": {"layerName": ["l"] * 1000}}
    assert team.post(parent(many)).status_code == 201
    assert "/assets" in team.fields(parent(many, {"type": "text", "value": "x"}))
    assert "/assets" in team.fields(parent({**many, "more": "x" * 1100}))  # 1000 times that is more than a job may be


# --- settings ---

@pytest.mark.parametrize("settings, extension", [
    ({"codec": "h264_vbr_15mbps"}, ".mp4"), ({"codec": "video_h264_cbr_40mbps"}, ".mp4"), ({"codec": "prores_422"}, ".mov"),
    ({"codec": "image_jpeg", "type": "image", "frames": 3}, ".jpg"), ({"engine": "ae2025"}, ".mp4"), ({"engine": "ae2026"}, ".mp4")])
def test_codecs_by_both_names(team, settings, extension):
    made = team.accepted({"template": TEMPLATE, "settings": settings})
    assert team.lease()["output"]["name"] == made["id"] + extension


@pytest.mark.parametrize("settings, field", [
    ({"engine": "ae2024"}, "/settings/engine"), ({"engine": ""}, None), ({"type": "video", "codec": "image_png"}, "/settings/codec"),
    ({"type": "image", "frames": 1, "codec": "h264_vbr_1mbps"}, "/settings/codec")])
def test_settings_that_do_not_fit(team, settings, field):
    if field:
        assert field in team.fields({"template": TEMPLATE, "settings": settings})
    else:
        assert team.post({"template": TEMPLATE, "settings": settings}).status_code == 201


def test_25_a_preview_ignores_its_settings(team):
    assert team.post({"template": TEMPLATE, "preview": True, "settings": {"type": "nonsense"}}).status_code == 201


def test_23_template_ids(team):
    for odd in ("x", "01arz3ndektsv4rrffq69g5fav", "01ARZ3NDEKTSV4RRFFQ69G5FA", "01ARZ3NDEKTSV4RRFFQ69G5FAVX"):
        assert "/template/id" in team.fields({"template": {"id": odd}})
    unknown = team.post({"template": {"id": "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}})
    assert unknown.status_code == 404 and "There is no such template" in unknown.json()["error"]
    assert team.post({"template": {"id": "PLACEHOLDER", "src": f"{HOST}/a.aep", "composition": None}}).status_code == 201


# --- fonts ---

def test_fonts_that_are_missing_are_told(team):
    made = team.accepted({"template": TEMPLATE, "fonts": ["No.ttf", "Näh.otf"]})
    assert made["missingFonts"] == ["No.ttf", "Näh.otf"] and team.job(made["id"])["missingFonts"] == ["No.ttf", "Näh.otf"]
    assert "missingFonts" not in team.accepted({"template": TEMPLATE, "fonts": []})
    made = team.accepted(parent({**ONE, "fonts": ["No.ttf"]}))
    assert "missingFonts" not in made and made["children"][0]["missingFonts"] == ["No.ttf"]


def font_bytes():
    return open("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", "rb").read()


def test_fonts_that_are_there_are_not_missing_and_stay_while_they_are_needed(team):
    made = requests.post(team.server.base + "/fonts", files={"font": ("Here.ttf", font_bytes())},
                         headers={"Authorization": f"Bearer {team.token}"}, timeout=30)
    assert made.status_code == 201, made.text
    font = f"/fonts/{made.json()['id']}"
    first = team.accepted({"template": TEMPLATE, "fonts": ["here.TTF", "No.ttf"]})
    assert first["missingFonts"] == ["No.ttf"]
    second = team.accepted(parent({**ONE, "fonts": ["Here.ttf"]}))
    assert team.call("DELETE", font).status_code == 409
    team.call("PATCH", f"/jobs/{first['id']}/cancel")
    assert team.call("DELETE", font).status_code == 409
    team.call("PATCH", f"/jobs/{second['id']}/cancel")
    assert team.call("DELETE", font).status_code == 204


# --- stored templates ---

def stored(team, kind, **more):
    made = team.call("POST", "/templates", {"type": kind, "displayName": "t", **more})
    assert made.status_code == 201, made.text
    return made.json()


def test_a_stored_template_needs_its_file_first(team):
    template = stored(team, "aep")
    payload = {"template": {"id": template["id"], "composition": "main"}}
    assert "upload it first" in team.fields(payload)["/template/id"]
    assert "/assets/0/template/id" in team.fields(parent({**ONE, "template": payload["template"]}))
    assert requests.put(template["uploadUrl"], data=AEP, timeout=30).status_code == 200
    made = team.accepted(payload)
    assert made["templateId"] == template["id"] and "warnings" not in made
    assert team.call("DELETE", f"/templates/{template['id']}").status_code == 409
    team.call("PATCH", f"/jobs/{made['id']}/cancel")
    assert team.call("DELETE", f"/templates/{template['id']}").status_code == 204
    assert team.post(payload).status_code == 404


@pytest.mark.parametrize("kind, warned", [("mogrt", False), ("aep", True), ("zip", True)])
def test_only_a_mogrt_needs_no_composition(team, kind, warned):
    template = stored(team, kind, src=f"{HOST}/file")
    made = team.accepted({"template": {"id": template["id"]}})
    assert any("composition" in w["field"] for w in made.get("warnings", [])) == warned


def test_another_teams_template_is_not_there(team):
    foreign = team.server.call("POST", "/templates", {"type": "aep", "displayName": "t", "src": f"{HOST}/a.aep"}).json()["id"]
    answer = team.post({"template": {"id": foreign, "composition": "main"}})
    assert answer.status_code == 404 and "There is no such template" in answer.json()["error"]


# --- what could never be handed over is refused before it is rendered ---

UPLOAD = {"params": {"region": "eu-1", "bucket": "b", "accessKeyId": "k", "accessKeySecret": "s"}}


def upload(**more):
    params = {**UPLOAD["params"], **{k: v for k, v in more.items() if k not in ("prefix", "outputUrl")}}
    return {**{k: v for k, v in more.items() if k in ("prefix", "outputUrl")}, "params": params}


@pytest.mark.parametrize("member, values", [
    ("params/region", ["eu west", "\u00e9", "a/b", "x" * 256]),
    ("params/bucket", ["a/b", "one two", "...", ".a", "a?x=1", "x" * 256]),
    ("params/acl", ["public read!", "a_b", "x" * 256]),
    ("params/accessKeyId", ["one two", "a\n", "\u00e9"]),
    ("params/endpoint", ["https://user:pw@h.example", "https://h.example?x=1", "https://h.example/#f", "https:///x", "https://h:99999"]),
    ("prefix", ["../x", "a/./b", "a/..", "x" * 961]),
    ("outputUrl", ["https://user:pw@cdn.example", "https://cdn.example/?x=1", "https://cdn.example/#a", "https://"]),
])
def test_literal_settings_of_an_upload_are_judged_at_submit(team, member, values):
    for value in values:
        payload = {"template": TEMPLATE, "upload": upload(**{member.split("/")[-1]: value})}
        answer = team.call("POST", "/jobs", payload)
        assert answer.status_code == 400, value
        assert [d["field"] for d in answer.json()["details"]] == ["/upload/" + member], value
        assert value not in answer.text, value


@pytest.mark.parametrize("more", [
    {"region": "x" * 255}, {"bucket": "x" * 255}, {"bucket": "My_Bucket-1.x"}, {"acl": "bucket-owner-full-control"}, {"prefix": "x" * 960},
    {"prefix": "/a//b..c/.d/"}, {"endpoint": "http://127.0.0.1:9000/minio/"}, {"endpoint": None}, {"outputUrl": "https://cdn.example:8443/a"},
])
def test_good_settings_of_an_upload_at_their_limits(team, more):
    team.accepted({"template": TEMPLATE, "upload": upload(**more)})


@pytest.mark.parametrize("more", [{"region": "${secret.R}"}, {"bucket": "b ${secret.R}"}, {"prefix": "../${secret.R}"},
                                  {"endpoint": "https://${secret.R@1}/"}, {"outputUrl": "https://${secrets.R@1}"}])
def test_what_a_secret_decides_is_judged_when_it_is_known(team, more):
    team.server.put("R", "eu-west-1", token=team.token)
    team.accepted({"template": TEMPLATE, "upload": upload(**more)})


@pytest.mark.parametrize("headers", [{n: "x"} for n in ("Host", "content-length", "Transfer-Encoding", "Connection", "Expect", "TE", "Upgrade", "Trailer")]
                         + [{"X": "a\r\nY: b"}, {"X": "a\x7f"}, {"x": "a", "X": "b"}, {"a b": "c"}, {"": "c"}, {"X": 1}])
def test_headers_that_cannot_be_sent_are_refused_at_submit(team, headers):
    for field, payload in (("/webhook/headers", {"webhook": {"url": "https://h.example", "headers": headers}}),
                           ("/assets/0/params/headers", {"assets": [{"type": "image", "layerName": "l", "src": "https://h.example/a.png",
                                                                     "params": {"headers": headers}}]})):
        answer = team.call("POST", "/jobs", {"template": TEMPLATE, **payload})
        assert answer.status_code == 400 and [d["field"] for d in answer.json()["details"]] == [field], field


@pytest.mark.parametrize("url", ["https://user:pw@h.example/", "https://h:99999/", "https:///x", "https://", "https://user@${secret.R}/"])
def test_addresses_that_cannot_be_called_are_refused_at_submit(team, url):
    for field, payload in (("/webhook/url", {"webhook": {"url": url}}), ("/template/src", {"template": {**TEMPLATE, "src": url}}),
                           ("/assets/0/src", {"assets": [{"type": "image", "layerName": "l", "src": url}]})):
        answer = team.call("POST", "/jobs", {"template": TEMPLATE, **payload})
        assert answer.status_code == 400 and field in [d["field"] for d in answer.json()["details"]], field


@pytest.mark.parametrize("query", ["dryRun=1", "dryrun=true", "dry_run=true", "dry-run=true", "dryRun"])
def test_a_dry_run_that_is_written_wrong_submits_nothing(team, query):
    before = team.call("GET", "/jobs").json()
    for path in ("/jobs", "/jobs/join", "/batches"):
        answer = team.call("POST", f"{path}?{query}", {"template": TEMPLATE})
        assert answer.status_code == 400 and answer.json()["details"][0]["field"] == "dryRun", path
    assert team.call("POST", "/batches?dryRun=true", {"jobs": [{"template": TEMPLATE}]}).status_code == 400
    assert team.call("GET", "/jobs").json() == before


def test_an_image_by_its_codec_needs_a_frame(team):
    answer = team.call("POST", "/jobs", {"template": TEMPLATE, "settings": {"codec": "image_png"}})
    assert answer.status_code == 400 and answer.json()["details"][0]["field"] == "/settings/frames"
