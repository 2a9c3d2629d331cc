"""The document out of its parts and of src/api/routes.def, which knows each route's body, limit and scope."""
import json
import re
from pathlib import Path

from words import JSON, OPERATIONS, SCHEMAS, TEXT, ULID, refer

ROOT = Path(__file__).resolve().parents[2]
ROUTE = re.compile(r'ROUTE\("(\w+)", "(!?)([^"]+)", HTTP_BODY_(\w+), (\w+),\s*SCOPE_(\w+), (\w+)\)')

# Statuses that come from below the handlers, and so are everywhere.
ANYWHERE = {400, 408, 414, 417, 429, 431, 500, 503}
ERRORS = {
    400: ("BadRequest", "The request, its body or a parameter is not valid"),
    401: ("Unauthorized", "There is no valid token"),
    403: ("Forbidden", "The token may not do this"),
    404: ("NotFound", "There is no such thing for this team"),
    405: ("MethodNotAllowed", "The address does not answer this method"),
    408: ("Timeout", "The request was not finished in time"),
    409: ("Conflict", "The present state stands against it; `code` tells what"),
    410: ("Gone", "This one-time address was used up or has expired"),
    413: ("TooLarge", "The body is larger than its limit"),
    414: ("UriTooLong", "The address is longer than 8 KiB"),
    415: ("UnsupportedMediaType", "The body's type or encoding is not taken"),
    416: ("RangeNotSatisfiable", "The range begins behind the end"),
    417: ("ExpectationFailed", "Only `Expect: 100-continue` is taken"),
    429: ("TooManyRequests", "Too many failed attempts from this address"),
    431: ("HeadersTooLarge", "The header fields are larger than 16 KiB, or more than 100"),
    500: ("Internal", "Something went wrong on the server"),
    502: ("UpstreamFailed", "The other server refused, or may not be asked"),
    503: ("Unavailable", "Nothing was changed; try again later"),
}

PATH_PARTS = {"id": ULID, "uid": ULID, "lease": ULID}
DONE = {200: "Done", 201: "Made", 202: "Begun", 204: "Nothing to say", 206: "The part asked for", 303: "Elsewhere", 304: "As it was"}


def limits():
    """NAME -> number, of src/base/limit.h."""
    found = {}
    for name, value in re.findall(r"#define (\w+)\s+([\d(][\d*() L]*)", (ROOT / "src/base/limit.h").read_text()):
        found[name] = eval(value.replace("LL", ""))  # our own header: digits, * and parentheses
    return found


def roles():
    """Scope -> the roles that have it, of the table in src/api/auth.c."""
    source = (ROOT / "src/api/auth.c").read_text()
    editor = re.search(r"EDITOR = (.*?)\n\};", source, re.S).group(1)
    table = re.search(r"scopes\[ROLE_COUNT\] = \{(.*?)\n\};", source, re.S).group(1)
    found = {}
    for role, bits in re.findall(r"\[ROLE_(\w+)\] =\s*(.*?),\n", table + "\n", re.S):
        for scope in re.findall(r"SCOPE_(\w+)", bits.replace("EDITOR", editor)):
            found.setdefault(scope, []).append(role.lower())
    return found


def routes():
    """Each line of routes.def: (method, pattern, where it stands, body, limit, scope)."""
    table = re.sub(r"/\*.*?\*/", "", (ROOT / "src/api/routes.def").read_text(), flags=re.S)
    found, known = [], limits()
    for method, bare, pattern, body, most, scope, handler in ROUTE.findall(table):
        most = int(most) if most.isdigit() else known[most]
        found.append((method, pattern, pattern if bare else "/api/v2" + pattern, body, most, scope, handler))
    assert len(found) == table.count("ROUTE("), "a line of routes.def is not understood"
    return found


def response(status, answer, headers):
    named = {name: {"description": why, "schema": TEXT} for name, why in headers.items()}
    out = {"description": DONE.get(status) or ERRORS[status][1],
           "headers": {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}, **named}}
    if answer is not None:
        kinds = answer if isinstance(answer, list) else [answer if isinstance(answer, tuple) else (JSON, answer)]
        out["content"] = {kind: {"schema": refer(schema)} for kind, schema in kinds}
    return out


def parameters(op, place):
    out = []
    for name in re.findall(r"\{(\w+)\}", place):
        out.append({"name": name, "in": "path", "required": True, "schema": op.path.get(name, PATH_PARTS.get(name, {"type": "string", "minLength": 1}))})
    for name, schema in op.query.items():
        out.append({"name": name.rstrip("!"), "in": "query", **({"required": True} if name.endswith("!") else {}),
                    "schema": schema})
    return out


def security(place, scope, who):
    if scope in ("NONE", "OPERATOR"):
        return []
    names = ("workerSecret", "token") if is_farm(place) else ("token",)
    return [{name: sorted(set(who.get(scope, sum(who.values(), []))))} for name in names]


def is_farm(place):
    """Protocol v1 is refused in plain text, and with 403 alone."""
    return place.startswith("/api/v1/")


def statuses(op, place, body, scope):
    found = ANYWHERE | op.refuses
    if "{" in place:  # also what no path may hold, as an encoded slash
        found.add(404)
    if scope not in ("NONE", "OPERATOR"):
        found |= {403} if is_farm(place) else {401, 403}
    if body != "NONE":
        found.add(413)
    if body == "BUFFER":
        found.add(415)
    return found


def compose_one(route, who):
    method, pattern, place, body, most, scope, _ = route
    op = OPERATIONS[method, pattern]
    assert (body == "NONE") == (op.body is None), f"{method} {pattern}: a body here and none there"
    out = {"operationId": operation_id(method, place), "tags": [tag(pattern, scope)], "summary": op.about}
    if op.details:
        out["description"] = op.details
    out["security"] = security(place, scope, who)
    if parameters(op, place):
        out["parameters"] = parameters(op, place)
    if op.body is not None:
        out["requestBody"] = {"required": op.needed, "description": f"At most {most} bytes",
                              "content": {kind: {"schema": refer(s)} for kind, s in op.body.items()}, "x-max-bytes": most}
    answers = {status: response(status, answer, op.headers.get(status, {})) for status, answer in op.answers.items()}
    if is_farm(place) and scope != "NONE":
        answers[403] = response(403, ("text/plain", TEXT), {})
    for status in statuses(op, place, body, scope) - set(answers):
        answers[status] = {"$ref": f"#/components/responses/{ERRORS[status][0]}"}
    out["responses"] = {str(s): answers[s] for s in sorted(answers)}
    return out


def operation_id(method, place):
    words = re.findall(r"\w+", place.replace("/api/v2", ""))
    slash = ["Slash"] if len(place) > 1 and place.endswith("/") else []
    return method.lower() + "".join(w[0].upper() + w[1:] for w in words + slash)


def tag(pattern, scope):
    if pattern in ("/", "/team/settings/", "/team/settings", "/settings/api-tokens"):
        return "Console"
    first = re.findall(r"\w+", pattern)[0]
    known = {"secrets": "Secrets", "jobs": "Jobs", "batches": "Batches", "templates": "Templates", "fonts": "Fonts",
             "worker": "Worker", "t": "Addresses", "o": "Addresses", "upload": "Addresses", "download": "Addresses", "token": "Team", "tokens": "Team", "team": "Team",
             "audit": "Team", "healthz": "Health", "readyz": "Health", "metrics": "Health", "operator": "Operator", "openapi": "Health", "console": "Console"}
    if pattern.startswith("/api/v1"):
        return "Protocol v1"
    if pattern.startswith(("/api/v3", "/v3")):
        return "Templates"
    return "Operator" if scope == "OPERATOR" else known[first]


def components():
    error_headers = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
    responses = {}
    for status, (name, why) in sorted(ERRORS.items()):
        responses[name] = {"description": why, "headers": error_headers, "content": {JSON: {"schema": refer("Error")}}}
    return {"securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "slt_...",
                          "description": "The names beside it are the roles of which the token must have one"},
                "workerSecret": {"type": "apiKey", "in": "header", "name": "nexrender-secret",
                                 "description": "A token, bare, as clients and workers of protocol v1 send it"}},
            "headers": {"RequestId": {"description": "Also in the server's log and the audit log", "required": True,
                                      "schema": {"type": "string"}}},
            "responses": responses, "schemas": dict(sorted(SCHEMAS.items()))}


def compose():
    """The document, and what routes.def and the description do not share."""
    who, paths, problems = roles(), {}, []
    for route in routes():
        if (route[0], route[1]) not in OPERATIONS:
            problems.append(f"not described: {route[0]} {route[1]}")
        else:
            paths.setdefault(route[2], {})[route[0].lower()] = compose_one(route, who)
    problems += [f"not in routes.def: {m} {p}" for m, p in set(OPERATIONS) - {r[:2] for r in routes()}]
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Safelight", "version": version(), "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
                 "description": "What docs/API.md says in words. Every path under /api/v2 also stands without that prefix. "
                                "HEAD works wherever GET does. Paths under /operator are on the UNIX socket alone."},
        "servers": [{"url": "/"}], "paths": paths, "components": components()}
    return used_only(document), problems


def used_only(document):
    """Without the components that nothing refers to."""
    while True:
        text = json.dumps(document)
        for group in ("schemas", "responses"):
            for name in [n for n in document["components"][group] if f'"#/components/{group}/{n}"' not in text]:
                del document["components"][group][name]
        if json.dumps(document) == text:
            return document


def version():
    return re.search(r"version: '([^']+)'", (ROOT / "meson.build").read_text()).group(1)


def print_json(value, indent=0, before=0, room=110):
    """JSON for people: what fits into a line stands in one. `before`: what else its first line holds."""
    short = json.dumps(value, ensure_ascii=False)
    if len(short) + indent + before <= room or not isinstance(value, (dict, list)) or not value:
        return short
    pad = " " * (indent + 2)
    if isinstance(value, dict):
        lines = [f"{pad}{json.dumps(k)}: {print_json(v, indent + 2, len(k) + 5)}" for k, v in value.items()]
        return "{\n" + ",\n".join(lines) + "\n" + " " * indent + "}"
    return "[\n" + ",\n".join(pad + print_json(v, indent + 2, 1) for v in value) + "\n" + " " * indent + "]"
