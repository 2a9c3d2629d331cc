"""The forms in which a value may stand in text, written a second time: with Python's own encoders and bash, not with
src/redact's. Each form gives (text, start, end): text[start:end] is what depends on the value."""
import base64
import html
import json
import os
import shlex
import subprocess
import urllib.parse
import xml.sax.saxutils


def every(pattern):
    """Each character of the text as pattern.format(its code point)."""
    return lambda v: "".join(pattern.format(ord(c)) for c in v.decode()).encode()


def units(pattern):
    def put(v):
        raw = v.decode().encode("utf-16-be")
        return "".join(pattern.format(int.from_bytes(raw[i:i + 2], "big")) for i in range(0, len(raw), 2)).encode()
    return put


def dumps(v, ascii_only=False):
    return json.dumps(v.decode(), ensure_ascii=ascii_only)[1:-1].encode()


def upper_escapes(text, lead, digits):
    """The digits behind each lead in upper case, but not what an escaped backslash leads."""
    out, i = bytearray(), 0
    while i < len(text):
        if text[i:i + 2] == b"\\\\" and lead[:1] == b"\\":
            out += text[i:i + 2]
            i += 2
        elif text.startswith(lead, i):
            out += lead + text[i + len(lead):i + len(lead) + digits].upper()
            i += len(lead) + digits
        else:
            out.append(text[i])
            i += 1
    return bytes(out)


def percent(v, safe="", plus=False, lower=False, twice=False):
    one = urllib.parse.quote_plus if plus else urllib.parse.quote
    for _ in range(2 if twice else 1):
        v = one(v, safe=safe).encode()
        if lower:
            v = b"".join(p if i == 0 else b"%" + p[:2].lower() + p[2:] for i, p in enumerate(v.split(b"%")))
    return v


def go_json(v):
    text = dumps(v)
    for c in "<>&\u2028\u2029":
        text = text.replace(c.encode(), f"\\u{ord(c):04x}".encode())
    return text


def dotnet_json(v):
    out = ""
    for c in v.decode():
        short = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f", "\\": "\\\\"}.get(c)
        plain = 0x20 <= ord(c) < 0x7f and c not in "\"'&+<>`\\"
        out += short or (c if plain else units("\\u{:04X}")(c.encode()).decode())
    return out.encode()


def php_json(v):
    text = dumps(v, ascii_only=True).replace(b"/", b"\\/")
    for c in "<>&":
        text = text.replace(c.encode(), f"\\u{ord(c):04X}".encode())
    return text


def bash(quoting, locale):
    def put(v):
        if b"\0" in v:
            return None
        env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": locale}
        done = subprocess.run(["bash", "-c", quoting, "bash", v], capture_output=True, env=env, check=True).stdout
        return done[2:-1] if done.startswith(b"$'") else done[1:-1] if done.startswith(b"'") else done
    return put


def prefixed(prefix, chars):
    return lambda v: b"".join(prefix + bytes([c]) if c in chars else bytes([c]) for c in v)


def utf16(order):
    return lambda v: v.decode().encode("utf-16-" + order)


def latin1(v):
    try:
        return v.decode().encode("latin-1")
    except UnicodeEncodeError:
        return None


def hexed(**how):
    sep, pre, up = how.get("sep", b""), how.get("pre", b""), how.get("up", False)
    return lambda v: sep.join(pre + (b"%02X" if up else b"%02x") % c for c in v)


SIMPLE = {
    "raw": lambda v: v,
    "reversed": lambda v: v[::-1],
    "JSON": dumps,
    "JSON, ASCII": lambda v: dumps(v, True),
    "JSON, ASCII, upper": lambda v: upper_escapes(dumps(v, True), b"\\u", 4),
    "JSON, slash": lambda v: dumps(v).replace(b"/", b"\\/"),
    "JSON, slash, ASCII": lambda v: dumps(v, True).replace(b"/", b"\\/"),
    "JSON, Go": go_json,
    "JSON, .NET": dotnet_json,
    "JSON, PHP": php_json,
    "JSON, all": units("\\u{:04x}"),
    "JSON, all, upper": units("\\u{:04X}"),
    "JSON in JSON": lambda v: dumps(dumps(v)),
    "JSON in JSON, ASCII": lambda v: dumps(dumps(v, True)),
    "percent": percent,
    "percent, lower": lambda v: percent(v, lower=True),
    "percent, path": lambda v: percent(v, safe="/"),
    "percent, JavaScript": lambda v: percent(v, safe="!'()*~"),
    "percent, encodeURI": lambda v: percent(v, safe=";,/?:@&=+$-_.!~*'()#"),
    "percent, form": lambda v: percent(v, plus=True),
    "percent, form, lower": lambda v: percent(v, plus=True, lower=True),
    "percent, browser's form": lambda v: percent(v, safe="*", plus=True).replace(b"~", b"%7E"),
    "percent, double": lambda v: percent(v, twice=True),
    "percent, double, lower": lambda v: percent(v, twice=True, lower=True),
    "percent, double form": lambda v: percent(v, plus=True, twice=True),
    "percent, all": hexed(pre=b"%", up=True),
    "percent, all, lower": hexed(pre=b"%"),
    "percent, all, double": hexed(pre=b"%25", up=True),
    "percent of JSON": lambda v: percent(dumps(v)),
    "HTML, Python": lambda v: html.escape(v.decode()).encode(),
    "HTML, no quotes": lambda v: html.escape(v.decode(), quote=False).encode(),
    "HTML, Go": lambda v: html.escape(v.decode()).replace("&quot;", "&#34;").replace("&#x27;", "&#39;").encode(),
    "HTML, PHP": lambda v: html.escape(v.decode()).replace("&#x27;", "&#039;").encode(),
    "HTML, double": lambda v: html.escape(html.escape(v.decode())).encode(),
    "XML": lambda v: xml.sax.saxutils.escape(v.decode(), {'"': "&quot;", "'": "&apos;"}).encode(),
    "XML, ASCII": lambda v: xml.sax.saxutils.escape(v.decode()).encode("ascii", "xmlcharrefreplace"),
    "HTML, all decimal": every("&#{};"),
    "HTML, all decimal, zeros": every("&#{:05d};"),
    "HTML, all hex": every("&#x{:02x};"),
    "HTML, all hex, upper": every("&#x{:02X};"),
    "HTML, all hex, zeros": every("&#x{:04X};"),
    "HTML, all hex, X": every("&#X{:02X};"),
    "shell, '...'": lambda v: v.replace(b"'", b"'\\''"),
    "shell, shlex": lambda v: shlex.quote("'" + v.decode())[6:-1].encode(),
    'shell, "..."': prefixed(b"\\", b'$`"\\'),
    "shell, printf %q": bash('printf %q "$1"', "C.UTF-8"),
    "shell, printf %q, bytes": bash('printf %q "$1"', "C"),
    "PowerShell, '...'": lambda v: v.replace(b"'", b"''"),
    "PowerShell, backtick": lambda v: prefixed(b"`", b'`$"')(v).replace(b"\n", b"`n").replace(b"\r", b"`r").replace(b"\t", b"`t"),
    "doubled quotes": lambda v: v.replace(b'"', b'""'),
    "Python's repr": lambda v: repr(v.decode())[1:-1].encode(),
    "Python's repr of bytes": lambda v: repr(v)[2:-1].encode(),
    "list of numbers": lambda v: str(list(v))[1:-1].encode(),
    "Buffer in JSON": lambda v: json.dumps(list(v), separators=(",", ":"))[1:-1].encode(),
    "hex": hexed(),
    "hex, upper": hexed(up=True),
    "hex, a:b": hexed(sep=b":"),
    "hex, a:b, upper": hexed(sep=b":", up=True),
    "hex, a b": hexed(sep=b" "),
    "hex, a-b, upper": hexed(sep=b"-", up=True),
    "hex, \\xab": hexed(pre=b"\\x"),
    "hex, 0xab, 0xab": hexed(pre=b"0x", sep=b", "),
    "UTF-16LE": utf16("le"),
    "UTF-16BE": utf16("be"),
    "Latin-1": latin1,
    "hex of UTF-16LE": lambda v: utf16("le")(v).hex().encode(),
    "hex of UTF-16BE": lambda v: utf16("be")(v).hex().upper().encode(),
}
# Of these the zero bytes at the ends say nothing of the value.
ZEROS = {"UTF-16LE": (b"\0", 1), "UTF-16BE": (b"\0", 1), "hex of UTF-16LE": (b"00", 2), "hex of UTF-16BE": (b"00", 2)}


def simple(name):
    def put(rng, v):
        text = SIMPLE[name](v)
        if text is None:
            return None
        start, end = 0, len(text)
        zero, width = ZEROS.get(name, (None, 0))
        while zero and text[start:start + width] == zero:
            start += width
        while zero and text[end - width:end] == zero:
            end -= width
        return text, start, end
    return put


def in_base64(inner, encode, columns=0, crlf=False, user=None):
    """The value among random neighbours, all of it in base64, in lines or not. Characters in which no bit of the
    value stands are not counted to it."""
    def put(rng, v):
        body = inner(v)
        skip = len(body) - len(body.lstrip(b"\0")) if inner is not raw else 0
        tail = len(body) - len(body.rstrip(b"\0")) if inner is not raw else 0
        before = user or rng.randbytes(rng.randrange(9))
        after = b"" if user else rng.randbytes(rng.randrange(6))
        if inner is not raw and len(before) % 2:
            before = before[1:]
        text = encode(before + body + after)
        first, last = len(before) + skip, len(before) + len(body) - tail
        start, end = first * 8 // 6, (last * 8 - 1) // 6 + 1
        shared = first * 8 % 6 != 0
        if not columns:
            return text, start, end
        eol = b"\r\n" if crlf else b"\n"
        lines = [text[i:i + columns] for i in range(0, len(text), columns)]
        if shared and (start + 1) % columns == 0:
            start += 1  # up to four bits at the very end of a line may stay
        where = lambda i: i + len(eol) * (i // columns)
        return eol.join(lines), where(start), where(end - 1) + 1
    return put


def raw(v):
    return v


def std(b):
    return base64.b64encode(b)


def url(b):
    return base64.urlsafe_b64encode(b).rstrip(b"=")


FORMS = {name: simple(name) for name in SIMPLE}
FORMS |= {
    "base64": in_base64(raw, std),
    "base64, no padding": in_base64(raw, lambda b: std(b).rstrip(b"=")),
    "base64url": in_base64(raw, url),
    "base64, lines of 76": in_base64(raw, std, 76),
    "base64, lines of 64, CRLF": in_base64(raw, std, 64, True),
    "base64, lines of 11": in_base64(raw, std, 11),
    "Basic of user:value": in_base64(raw, std, user=b"robot:"),
    "base64 of UTF-16LE": in_base64(utf16("le"), std),
    "base64 of UTF-16BE": in_base64(utf16("be"), std),
    "base64 of JSON": in_base64(dumps, std),
}


def in_lines(rng, text, start, end, base64ed):
    """The same, as a terminal of a few columns breaks it."""
    columns, eol = rng.randrange(5, 90), rng.choice([b"\n", b"\r\n"])
    if base64ed and (start + 1) % columns == 0:
        start += 1  # as above
    where = lambda i: i + len(eol) * (i // columns)
    return eol.join(text[i:i + columns] for i in range(0, len(text), columns)), where(start), where(end - 1) + 1
