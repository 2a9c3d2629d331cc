"""The vendor's clients as our server sees them: the bytes they send and the rules by which they read answers.

The Go CLI's exact headers and its decoder (encoding/json into typed structs: what does not fit looks like an outage to its
user), the n8n node's and the docs' curl calls. From public sources; see tests/api/test_clients.py.
"""
import datetime
import http.client
import json
import re
import subprocess
import urllib.parse

# --- Go's encoding/json into typed structs ---


class Mismatch(AssertionError):
    """Go would say: json: cannot unmarshal ... into Go struct field; the CLI then shows `network_error` and exits with 6."""


STRING, INT, FLOAT, BOOL, TIME, RAW = "string", "int", "float", "bool", "time.Time", "interface{}"


class Number(str):
    """As it stands in the text: Go takes 1 but not 1.0 into an int."""


def go_parse(text):
    return json.loads(text, parse_int=Number, parse_float=Number)


def go_decode(value, kind, at="$"):
    """`kind`: one of the words above, [kind] for a slice, {name: kind} for a struct; null leaves the zero value."""
    def no(what):
        raise Mismatch(f"{at}: {type(value).__name__} does not go into {what}")

    if isinstance(kind, list):
        if value is None:
            return []
        if not isinstance(value, list):
            no("a slice")
        return [go_decode(v, kind[0], f"{at}[{i}]") for i, v in enumerate(value)]
    if isinstance(kind, dict):
        if value is None:
            return {name: go_decode(None, k) for name, k in kind.items()}
        if not isinstance(value, dict):
            no("a struct")
        lower = {name.lower(): v for name, v in value.items()}  # Go folds case, the last one wins
        return {name: go_decode(lower.get(name.lower()), k, f"{at}.{name}") for name, k in kind.items()}
    if kind == RAW:
        return value
    if value is None:
        return {STRING: "", INT: 0, FLOAT: 0.0, BOOL: False, TIME: None}[kind]
    if kind == STRING and (not isinstance(value, str) or isinstance(value, Number)):
        no(kind)
    if kind == BOOL and not isinstance(value, bool):
        no(kind)
    if kind == INT and not (isinstance(value, Number) and re.fullmatch(r"-?\d+", value)):
        no(kind)
    if kind == FLOAT and not isinstance(value, Number):
        no(kind)
    if kind == TIME:
        if isinstance(value, Number) or not isinstance(value, str) or not re.fullmatch(
                r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", value):
            no(kind)
        return datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
    return {STRING: str, INT: int, FLOAT: float, BOOL: bool}[kind](value)


ERROR = {"error": STRING}
VALIDATION = {"error": STRING, "details": [{"field": STRING, "message": STRING}]}
SECRET = {"id": STRING, "name": STRING, "createdAt": TIME}
STATS = {"createdAt": TIME, "updatedAt": TIME, "startedAt": TIME, "finishedAt": TIME, "errorAt": TIME, "totalAssets": INT,
         "renderDuration": FLOAT, "error": STRING}
JOB = {"id": STRING, "templateId": STRING, "status": STRING, "progress": FLOAT, "stats": STATS, "outputUrl": STRING}
CHILD = {"id": STRING, "status": STRING, "outputUrl": STRING, "missingFonts": [STRING]}
CREATED = {"id": STRING, "status": STRING, "outputUrl": STRING, "children": [CHILD], "missingFonts": [STRING]}
UPLOAD_INFO = {"url": STRING, "method": STRING, "expiresIn": INT, "key": STRING}
TEMPLATE = {"id": STRING, "type": STRING, "displayName": STRING, "status": STRING, "createdAt": TIME, "updatedAt": TIME,
            "compositions": [STRING], "layers": [STRING], "mogrt": RAW, "error": STRING, "uploadInfo": UPLOAD_INFO}
TEMPLATE_3 = {"id": STRING, "type": STRING, "displayName": STRING, "status": STRING, "createdAt": TIME, "updatedAt": TIME}
FONT = {"id": STRING, "familyName": STRING, "fileName": STRING, "createdAt": TIME}
BATCH_CREATED = {"batchId": STRING, "status": STRING, "totalJobs": INT, "successCount": INT,
                 "jobs": [{"index": INT, **CHILD}], "errors": [{"index": INT, "error": STRING, "errorCode": STRING}]}
BATCH = {"batchId": STRING, "status": STRING, "stats": {"total": INT, "finished": INT, "error": INT, "pending": INT},
         "jobs": [{"index": INT, "id": STRING, "status": STRING, "outputUrl": STRING, "stats": STATS}]}
BATCH_CANCELLED = {"batchId": STRING, "status": STRING, "totalJobs": INT, "cancelledCount": INT, "skippedCount": INT,
                   "jobs": [{"index": INT, "id": STRING, "result": STRING, "status": STRING, "reason": STRING}],
                   "cancelledJobs": [JOB]}

EXITS = {400: 9, 422: 9, 401: 3, 403: 3, 404: 4, 410: 4, 409: 5, 408: 8, 504: 8}


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()
        self.type = response.headers.get("Content-Type", "")

    def decode(self, kind, status=200):
        """As the generated client does: only what says json and has the status of the specification."""
        assert self.status == status, (self.status, self.body)
        assert "json" in self.type, self.type
        return go_decode(go_parse(self.body), kind)

    def exit(self):
        """The exit code of the CLI for a failure, once its decoder has taken the error."""
        assert self.status >= 400, (self.status, self.body)
        assert "json" in self.type, self.type
        said = go_decode(go_parse(self.body), VALIDATION if self.status == 400 else ERROR)
        assert said["error"], self.body
        assert re.fullmatch(r"[0-9A-Z]{26}", self.headers["X-Request-Id"])
        return EXITS.get(self.status, 7)


def go_json(value):
    """json.Marshal: no blanks, and <, > and & escaped."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    for raw, escaped in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"), ("\u2028", "\\u2028"), ("\u2029", "\\u2029")):
        text = text.replace(raw, escaped)
    return text.encode()


def send(url, method, headers, body=None):
    """Exactly these headers, in this order."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    try:
        connection.putrequest(method, parts.path + ("?" + parts.query if parts.query else ""), skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        return Answer(connection.getresponse())
    finally:
        connection.close()


class GoCli:
    """`nexrender` (Go): base ends in /api/v2; the root of v3 is what stands before a trailing /v2."""

    def __init__(self, base, token):
        self.base, self.token = base.strip().rstrip("/"), token
        self.root = self.base.removesuffix("/v2")
        self.host = urllib.parse.urlsplit(base).netloc

    def call(self, method, path, value=None, body=None, content_type="application/json", root=None, bearer=True):
        headers = {"Host": self.host, "User-Agent": "nexrender-cli"}
        if value is not None:
            body = go_json(value)
        if body is not None or method in ("POST", "PATCH", "PUT"):
            headers["Content-Length"] = str(len(body or b""))
        if bearer:
            headers["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            headers["Content-Type"] = content_type
        headers["Accept-Encoding"] = "gzip"
        return send((root or self.base) + path, method, headers, body)

    def v3(self, path):
        return self.call("GET", "/v3" + path, root=self.root)


class N8n:
    """The node: Accept and User-Agent of n8n's helper; it sends what was refused with 401 a second time."""

    def __init__(self, domain, token):
        self.domain, self.token = domain, token
        self.host = urllib.parse.urlsplit(domain).netloc

    def call(self, method, path, value=None, headers=None):
        body = None if value is None else json.dumps(value).encode()
        fields = {"Host": self.host, "Accept": "application/json", "User-Agent": "n8n", "Authorization": f"Bearer {self.token}",
                  **({"Content-Type": "application/json", "Content-Length": str(len(body))} if body is not None else {}),
                  **(headers or {})}
        answer = send(self.domain + path, method, fields, body)
        return send(self.domain + path, method, fields, body) if answer.status == 401 else answer

    @staticmethod
    def shown(answer):
        """What becomes of an error in the editor."""
        said = json.loads(answer.body)
        return f"HTTP {answer.status}: " + next(said[k] for k in ("error", "message", "detail") if isinstance(said.get(k), str))


TTF = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"


def font_form(data, name="DejaVuSans.ttf", family=None):
    line = "6f1d7a0e8c5b4a3f9e2d1c0b"
    body = b"".join(
        [f'--{line}\r\nContent-Disposition: form-data; name="familyName"\r\n\r\n{family}\r\n'.encode()] if family else []) + (
        f'--{line}\r\nContent-Disposition: form-data; name="font"; filename="{name}"\r\n'
        f"Content-Type: application/octet-stream\r\n\r\n").encode() + data + f"\r\n--{line}--\r\n".encode()
    return body, f"multipart/form-data; boundary={line}"


def curl(*words, token=None, stdin=None):
    """The real curl, as the docs and the skill's scripts call it; returns (status, body)."""
    command = ["curl", "-sS", "-w", "\n%{http_code}", *(["-H", f"Authorization: Bearer {token}"] if token else []), *map(str, words)]
    done = subprocess.run(command, capture_output=True, timeout=60, input=stdin)
    assert done.returncode in (0, 22), done.stderr
    body, _, status = done.stdout.rpartition(b"\n")
    return int(status), body
