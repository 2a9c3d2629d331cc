"""What the server makes of bytes that no well-behaved client sends.

Every case names the exact bytes and the required outcome: the statuses of all answers in order, and whether the
connection is closed. A case marked accepted_by_library is one that libmicrohttpd 0.9.75 gives no way to refuse;
its outcome is written down here and in docs/THREATS.md.
"""
import contextlib
import json
import secrets
import socket
import ssl
import time

import pytest

from test_processes import certificate

LIMIT = 512 * 1024  # JSON_BODY_MAX_BYTES
QUIET = 0.3  # nothing more is coming when nothing came for so long


class Raw:
    """One connection that says what it is told."""

    def __init__(self, server):
        self.socket = socket.create_connection((server.host, server.port), timeout=20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def say(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused early; the answer may still be there

    def hear(self, enough=lambda data: False, quiet=QUIET):
        """(bytes, closed): until the peer closes, `enough`, or silence."""
        data = b""
        self.socket.settimeout(quiet)
        try:
            while not enough(data):
                piece = self.socket.recv(65536)
                if not piece:
                    return data, True
                data += piece
        except socket.timeout:
            return data, False
        except ConnectionResetError:
            return data, True
        return data, False


class RawTls(Raw):
    """The same over TLS, which can end its own half alone."""

    def __init__(self, server):
        super().__init__(server)
        self.socket.settimeout(60)
        self.came, self.goes = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.tls = context.wrap_bio(self.came, self.goes)
        self.until_done(self.tls.do_handshake)

    def until_done(self, call, *args):
        while True:
            try:
                return call(*args)
            except ssl.SSLWantReadError:
                self.flush()
                piece = self.socket.recv(65536)
                if not piece:
                    self.came.write_eof()
                self.came.write(piece)

    def flush(self):
        self.socket.sendall(self.goes.read())

    def say(self, data):
        self.tls.write(data)
        self.flush()

    def end(self):
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        self.flush()

    def hear(self):
        data = b""
        with contextlib.suppress(ssl.SSLZeroReturnError, ssl.SSLEOFError):
            while piece := self.until_done(self.tls.read, 65536):
                data += piece
        return data


def answers(data):
    """[(status, fields, body)] of all answers in order."""
    found = []
    while data:
        head, separator, data = data.partition(b"\r\n\r\n")
        assert separator and head.startswith(b"HTTP/1.1 "), f"not an answer: {head[:80]!r}"
        lines = head.split(b"\r\n")
        status = int(lines[0].split()[1])
        fields = {k.strip().lower(): v.strip() for k, v in (line.split(b":", 1) for line in lines[1:])}
        length = int(fields.get(b"content-length", b"0"))
        found.append((status, fields, data[:length]))
        data = data[length:]
    return found


def whole(data):
    """How many answers are all there."""
    count = 0
    while (end := data.find(b"\r\n\r\n")) >= 0:
        head, data = data[:end].lower(), data[end + 4:]
        length = int(head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0] or b"0")
        if len(data) < length:
            break
        data, count = data[length:], count + 1
    return count


def hear_all(raw, count=1):
    """So many answers, however long they take, and what comes behind them."""
    heard, closed = raw.hear(lambda data: whole(data) >= count, quiet=20)
    more, closed = (b"", True) if closed else raw.hear()
    return heard + more, closed


def exchange(server, data, closes, count=1):
    with Raw(server) as raw:
        raw.say(data)
        return raw.hear(quiet=20) if closes else hear_all(raw, count)


def ask(server, data, closes):
    heard, closed = exchange(server, data, closes)
    return answers(heard), closed


def secret_body():
    return b'{"name":"RAW_%s","value":"v"}' % secrets.token_hex(8).encode()


# In the bytes: @AUTH@ is the Authorization line, @BODY@ a valid body (45 bytes), @NAME@ a part of its head.
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
LIST = b"GET /api/v2/secrets HTTP/1.1\r\nHost: x\r\n@AUTH@"
PUT = b"PUT /api/v2/secrets HTTP/1.1\r\nHost: x\r\n@AUTH@Content-Type: application/json\r\n"
SIZE = len(secret_body())
LENGTH = b"Content-Length: %d\r\n" % SIZE
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"%x\r\n@BODY@\r\n0\r\n\r\n" % SIZE

OPEN, CLOSED = False, True
accepted_by_library = True

CASES = [
    # name, bytes, statuses, closed[, accepted_by_library]
    # --- ordinary, if unusual ---
    ("plain request", HEALTH + b"\r\n", [200], OPEN),
    ("with a token", LIST + b"\r\n", [200], OPEN),
    ("without a token", b"GET /api/v2/secrets HTTP/1.1\r\nHost: x\r\n\r\n", [401], OPEN),
    ("body with a length", PUT + LENGTH + b"\r\n@BODY@", [201], OPEN),
    ("body in chunks", PUT + CHUNKED + b"\r\n" + CHUNKS, [201], OPEN),
    ("three pipelined requests", (HEALTH + b"\r\n") * 3, [200, 200, 200], OPEN),
    ("pipelined behind a body", PUT + LENGTH + b"\r\n@BODY@" + HEALTH + b"\r\n", [201, 200], OPEN),
    ("pipelined behind chunks", PUT + CHUNKED + b"\r\n" + CHUNKS + HEALTH + b"\r\n", [201, 200], OPEN),
    ("body on a GET is not the next request", HEALTH + b"Content-Length: 31\r\n\r\nDELETE /api/v2/secrets/x HTTP/1", [200], OPEN),
    ("HTTP/1.0", b"GET /healthz HTTP/1.0\r\n\r\n", [200], CLOSED),
    ("Connection: close", HEALTH + b"Connection: close\r\n\r\n", [200], CLOSED),
    # --- two framings ---
    ("length and chunked", PUT + LENGTH + CHUNKED + b"\r\n" + CHUNKS, [400], CLOSED),
    ("chunked and length", PUT + CHUNKED + LENGTH + b"\r\n" + CHUNKS, [400], CLOSED),
    ("two different lengths", PUT + LENGTH + b"Content-Length: 5\r\n\r\n@BODY@", [400], CLOSED),
    ("the same length twice", PUT + LENGTH + LENGTH + b"\r\n@BODY@", [400], CLOSED),
    ("a list of lengths", PUT + b"Content-Length: 45, 45\r\n\r\n@BODY@", [400], CLOSED),
    ("smuggled request behind two framings", PUT + b"Content-Length: 4\r\n" + CHUNKED + b"\r\n0\r\n\r\nDELETE /api/v2/secrets/x HTTP/1.1\r\nHost: x\r\n@AUTH@\r\n", [400], CLOSED),
    # --- odd lengths ---
    ("length +11", PUT + b"Content-Length: +11\r\n\r\n@BODY@", [400], CLOSED),
    ("length 11abc", PUT + b"Content-Length: 11abc\r\n\r\n@BODY@", [400], CLOSED),
    ("negative length", PUT + b"Content-Length: -1\r\n\r\n@BODY@", [400], CLOSED),
    ("hexadecimal length", PUT + b"Content-Length: 0x2d\r\n\r\n@BODY@", [400], CLOSED),
    ("empty length", PUT + b"Content-Length:\r\n\r\n@BODY@", [400], CLOSED),
    ("length beyond 64 bits", PUT + b"Content-Length: 184467440737095516160\r\n\r\n", [413], CLOSED),
    ("length beyond 63 bits", PUT + b"Content-Length: 9223372036854775808\r\n\r\n", [400], CLOSED),
    ("10 MB announced", PUT + b"Content-Length: 10485760\r\n\r\n", [413], CLOSED),
    ("one over the limit", PUT + b"Content-Length: %d\r\n\r\n" % (LIMIT + 1), [413], CLOSED),
    # --- odd codings and chunks ---
    ("coding xchunked", PUT + b"Transfer-Encoding: xchunked\r\n\r\n" + CHUNKS, [400], CLOSED),
    ("coding chunked, identity", PUT + b"Transfer-Encoding: chunked, identity\r\n\r\n" + CHUNKS, [400], CLOSED),
    ("coding identity", PUT + b"Transfer-Encoding: identity\r\n\r\n@BODY@", [400], CLOSED),
    ("coding with a vertical tab", PUT + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + CHUNKS, [400], CLOSED),
    ("coding twice", PUT + CHUNKED + CHUNKED + b"\r\n" + CHUNKS, [400], CLOSED),
    ("coding in HTTP/1.0", b"PUT /api/v2/secrets HTTP/1.0\r\nHost: x\r\n@AUTH@" + CHUNKED + b"\r\n" + CHUNKS, [400], CLOSED),
    ("chunk size overflow", PUT + CHUNKED + b"\r\n10000000000000001\r\n", [413], CLOSED),
    ("negative chunk size", PUT + CHUNKED + b"\r\n-5\r\nhello\r\n0\r\n\r\n", [400], CLOSED),
    ("chunk size with 0x", PUT + CHUNKED + b"\r\n0x5\r\nhello\r\n0\r\n\r\n", [400], CLOSED),
    ("chunk longer than its size", PUT + CHUNKED + b"\r\n2\r\nhello\r\n0\r\n\r\n", [400], CLOSED),
    ("chunks over the limit", PUT + CHUNKED + b"\r\n" + b"10000\r\n" + b"a" * 65536 + b"\r\n" + (b"10000\r\n" + b"a" * 65536 + b"\r\n") * 8, [413], CLOSED),
    ("gzip body", PUT + LENGTH + b"Content-Encoding: gzip\r\n\r\n@BODY@", [415], CLOSED),
    # --- fields ---
    ("space before colon", HEALTH + b"X-A : b\r\n\r\n", [400], CLOSED),
    ("tab before colon", PUT + b"Transfer-Encoding\t: chunked\r\n\r\n" + CHUNKS, [400], CLOSED),
    ("folded field", HEALTH + b"X-A: b\r\n c\r\n\r\n", [400], CLOSED),
    ("folded coding", PUT + b"Transfer-Encoding:\r\n chunked\r\n\r\n" + CHUNKS, [400], CLOSED),
    ("bare LF lines", b"GET /healthz HTTP/1.1\nHost: x\n\n", [400], CLOSED),
    ("one bare LF", b"GET /healthz HTTP/1.1\r\nHost: x\nX-A: b\r\n\r\n", [400], CLOSED),
    ("bare CR", HEALTH + b"X-A: b\rX-B: c\r\n\r\n", [400], CLOSED),
    ("NUL in a value", HEALTH + b"X-A: b\0c\r\n\r\n", [400], CLOSED),
    ("NUL in a token", b"GET /api/v2/secrets HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\0b\r\n\r\n", [400], CLOSED),
    ("NUL in a name", HEALTH + b"X\0A: b\r\n\r\n", [400], CLOSED),
    ("no colon", HEALTH + b"X-A\r\n\r\n", [400], CLOSED),
    ("empty name", HEALTH + b": b\r\n\r\n", [400], CLOSED),
    ("pseudo field", HEALTH + b":authority: y\r\n\r\n", [400], CLOSED),
    ("field of 64 KB", HEALTH + b"X-A: " + b"a" * 65536 + b"\r\n\r\n", [431], CLOSED),
    ("500 fields", HEALTH + b"".join(b"X-%d: b\r\n" % i for i in range(500)) + b"\r\n", [431], CLOSED),
    ("two hosts", HEALTH + b"Host: y\r\n\r\n", [400], CLOSED),
    ("no host", b"GET /healthz HTTP/1.1\r\n\r\n", [400], CLOSED),
    ("two authorizations", b"GET /api/v2/secrets HTTP/1.1\r\nHost: x\r\n@AUTH@Authorization: Bearer x\r\n\r\n", [400], CLOSED),
    ("two tokens in one field", b"GET /api/v2/secrets HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer @TOKEN@, Bearer x\r\n\r\n", [401], OPEN),
    ("Expect: 200-ok", PUT + LENGTH + b"Expect: 200-ok\r\n\r\n", [417], CLOSED),
    # --- the first line ---
    ("absolute form", b"GET http://x/healthz HTTP/1.1\r\nHost: x\r\n\r\n", [400], CLOSED),
    ("target of 9 KB", b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", [414], CLOSED),
    ("NUL in the target", b"GET /healthz\0 HTTP/1.1\r\nHost: x\r\n\r\n", [400], CLOSED),
    ("two blanks", b"GET  /healthz HTTP/1.1\r\nHost: x\r\n\r\n", [400], CLOSED),
    ("HTTP/0.9", b"GET /healthz\r\n\r\n", [400], CLOSED),
    ("HTTP/1.9", b"GET /healthz HTTP/1.9\r\nHost: x\r\n\r\n", [400], CLOSED),
    ("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [505], CLOSED),
    ("TRACE", b"TRACE /api/v2/secrets HTTP/1.1\r\nHost: x\r\n@AUTH@\r\n", [405], OPEN),
    ("OPTIONS", b"OPTIONS /api/v2/secrets HTTP/1.1\r\nHost: x\r\n\r\n", [405], OPEN),
    ("unknown method", b"STEAL /api/v2/secrets HTTP/1.1\r\nHost: x\r\n@AUTH@\r\n", [501], CLOSED),
    ("method override", b"POST /api/v2/secrets/x HTTP/1.1\r\nHost: x\r\n@AUTH@X-HTTP-Method-Override: DELETE\r\nContent-Length: 0\r\n\r\n", [405], OPEN),
    ("empty id", b"DELETE /api/v2/secrets/ HTTP/1.1\r\nHost: x\r\n@AUTH@\r\n", [404], OPEN),
    ("id of dots", b"DELETE /api/v2/secrets/%2e%2e HTTP/1.1\r\nHost: x\r\n@AUTH@\r\n", [404], OPEN),
    ("id with an encoded slash", b"DELETE /api/v2/secrets/a%2fb HTTP/1.1\r\nHost: x\r\n@AUTH@\r\n", [404], OPEN),
    ("id with an encoded NUL", b"DELETE /api/v2/secrets/a%00 HTTP/1.1\r\nHost: x\r\n@AUTH@\r\n", [404], OPEN),
    ("binary noise", bytes(range(128, 256)) + b"\r\n\r\n", [], CLOSED),
    # --- what the library does not let us see ---
    ("blank lines first", b"\r\n\r\n" + HEALTH + b"\r\n", [200], OPEN, accepted_by_library),
    ("bare LF first", b"\n" + HEALTH + b"\r\n", [200], OPEN, accepted_by_library),
    ("bare LF behind a chunk size", PUT + CHUNKED + b"\r\n%x\n@BODY@\r\n0\r\n\r\n" % SIZE, [201], OPEN, accepted_by_library),
    ("bare LF behind a chunk", PUT + CHUNKED + b"\r\n%x\r\n@BODY@\n0\r\n\r\n" % SIZE, [201], OPEN, accepted_by_library),
    ("bare LF in the last lines", PUT + CHUNKED + b"\r\n%x\r\n@BODY@\r\n0\n\n" % SIZE, [201], OPEN, accepted_by_library),
    ("chunk extension is ignored", PUT + CHUNKED + b"\r\n%x;a=b\r\n@BODY@\r\n0\r\n\r\n" % SIZE, [201], OPEN, accepted_by_library),
    ("trailer fields are ignored", PUT + CHUNKED + b"\r\n%x\r\n@BODY@\r\n0\r\nContent-Length: 3\r\nAuthorization: Bearer x\r\n folded\r\n\r\n" % SIZE, [201], OPEN, accepted_by_library),
]

# Answered by the library itself, before the request reaches us: HTML, without X-Request-Id, and for an odd
# Content-Length with its head twice. The status and the close are right.
CANNED = {"length +11", "length 11abc", "negative length", "hexadecimal length", "empty length",
          "length beyond 64 bits", "a list of lengths", "chunk size overflow", "negative chunk size",
          "chunk size with 0x", "chunk longer than its size", "no colon", "NUL in a name", "field of 64 KB",
          "500 fields", "HTTP/0.9", "HTTP/2 preface", "binary noise"}


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_case_has_its_outcome(server, case):
    name, data, statuses, closes = case[:4]
    data = (data.replace(b"@AUTH@", b"Authorization: Bearer @TOKEN@\r\n")
            .replace(b"@TOKEN@", server.token.encode()).replace(b"@BODY@", secret_body()))
    heard, closed = exchange(server, data, closes, len(statuses))
    assert closed == closes
    assert server.token.encode() not in heard and b"\r\nServer:" not in heard
    got = [] if name in CANNED else answers(heard)
    if name in CANNED:
        assert ([int(heard.split()[1])] if heard else []) == statuses
    else:
        assert [status for status, _, _ in got] == statuses
    for status, fields, body in got:
        assert fields[b"x-content-type-options"] == b"nosniff"
        assert len(fields[b"x-request-id"]) == 26
        if status >= 400:
            assert fields[b"cache-control"] == b"no-store"
            assert body.startswith(b'{"error":"') and b'"code":"' in body
    # and the server goes on
    assert ask(server, HEALTH + b"Connection: close\r\n\r\n", True)[0][0][0] == 200


def put(server, more=b"", length=SIZE):
    return (b"PUT /api/v2/secrets HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n%s\r\n" % (server.token.encode(), length, more))


def test_request_split_into_single_bytes(server):
    with Raw(server) as raw:
        for byte in put(server) + secret_body():
            raw.say(bytes([byte]))
        heard, closed = hear_all(raw)
    assert [a[0] for a in answers(heard)] == [201] and not closed


def test_half_closed_client_gets_its_answer(server):
    """Many at once: the end reaches the server before, while and after the answer is made."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Raw(server)) for _ in range(40)]
        for raw in clients:
            raw.say(put(server) + secret_body())
            raw.socket.shutdown(socket.SHUT_WR)
        for raw in clients:
            heard, closed = raw.hear(quiet=20)
            (status, fields, body), = answers(heard)
            assert status == 201 and fields[b"x-request-id"] and json.loads(body)["id"] and closed


def test_half_closed_over_tls_a_long_answer_is_whole(fresh, folder):
    """close_notify is an end of one half, too; the answer is longer than a record of TLS holds."""
    cert, key = certificate(folder, "half")
    s = fresh("--tls-cert", str(cert), "--tls-key", str(key))
    jobs = json.dumps({"jobs": [{"engine": "x", "template": {"id": "T"}}] * 60}).encode()
    request = (b"POST /api/v2/batches HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
               b"Authorization: Bearer %s\r\n\r\n" % (len(jobs), s.token.encode())) + jobs
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(RawTls(s)) for _ in range(12)]
        for raw in clients:
            raw.say(request)
            raw.end()
        for raw in clients:
            (status, fields, body), = answers(raw.hear())
            assert status == 201 and len(body) == int(fields[b"content-length"]) > 16384 and fields[b"date"]


def test_continue_is_sent_when_the_body_is_wanted(server):
    with Raw(server) as raw:
        raw.say(put(server, b"Expect: 100-continue\r\n"))
        heard, _ = raw.hear(lambda data: data.endswith(b"\r\n\r\n"), quiet=20)
        assert heard.startswith(b"HTTP/1.1 100 ")
        raw.say(secret_body())
        heard, closed = hear_all(raw)
    assert [a[0] for a in answers(heard)] == [201] and not closed


@pytest.mark.parametrize("token, length, status", [(b"wrong", SIZE, 401), (None, 10485760, 413)])
def test_continue_is_not_sent_when_the_body_is_refused(server, token, length, status):
    with Raw(server) as raw:
        raw.say(put(server, b"Expect: 100-continue\r\n", length).replace(server.token.encode(), token or server.token.encode()))
        heard, closed = raw.hear(quiet=20)
    assert [a[0] for a in answers(heard)] == [status] and closed


def test_token_is_asked_for_before_the_body(server):
    start = time.monotonic()
    got, closed = ask(server, b"PUT /api/v2/secrets HTTP/1.1\r\nHost: x\r\nContent-Length: 400000\r\n\r\n", True)
    assert got[0][0] == 401 and closed and time.monotonic() - start < 20
    assert got[0][1][b"www-authenticate"] == b"Bearer"


def test_refusal_of_10_mb_reaches_a_client_that_keeps_sending(server):
    with Raw(server) as raw:
        start = time.monotonic()
        raw.say(put(server, length=10485760))
        heard, _ = raw.hear(lambda data: data.endswith(b"}"), quiet=20)
        assert answers(heard)[0][0] == 413 and time.monotonic() - start < 20
    with Raw(server) as raw:
        raw.say(put(server, length=10485760))
        for _ in range(40):
            raw.say(b"a" * 65536)
        heard, closed = raw.hear(quiet=20)
    assert [a[0] for a in answers(heard)] == [413] and closed


def test_vanishing_clients_leave_nothing(server):
    for cut in range(0, 200, 7):
        with Raw(server) as raw:
            raw.say((put(server) + secret_body())[:cut])
    assert ask(server, HEALTH + b"\r\n", False)[0][0][0] == 200


def healthy_within(server, seconds):
    start = time.monotonic()
    assert ask(server, HEALTH + b"Connection: close\r\n\r\n", True)[0][0][0] == 200
    return time.monotonic() - start < seconds


def test_800_half_open_connections_cost_others_nothing(server):
    crowd = [Raw(server) for _ in range(800)]
    try:
        for raw in crowd:
            raw.say(b"GET /healthz HTTP/1.1\r\nHo")
        assert all(healthy_within(server, 10) for _ in range(20))
    finally:
        for raw in crowd:
            raw.socket.close()


def test_half_open_connections_are_dropped(server_short_deadlines):
    server = server_short_deadlines
    crowd = [Raw(server) for _ in range(100)]
    for raw in crowd:
        raw.say(b"GET /healthz HTTP/1.1\r\nHo")
    for raw in crowd:
        heard, closed = raw.hear(quiet=20)
        assert closed and heard == b""
        raw.socket.close()
    assert healthy_within(server, 10)


DRIPS = {
    "first line": (lambda s: b"", b"GET /healthz HTTP/1.1\r\n"),
    "fields": (lambda s: b"GET /healthz HTTP/1.1\r\n", b"X-A: b\r\n" * 100),
    "body": (lambda s: put(s, length=1000), b"a" * 1000),
    "chunks": (lambda s: put(s).replace(b"Content-Length: %d" % SIZE, b"Transfer-Encoding: chunked"), b"1\r\na\r\n" * 100),
}


@pytest.mark.parametrize("kind", DRIPS)
def test_drip_of_bytes_is_dropped_at_the_deadline(server_short_deadlines, kind):
    server = server_short_deadlines
    first, drip = DRIPS[kind]
    start, closed, at = time.monotonic(), False, 0
    with Raw(server) as raw:
        raw.say(first(server))
        while not closed and time.monotonic() - start < 30:
            raw.say(drip[at:at + 1])
            at += 1
            _, closed = raw.hear(quiet=0.5)
        assert closed and time.monotonic() - start > 1.5
    assert healthy_within(server, 10)


def test_body_that_moves_is_not_dropped(fresh):
    server = fresh("--body-progress-ms", "4000")
    body = b'{"name":"MOVES_%s","value":"v"' % secrets.token_hex(8).encode() + b" " * 160000 + b"}"
    with Raw(server) as raw:
        raw.say(put(server, length=len(body)))
        for at in range(0, len(body), 16000):
            raw.say(body[at:at + 16000])
            time.sleep(0.5)
        heard, _ = raw.hear(lambda data: data.endswith(b"}"), quiet=20)
    assert answers(heard)[0][0] == 201
