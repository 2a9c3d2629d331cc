"""The pages of docs/reference/."""
import re

import api_page
from tables import amount, errors, events, limits, settings

MADE = "<!-- Written by tools/docs from {0}; change that, then run python3 tools/docs. -->\n"


def cell(text):
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def table(heads, rows):
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def errors_page():
    rows = [(f"`{code}`", str(status), cell(text) + ".") for name, status, code, text in errors() if name != "OK"]
    return (MADE.format("src/base/err.def") + "# Errors\n\n"
            "Every answer with a status of 400 or more is `{\"error\", \"code\", \"requestId\"}`, and `details` where a request is wrong in places:\n"
            "a list of `{\"field\", \"code\", \"message\"}`, `field` being a JSON pointer. `code` never changes its meaning; `error` is for people and\n"
            "quotes nothing of the request. The server's log has the `requestId`. How each call uses them: [API](../API.md).\n\n"
            + table(("code", "status", "what it says"), rows))


def in_words(name, value):
    """15728640 bytes is 15 MiB; 90000 ms is 90 s."""
    if name.endswith("_BYTES") or "_BYTES" in name:
        for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
            if value >= size and value % size == 0:
                return f"{value // size} {unit}"
        return f"{value} bytes"
    if name.endswith("_MS"):
        for unit, size in (("days", 86400000), ("h", 3600000), ("min", 60000), ("s", 1000)):
            if value >= size and value % size == 0 and (unit != "days" or value > size):
                return f"{value // size} {unit}"
        return f"{value} ms"
    if name.endswith("_DAYS"):
        return f"{value:,} days"
    return f"{value:,}"


def limits_page():
    known, rows = {}, []
    for name, expression, reason in limits():
        value = amount(expression, known)
        if value is None:
            raise ValueError(f"limit.h: {name} is no number: {expression}")
        known[name] = value
        said = cell(reason[:1].upper() + reason[1:]) + ("" if not reason or reason.endswith(".") else ".")
        rows.append((f"`{name}`", in_words(name, value), said))
    return (MADE.format("src/base/limit.h") + "# Limits\n\n"
            "What is larger, longer or more is refused with a status and a sentence, and changes nothing. Each limit has a test at the limit and\n"
            "one past it. Where a limit has a setting, the setting can only lower it.\n\n" + table(("limit", "value", "reason"), rows))


def events_page():
    rows = [(f"`{event}`", cell(text[:1].upper() + text[1:]) + ".") for event, text in events()]
    return (MADE.format("src/store/audit.def") + "# Audit events\n\n"
            "The audit log of a team is a chain: each record is bound to the one before by a MAC that only the vault can make. A record is stored\n"
            "in the same transaction as what it describes, or neither is. It names who, what and where, and holds nothing of a value. How to read it:\n"
            "[API](../API.md), section Audit.\n\n" + table(("event", "what happened"), rows))


def conffile():
    lines = ["# Settings of the Safelight server: name = value, one a line. What is commented out is the default.",
             "# A flag of `safelight serve` is stronger than SAFELIGHT_NAME in its environment, and that than this file.",
             "# Only root and the group safelight may read it.", ""]
    for name, default, doc, _ in settings():
        lines += [f"# {doc[:1].upper()}{doc[1:]}.", f"#{name} = {default}".rstrip(), ""]
    return "\n".join(lines[:-1]) + "\n"


def all_pages():
    return [("errors.md", errors_page()), ("limits.md", limits_page()), ("audit-events.md", events_page()),
            ("api.md", MADE.format("docs/openapi.json") + api_page.page(table, cell))]


