"""Fonts: uploaded as a form, named by what is in the file; check 40 of the vendor's contract."""
import io
import pathlib
import socket
import struct

import pytest
import requests

from conftest import SLOW, until
from test_secrets import DATE, ULID, check_error
from templates import api

DEJAVU = pathlib.Path("/usr/share/fonts/truetype/dejavu")
SANS = (DEJAVU / "DejaVuSans.ttf").read_bytes()
NEVER = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
FONT_MAX = 40 * 1024 * 1024


def tiny(tag=b"\0\1\0\0", family="Tiny", extra=0):
    """The smallest font that is one: the tables glyf, head and name, and `extra` bytes after them."""
    names = struct.pack(">HHH", 0, 1, 18) + struct.pack(">HHHHHH", 3, 1, 0x409, 1, len(family) * 2, 0) + family.encode("utf-16-be")
    if not family:
        names = struct.pack(">HHH", 0, 0, 6)
    at = 12 + 48
    table = b"".join(t + struct.pack(">III", 0, o, n) for t, o, n in ((b"glyf", at, 4), (b"head", at + 4, 4), (b"name", at + 8, len(names))))
    return tag + struct.pack(">HHHH", 3, 0, 0, 0) + table + b"glyfhead" + names + b"\0" * extra


@pytest.fixture(scope="module")
def team(server):
    admin = server.team("fonts")
    return {"admin": admin, "editor": server.new_token("editor", "fonts"), "submit": server.new_token("submit", "fonts"),
            "worker": server.new_token("worker", "fonts"), "audit": server.new_token("audit", "fonts"), "other": server.team("no-fonts")}


@pytest.fixture
def send(api):
    def upload(name, data=None, family=None, token="submit", **options):
        fields = {} if family is None else {"familyName": (None, family)}
        return api("POST", "/fonts", token=token, files={"font": (name, tiny() if data is None else data), **fields}, **options)
    return upload


@pytest.fixture
def made(send, unique):
    answer = send(unique + ".ttf")
    assert answer.status_code == 201, answer.text
    return answer.json()


def spooled(server, font=""):
    return [p for p in (server.data / "spool").iterdir() if p.name.startswith("font.") and font in p.name]


def by_hand(api, body, boundary="XX", **options):
    return api("POST", "/fonts", body, headers={"Content-Type": f"multipart/form-data; boundary={boundary}"}, **options)


def form(*parts, boundary=b"XX"):
    return b"".join(b"--" + boundary + b"\r\n" + p + b"\r\n" for p in parts) + b"--" + boundary + b"--\r\n"


def head(name, file_name=None):
    return b'Content-Disposition: form-data; name="' + name + b'"' + (b'; filename="' + file_name + b'"' if file_name is not None else b"") + b"\r\n\r\n"


# --- check 40 ---

def test_40_a_font_is_uploaded_listed_shown_and_removed(send, api, server):
    answer = send("DejaVuSans.ttf", SANS)
    assert answer.status_code == 201 and "json" in answer.headers["Content-Type"]
    font = answer.json()
    assert ULID.match(font["id"]) and DATE.match(font["createdAt"])
    assert font == {"id": font["id"], "familyName": "DejaVu Sans", "fileName": "DejaVuSans.ttf", "createdAt": font["createdAt"]}
    assert font in api("GET", "/fonts").json()
    assert api("GET", f"/fonts/{font['id']}").json() == font
    assert spooled(server, font["id"])[0].read_bytes() == SANS
    assert (spooled(server, font["id"])[0].stat().st_mode & 0o777) == 0o600
    gone = api("DELETE", f"/fonts/{font['id']}", token="editor")
    assert gone.status_code == 204 and gone.content == b""
    check_error(api("GET", f"/fonts/{font['id']}"), 404)
    check_error(api("DELETE", f"/fonts/{font['id']}", token="editor"), 404)
    assert spooled(server, font["id"]) == []
    assert send("DejaVuSans.ttf", SANS).status_code == 201


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "application/json", "multipart/form-data", "text/plain", None,
                                  "multipart/form-data; boundary=", "multipart/mixed; boundary=XX"])
@pytest.mark.parametrize("body", [b"", b"font=x"])
def test_40_what_is_no_form_is_400(api, kind, body):
    answer = api("POST", "/fonts", body, headers={"Content-Type": kind})
    assert check_error(answer, 400)["details"][0]["field"] == "font"


# --- names ---

@pytest.mark.parametrize("file", ["DejaVuSansMono-Bold.ttf", "DejaVuSerif-Italic.ttf", "DejaVuSansCondensed.ttf"])
def test_the_family_is_read_from_the_file(send, file):
    expected = {"DejaVuSansMono-Bold.ttf": "DejaVu Sans Mono", "DejaVuSerif-Italic.ttf": "DejaVu Serif"}.get(file)
    got = send(file, (DEJAVU / file).read_bytes()).json()["familyName"]
    assert got == expected or (expected is None and got.startswith("DejaVu Sans"))


def test_the_form_may_name_the_family(send, unique):
    assert send(f"{unique}.ttf", family=" Ünser Font ").json()["familyName"] == "Ünser Font"
    assert send(f"{unique}2.ttf", family="").json()["familyName"] == "Tiny"
    assert send(f"{unique}3.ttf", tiny(family=""), family="Given").json()["familyName"] == "Given"
    body = check_error(send(f"{unique}4.ttf", tiny(family="")), 400)
    assert body["details"][0]["field"] == "familyName"


@pytest.mark.parametrize("family, good", [("n" * 128, True), ("n" * 129, False), ("n" * 5000, False), ("a\nb", False), ("a\0b", False), ("\x85", False)])
def test_bad_family_names_are_400(send, unique, family, good, api):
    answer = send(f"{unique}.ttf", family=family)
    if good:
        assert answer.status_code == 201 and answer.json()["familyName"] == family
    else:
        assert check_error(answer, 400)["details"][0]["field"] == "familyName"
        assert unique not in api("GET", "/fonts").text


@pytest.mark.parametrize("sent, kept", [
    (b"%s.ttf", "%s.ttf"), (b"%s.TTF", "%s.TTF"), (b"a/b/%s.ttf", "%s.ttf"), (b"C:\\\\fonts\\\\%s.ttf", "%s.ttf"), (b"../../../%s.ttf", "%s.ttf"),
    (b"%s x.ttf", "%s x.ttf"), ("ö%s.ttf".encode(), "ö%s.ttf"), (b"%s\\\".ttf", "%s\".ttf")])
def test_a_file_name_loses_its_folders(api, unique, sent, kept):
    answer = by_hand(api, form(head(b"font", sent.replace(b"%s", unique.encode())) + tiny()))
    assert answer.status_code == 201, answer.text
    assert answer.json()["fileName"] == kept.replace("%s", unique)


@pytest.mark.parametrize("name", [None, b"", b".ttf", b"..", b"x", b"x.otf", b"x.ttf.exe", b"x.ttf/", b"dir\\\\.ttf", b".hidden.ttf", b"a\x01.ttf", b"a\x7f.ttf",
                                  b"\xff.ttf", b"\xc2\x85.ttf", b"n" * 125 + b".ttf"])
def test_bad_file_names_are_400(api, name, server):
    before = spooled(server)
    answer = by_hand(api, form(head(b"font", name) + tiny()))
    assert check_error(answer, 400)["details"][0]["field"] == "font"
    assert spooled(server) == before


def test_a_file_name_has_a_limit(send, unique):
    name = unique.ljust(124, "n") + ".ttf"
    assert send(name).json()["fileName"] == name
    check_error(send("n" + name), 400)


def test_the_same_file_name_again_is_409(send, made, api, server):
    before = spooled(server)
    for name in (made["fileName"], made["fileName"].upper().replace(".TTF", ".ttf")):
        check_error(send(name, tiny(family="Other")), 409, "FONT_ALREADY_EXISTS")
    assert api("GET", f"/fonts/{made['id']}").json() == made
    assert spooled(server) == before
    assert send(made["fileName"], token="other").status_code == 201


# --- what is in the file ---

@pytest.mark.parametrize("data, word", [
    (b"", "empty"), (b"x", "not a TrueType"), (tiny(b"OTTO"), "PostScript"), (tiny(b"ttcf"), "collection"), (tiny(b"wOFF"), "web font"),
    (tiny(b"wOF2"), "web font"), (SANS[:-1], "cut off"), (SANS[:5000], "cut off"), (b"\0\1\0\0", "cut off"), (b"PK\3\4" + b"x" * 100, "not a TrueType"),
    (tiny().replace(b"glyf", b"CFF "), "missing"), (b"<html>", "not a TrueType")])
def test_other_files_are_400(send, unique, data, word, server, api):
    before = spooled(server)
    body = check_error(send(f"{unique}.ttf", data), 400)
    assert body["details"][0]["field"] == "font" and word in body["details"][0]["message"]
    assert spooled(server) == before and unique not in api("GET", "/fonts").text


def test_a_font_of_40_mib_and_one_byte_more(send, unique, server):
    extra = FONT_MAX - len(tiny())
    answer = send(f"{unique}.ttf", tiny(extra=extra))
    assert answer.status_code == 201, answer.text
    before = spooled(server)
    check_error(send(f"{unique}2.ttf", tiny(extra=extra + 1)), 413)
    assert spooled(server) == before
    # so large that the form is refused by its announced length
    try:
        check_error(send(f"{unique}3.ttf", tiny(extra=extra + (1 << 20))), 413)
    except requests.ConnectionError:
        pass  # the answer came before all was sent


# --- the form ---

@pytest.mark.parametrize("body", [
    b"", b"x", b"--XX--\r\n", b"--YY\r\n" + head(b"font", b"a.ttf") + b"d\r\n--YY--", form(head(b"font", b"a.ttf") + tiny())[:-6],
    form(head(b"font", b"a.ttf") + tiny()) + b"more", b"\r\n" + form(head(b"font", b"a.ttf") + tiny()),
    form(b"Content-Type: font/ttf\r\n\r\n" + tiny()), form(b'Content-Disposition: attachment; name="font"; filename="a.ttf"\r\n\r\n' + tiny()),
    form(b"Content-Transfer-Encoding: base64\r\n" + head(b"font", b"a.ttf") + tiny()), form(head(b"x" * 5000, b"a.ttf") + tiny()),
    form(*[head(b"x") + b"y"] * 17), form(*[head(b"font", b"a.ttf") + tiny()] * 2), form(head(b"familyName") + b"x"), form(head(b"Font", b"a.ttf") + tiny())])
def test_bad_forms_are_400_and_leave_nothing(api, body, server):
    before, listed = spooled(server), api("GET", "/fonts").json()
    assert check_error(by_hand(api, body), 400)["details"][0]["field"] == "font"
    assert spooled(server) == before and api("GET", "/fonts").json() == listed


def test_parts_in_any_order_and_others_beside_them(api, unique):
    body = form(head(b"note") + b"hello", head(b"familyName") + b"First", head(b"font", unique.encode() + b".ttf") + tiny(), head(b"empty") + b"")
    answer = by_hand(api, body)
    assert answer.status_code == 201 and answer.json()["familyName"] == "First"


def test_a_family_name_twice_is_400(api, unique):
    body = form(head(b"familyName") + b"A", head(b"familyName") + b"B", head(b"font", unique.encode() + b".ttf") + tiny())
    assert check_error(by_hand(api, body), 400)["details"][0]["field"] == "familyName"


def test_a_font_that_holds_the_boundary_almost(api, unique, server):
    data = tiny() + b"\r\n--X\r\n--\r\n\r\r\n--XY" * 5000
    answer = by_hand(api, form(head(b"font", unique.encode() + b".ttf") + data))
    assert answer.status_code == 201
    assert spooled(server, answer.json()["id"])[0].read_bytes() == data


def test_a_form_that_breaks_off_leaves_nothing(server, team):
    before = spooled(server)
    with socket.create_connection((server.host, server.port), 10 * SLOW) as s:
        s.sendall((f"POST /api/v2/fonts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {team['submit']}\r\nContent-Length: 100000\r\n"
                   "Content-Type: multipart/form-data; boundary=XX\r\n\r\n").encode() + b"--XX\r\n" + head(b"font", b"broken.ttf") + tiny())
        until(lambda: len(spooled(server)) > len(before), 10, "the part file")
    until(lambda: spooled(server) == before, 10, "the part file's end")


def test_a_token_that_is_revoked_meanwhile_uploads_nothing(server, api, unique):
    token = server.new_token("submit", "fonts")
    body = form(head(b"font", unique.encode() + b".ttf") + tiny())
    with socket.create_connection((server.host, server.port), 10 * SLOW) as s:
        s.sendall((f"POST /api/v2/fonts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n"
                   "Content-Type: multipart/form-data; boundary=XX\r\n\r\n").encode() + body[:-10])
        until(lambda: spooled(server), 10, "the part file")
        server.operator("token", "revoke", token.split("_")[2], "--team", "fonts", check=True)
        s.sendall(body[-10:])
        assert s.recv(100).startswith(b"HTTP/1.1 401 ")
    assert unique not in api("GET", "/fonts").text
    until(lambda: not [p for p in spooled(server) if p.name.endswith(".part")], 10, "the part file's end")


def test_a_full_spool_takes_no_font(fresh):
    """What must stay free is more than any disk has."""
    s = fresh("--spool-min-free-bytes", str(2**60))
    answer = s.call("POST", "/fonts", files={"font": ("a.ttf", tiny())})
    check_error(answer, 503, "STORE_FULL")
    assert s.call("GET", "/fonts").json() == [] and spooled(s) == []


# --- who ---

def test_an_empty_list_is_an_array(api):
    answer = api("GET", "/fonts", token="other")
    assert answer.status_code == 200 and isinstance(answer.json(), list)


def test_fonts_of_another_team_are_404(api, made):
    for method in ("GET", "DELETE"):
        theirs = check_error(api(method, f"/fonts/{made['id']}", token="other"), 404)
        unknown = check_error(api(method, f"/fonts/{NEVER}", token="other"), 404)
        odd = check_error(api(method, "/fonts/x%20y", token="other"), 404)
        assert theirs == unknown == odd
    assert made["id"] not in api("GET", "/fonts", token="other").text
    assert api("GET", f"/fonts/{made['id']}").json() == made


def test_roles(api, send, made, unique):
    assert send(f"{unique}-w.ttf", token="worker").status_code == 403
    assert send(f"{unique}-a.ttf", token="audit").status_code == 403
    assert api("GET", "/fonts", token="worker").status_code == 403
    assert api("DELETE", f"/fonts/{made['id']}", token="submit").status_code == 403
    assert send(f"{unique}-e.ttf", token="editor").status_code == 201
    check_error(send(f"{unique}-n.ttf", token=""), 401)


# --- jobs ---

def submitted(api, **more):
    answer = api("POST", "/jobs", {"template": {"id": "PLACEHOLDER", "src": "https://example.com/a.aep", "composition": "main"}, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_font_that_a_job_needs_stays(api, made, server):
    job = submitted(api, fonts=[made["fileName"], made["fileName"]])
    assert "missingFonts" not in job
    assert "Jobs" in check_error(api("DELETE", f"/fonts/{made['id']}", token="editor"), 409)["error"]
    assert api("GET", f"/fonts/{made['id']}").status_code == 200 and spooled(server, made["id"])
    assert api("PATCH", f"/jobs/{job['id']}/cancel").status_code == 200
    assert api("DELETE", f"/fonts/{made['id']}", token="editor").status_code == 204


def test_fonts_that_are_not_there_are_named(api, made):
    assert submitted(api, fonts=["nowhere.ttf", made["fileName"]])["missingFonts"] == ["nowhere.ttf"]


def test_it_is_audited(api, made, server, team):
    assert api("DELETE", f"/fonts/{made['id']}", token="editor").status_code == 204
    rows = [r for r in server.audit(token=team["audit"]) if r.get("subject") == made["id"]]
    assert [r["event"] for r in rows] == ["font.created", "font.deleted"]
    assert all(r["name"] == made["fileName"] for r in rows)


def test_a_team_takes_its_fonts_along(server):
    token = server.team("short-lived-fonts")
    font = server.call("POST", "/fonts", token=token, files={"font": ("a.ttf", io.BytesIO(tiny()))}).json()
    assert len(spooled(server, font["id"])) == 1
    server.operator("team", "delete", "short-lived-fonts", "--yes", check=True)
    assert spooled(server, font["id"]) == []
