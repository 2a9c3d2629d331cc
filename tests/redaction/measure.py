#!/usr/bin/env python3
"""How well src/redact masks, measured from outside.

    measure.py MASK_TOOL                       random values in every form: what is left of them
    measure.py MASK_TOOL --values 2000         more of them
    measure.py MASK_TOOL --false FILE...       how often text that holds no value is masked
    measure.py MASK_TOOL --table               prints the tables of docs/REDACTION.md
    measure.py MASK_TOOL --tap                 as a test

Values, forms and text are random, but the same for the same --seed. The forms come from forms.py, which shares
nothing with src/redact. Every text of up to 700 bytes is cut in two at each place, and each time also gone on with in a
fresh stream; longer text is fed in pieces of random size."""
import argparse
import collections
import random
import string
import struct
import subprocess
import sys

import forms

CUT_AT_EACH_PLACE = 700
SURROUND = bytes(c for c in range(0x20, 0x7f) if c != ord("*")) + b"\n\n"


class Tool:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def send(self, *parts):
        for part in parts:
            if isinstance(part, bytes) and len(part) != 1:
                self.process.stdin.write(struct.pack("<I", len(part)))
            self.process.stdin.write(struct.pack("<I", part) if isinstance(part, int) else part)
        self.process.stdin.flush()

    def number(self):
        return struct.unpack("<I", self.process.stdout.read(4))[0]

    def values(self, values):
        self.process.stdin.write(b"S" + struct.pack("<I", len(values)))
        for value in values:
            self.process.stdin.write(struct.pack("<I", len(value)) + value)

    def text(self, text, chunk):
        self.process.stdin.write(b"T" + struct.pack("<II", chunk, len(text)) + text)
        self.process.stdin.flush()
        return self.process.stdout.read(self.number())

    def all_cuts(self, text):
        self.process.stdin.write(b"A" + struct.pack("<I", len(text)) + text)
        self.process.stdin.flush()
        return self.process.stdout.read(self.number()), self.number()


def of(chars, low, high):
    return lambda rng: "".join(rng.choice(chars) for _ in range(rng.randint(low, high)))


BASE64 = string.ascii_letters + string.digits + "+/"
WORDS = "the quick brown fox jumps over a lazy dog while seven wizards box quietly".split()


def pem(rng):
    body = of(BASE64, 300, 900)(rng)
    lines = [body[i:i + 64] for i in range(0, len(body), 64)]
    eol = rng.choice(["\n", "\r\n"])
    return eol.join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----", ""])


def account(rng):
    key = of(BASE64, 200, 200)(rng)
    return ('{\n  "type": "service_account",\n  "private_key_id": "%s",\n  "private_key": "-----BEGIN KEY-----\\n%s\\n"\n}\n'
            % (of(string.hexdigits[:16], 40, 40)(rng), key))


def address(rng):
    return (f"https://{of(string.ascii_lowercase, 5, 9)(rng)}:{of(BASE64 + '%@!', 12, 24)(rng)}@db.example.com/"
            f"{of(string.ascii_lowercase, 4, 8)(rng)}?sig={of(BASE64, 20, 30)(rng)}&x=1")


SHAPES = {
    "token": of(string.ascii_letters + string.digits, 16, 40),
    "hex key": of("0123456789abcdef", 32, 64),
    "base64 key": lambda rng: of(BASE64, 43, 87)(rng) + "=",
    "password": of(string.ascii_letters + string.digits + string.punctuation.replace("*", ""), 8, 24),
    "punctuation": of(string.punctuation.replace("*", ""), 8, 40),
    "4 bytes": of(string.ascii_letters + string.digits + "!#+/", 4, 4),
    "5 to 7 bytes": of(string.ascii_letters + string.digits + "!#+/", 5, 7),
    "phrase": lambda rng: " ".join(rng.choice(WORDS) for _ in range(rng.randint(3, 9))) + of("0123456789", 3, 5)(rng),
    "blanks at the ends": lambda rng: "  " + of(BASE64, 12, 30)(rng) + " \t\n",
    "accents": of("äöüßéèçñøåÄÖÜ abcdefgh", 8, 30),
    "other scripts": of("ключ密码キー비밀🔑🎬кодabc", 6, 24),
    "control characters": of("\t\n\r\x1b\x01abcdefXYZ", 8, 24),
    "address": address,
    "path": lambda rng: "C:\\" + "\\".join(of(string.ascii_letters, 4, 9)(rng) for _ in range(4)) + "/" + of(BASE64, 9, 9)(rng),
    "PEM": pem,
    "service account": account,
}


def surroundings(rng):
    return bytes(rng.choice(SURROUND) for _ in range(rng.randint(0, 30)))


def visible(text, masked):
    """The stretches of text that are still there, as (from, to)."""
    at, out = 0, []
    parts = masked.split(b"***")
    for i, part in enumerate(parts):
        where = at if i == 0 else len(text) - len(part) if i == len(parts) - 1 else text.find(part, at)
        if where < at or text[where:where + len(part)] != part:
            return None
        out.append((where, where + len(part)))
        at = where + len(part)
    return out


class Result:
    def __init__(self):
        self.samples = self.cuts = self.missed = self.left = self.beyond = self.differ = 0
        self.example = None


def judge(result, text, start, end, masked):
    while start < end and text[start] in b"\r\n":
        start += 1
    while end > start and text[end - 1] in b"\r\n":
        end -= 1
    seen = visible(text, masked)
    left = end - start if seen is None else sum(
        1 for a, b in seen for i in range(max(a, start), min(b, end)) if text[i] not in b"\r\n")
    result.samples += 1
    result.missed += left > 0
    result.left += left
    if seen is not None:
        result.beyond += len(text) - (end - start) - sum(max(0, min(b, start) - a) + max(0, b - max(a, end)) for a, b in seen)
    if left and result.example is None:
        result.example = (text[start:end][:200], masked[:300])


def measure_one(tool, rng, name, part, result, wrapped):
    made = forms.FORMS[name](rng, part)
    if made is None:
        return
    inner, start, end = made
    if wrapped and start < end:
        inner, start, end = forms.in_lines(rng, inner, start, end, "ase64" in name or name.startswith("Basic"))
    before, after = surroundings(rng), surroundings(rng)
    text = before + inner + after
    if len(text) <= CUT_AT_EACH_PLACE:
        masked, differing = tool.all_cuts(text)
        result.cuts += 2 * (len(text) + 1)
        result.differ += differing
    else:
        masked = tool.text(text, rng.choice([1, 7, 100, 4096, 65536]))
        whole = tool.text(text, len(text))
        result.cuts += 1
        result.differ += masked != whole
    judge(result, text, len(before) + start, len(before) + end, masked)


def lines_of(value):
    long = [line.strip() for line in value.split(b"\n")]
    return [line for line in long if len(line) >= 16]


# These are looked for of the whole value only.
WHOLE_ONLY = ("hex", "base64", "Basic", "list", "Buffer", "reversed")


def detect(tool, seed, count, largest):
    rng = random.Random(seed)
    by_form, by_shape = collections.defaultdict(Result), collections.defaultdict(Result)
    total = Result()
    for i in range(count):
        names = rng.sample(sorted(SHAPES), 4)
        values = [SHAPES[name](rng).encode() for name in names]
        tool.values(values)
        shape, value = names[0], values[0]
        for form in forms.FORMS:
            parts = [value]
            if shape in ("PEM", "service account") and not form.startswith(WHOLE_ONLY):
                parts.append(rng.choice(lines_of(value)))
            for part in parts:
                wrapped = form != "raw" and rng.random() < 0.2
                before = (by_form[form].left, by_form[form].samples)
                measure_one(tool, rng, form, part, by_form[form], wrapped)
                by_shape[shape].samples += by_form[form].samples - before[1]
                by_shape[shape].missed += by_form[form].left > before[0]
    for size, chars in ((65536, BASE64), (65536, string.punctuation.replace("*", "") + BASE64))[:largest]:
        value = of(chars, size, size)(rng).encode()
        tool.values([value])
        for form in forms.FORMS:
            before = by_form[form].missed
            measure_one(tool, rng, form, value, by_form[form], False)
            by_shape["64 KiB"].samples += 1
            by_shape["64 KiB"].missed += by_form[form].missed - before
    for result in by_form.values():
        for field in ("samples", "cuts", "missed", "left", "beyond", "differ"):
            setattr(total, field, getattr(total, field) + getattr(result, field))
    return total, by_form, by_shape


# Values for the question of false masking: none of them stands in the text.
STRANGERS = {
    "4 digits": of(string.digits, 4, 4),
    "4 lower-case letters": of(string.ascii_lowercase, 4, 4),
    "4 letters and digits": of(string.ascii_letters + string.digits, 4, 4),
    "6 lower-case letters": of(string.ascii_lowercase, 6, 6),
    "8 letters and digits": of(string.ascii_letters + string.digits, 8, 8),
    "16 and more": of(string.ascii_letters + string.digits, 16, 40),
}


def hexdump(rng, size):
    data, out = rng.randbytes(size), []
    for i in range(0, size, 16):
        row = data[i:i + 16]
        out.append("%08x  %s  |%s|" % (i, " ".join("%02x" % c for c in row),
                                       "".join(chr(c) if 32 <= c < 127 else "." for c in row)))
    return "\n".join(out).replace("***", "...").encode()


def false_masks(tool, seed, texts, count):
    """For each kind of value: runs masked in a MB of text, per value, counting only runs in which the value does not
    stand as it is (with line breaks taken out: then the mask is right)."""
    rng, rows = random.Random(seed), []
    for kind, make in STRANGERS.items():
        row = [kind]
        for name, text in texts.items():
            flat, values = text.replace(b"\n", b"").replace(b"\r", b""), set()
            for _ in range(50 * count):  # of short ones there may be none that the text does not hold
                value = make(rng).encode()
                if len(values) < count and value not in flat:
                    values.add(value)
            if len(values) < count:
                row.append(None)
                continue
            tool.values(sorted(values))
            runs = tool.text(text, 65536).count(b"***") - text.count(b"***")
            row.append(runs * 1e6 / len(text) / count)
        rows.append(row)
    return rows


def detect_table(total, by_form, by_shape):
    print(f"{total.samples:,} samples, {total.cuts:,} cuts: {total.missed} not masked whole, {total.left} bytes left, "
          f"{total.differ} cuts with another result; {total.beyond / total.samples:.2f} bytes beside a value masked with it.")
    print("\n| shape | samples | not masked |\n|---|---|---|")
    for shape, r in sorted(by_shape.items()):
        print(f"| {shape} | {r.samples:,} | {r.missed} |")
    print("\n| form | samples | cuts | not masked |\n|---|---|---|---|")
    for form, r in by_form.items():
        print(f"| {form} | {r.samples:,} | {r.cuts:,} | {r.missed} |")


def false_table(tool, seed, files, count):
    rng = random.Random(seed)
    texts = {"hex dump": hexdump(rng, 1 << 20)}
    for spec in files:
        name, _, path = spec.rpartition("=")
        data = b"".join(open(p, "rb").read() for p in path.split(","))
        texts[name or path] = data
    rows = false_masks(tool, seed, texts, count)
    print("| values | " + " | ".join(f"{n} ({len(t) / 1e6:.1f} MB)" for n, t in texts.items()) + " |")
    print("|---|" + "---|" * len(texts))
    for row in rows:
        print(f"| {row[0]} | " + " | ".join("all stand in it" if v is None else f"{v:.4f}".rstrip("0").rstrip(".") for v in row[1:]) + " |")


def tap(total, by_form):
    print(f"1..{len(by_form)}")
    for i, (form, r) in enumerate(sorted(by_form.items()), 1):
        good = r.missed == 0 and r.differ == 0 and r.samples > 0
        print(f"{'ok' if good else 'not ok'} {i} - {form}: {r.samples} samples, {r.cuts} cuts, {r.left} bytes left")
        if r.example:
            print(f"# {r.example}")
    return total.missed or total.differ


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("tool")
    options.add_argument("--values", type=int, default=32)
    options.add_argument("--largest", type=int, default=1, help="values of 64 KiB, at most 2")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--tap", action="store_true")
    options.add_argument("--false", nargs="*", metavar="NAME=FILE,...")
    args = options.parse_args()
    tool = Tool(args.tool)
    if args.false is not None:
        false_table(tool, args.seed, args.false, args.values)
        return 0
    total, by_form, by_shape = detect(tool, args.seed, args.values, args.largest)
    if args.tap:
        return 1 if tap(total, by_form) else 0
    detect_table(total, by_form, by_shape)
    for form, r in by_form.items():
        if r.example:
            print(f"{form}: {r.example}", file=sys.stderr)
    return 1 if total.missed or total.differ else 0


if __name__ == "__main__":
    sys.exit(main())
