"""A strict reader of Prometheus' text format: what a page may be, and nothing that only looks like it."""
import math
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'


def read(text):
    """{metric: {"type", "help", "samples": {(name, labels as sorted pairs): value}}}; asserts that the page is well-formed."""
    assert text.endswith("\n") and "\r" not in text and "\n\n" not in text
    metrics, current = {}, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            _, _, name, said = line.split(" ", 3)
            assert re.fullmatch(NAME, name) and name not in metrics and said
            current = metrics[name] = {"help": said, "type": None, "samples": {}}
            last = name
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == last and current["type"] is None and kind in ("counter", "gauge", "histogram")
            current["type"] = kind
        else:
            m = re.fullmatch(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (\S+)", line)
            assert m and current and current["type"], line
            name, labels, value = m.group(1), re.findall(LABEL, m.group(2) or ""), float(m.group(m.lastindex))
            ends = ("_bucket", "_sum", "_count") if current["type"] == "histogram" else ("",)
            assert name in [last + e for e in ends], line
            key = (name, tuple(sorted(labels)))
            assert key not in current["samples"] and len({l for l, _ in labels}) == len(labels), line
            assert not math.isnan(value) and (current["type"] == "gauge" or value >= 0), line
            current["samples"][key] = value
    for name, m in metrics.items():
        assert m["type"], name
        if m["type"] == "histogram":
            check_histogram(name, m["samples"])
    return metrics


def check_histogram(name, samples):
    bounds = [(float(dict(labels)["le"]), value) for (n, labels), value in samples.items() if n == name + "_bucket"]
    assert bounds == sorted(bounds) and [v for _, v in bounds] == sorted(v for _, v in bounds), name
    assert bounds[-1][0] == math.inf and bounds[-1][1] == samples[(name + "_count", ())], name
    assert (name + "_sum", ()) in samples


def value(page, name, **labels):
    """A sample, or 0: a series that has not begun."""
    base = re.sub(r"_(bucket|sum|count)$", "", name) if name not in page else name
    return page[base]["samples"].get((name, tuple(sorted(labels.items()))), 0)
