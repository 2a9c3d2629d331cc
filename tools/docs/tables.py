"""The tables in the source, as lists."""
import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]


def source(path):
    return (ROOT / path).read_text()


def without_comments(text):
    return re.sub(r"/\*.*?\*/", "", text, flags=re.S)


def arguments(text):
    """The arguments of one macro call: C strings joined and unquoted, everything else as written."""
    found, at = [], 0
    pattern = re.compile(r'\s*((?:"(?:[^"\\]|\\.)*"\s*)+|[^,"]+?)\s*(?:,|$)', re.S)
    while at < len(text):
        m = pattern.match(text, at)
        if not m:
            raise ValueError(f"not understood: {text[at:at + 60]}")
        raw = m.group(1)
        found.append("".join(json.loads(s) for s in re.findall(r'"(?:[^"\\]|\\.)*"', raw)) if raw.startswith('"') else raw)
        at = m.end()
    return found


def calls(path, macro):
    """[(macro's name, its arguments)] of a .def file."""
    found, text = [], without_comments(source(path))
    for m in re.finditer(rf"^({macro})\(", text, re.M):
        depth, at, quoted = 1, m.end(), False
        while depth:
            c = text[at]
            if c == "\\" and quoted:
                at += 1
            elif c == '"':
                quoted = not quoted
            elif not quoted:
                depth += {"(": 1, ")": -1}.get(c, 0)
            at += 1
        found.append((m.group(1), arguments(text[m.end():at - 1])))
    if not found:
        raise ValueError(f"{path}: no {macro}(...)")
    return found


def errors():
    """[(name, status, code, text)]"""
    return [(a[0], int(a[1]), a[2], a[3]) for _, a in calls("src/base/err.def", "ERR")]


def events():
    """[(event, what it says)]"""
    return [(a[1], a[2]) for _, a in calls("src/store/audit.def", "AUDIT")]


def settings():
    """[(name, default, what it does, type)]"""
    found = []
    for macro, a in calls("src/server/config.def", r"CONFIG_\w+"):
        texts = a[1:]
        found.append((texts[0], texts[1], a[-1], macro.removeprefix("CONFIG_")))
    return found


def limits():
    """[(name, value, reason)] of limit.h; a reason before a group of lines is that of the first."""
    found, reason = [], ""
    text = source("src/base/limit.h")
    body = text[text.index("#define BASE_LIMIT_H") + len("#define BASE_LIMIT_H"):]
    pattern = re.compile(r"/\*(?P<comment>.*?)\*/|^#define (?P<name>\w+)[ \t]+(?P<value>(?:[^\n/]|/(?!\*)|\\\n)+)(?P<tail>/\*.*?\*/)?", re.S | re.M)
    for m in pattern.finditer(body):
        if m["name"] is None:
            reason = tidy(m["comment"])
            continue
        found.append((m["name"], " ".join(m["value"].replace("\\\n", " ").split()), tidy(m["tail"][2:-2]) if m["tail"] else reason))
        reason = ""
    return found


def tidy(comment):
    return " ".join(re.sub(r"^\s*\*\s?", "", line).strip() for line in comment.strip().splitlines()).strip()


def amount(expression, known):
    """A limit's value as a number, or None when it is not one: constants and arithmetic only."""
    text = re.sub(r"\(int64_t\)|\(uint64_t\)|\(size_t\)", "", expression)
    text = re.sub(r"\b(\d+|0x[0-9a-fA-F]+)(?:U|L|UL|LL|ULL)\b", r"\1", text)
    text = re.sub(r"\b[A-Z][A-Z0-9_]+\b", lambda m: str(known.get(m.group(0), m.group(0))), text)
    if not re.fullmatch(r"[\d\sxa-fA-F()*+/<>-]+", text):
        return None
    return int(eval(text.replace("/", "//"), {"__builtins__": {}}))  # digits and operators only, checked above
