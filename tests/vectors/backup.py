"""docs/FORMAT-backup.md a second time: reads (and for tests writes) backups with the system's libsodium through
ctypes; shares no code with the program. With the recovery key alone it gets at every value, which is the point.

    tests/vectors/backup.py FILE KEYFILE     names of what is in it, never values
"""
import ctypes
import ctypes.util
import hashlib
import struct
import sys

sodium = ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")
assert sodium.sodium_init() >= 0

DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PIECE = 64 * 1024
BEGIN, TABLE, ROW, ROWS_END, FILE, DATA, FILES_END, STAMP = range(1, 9)
ULL = ctypes.c_ulonglong


class Bad(Exception):
    pass


def need(ok, what):
    if not ok:
        raise Bad(what)


def blake2b(data, key=b"", size=32):
    return hashlib.blake2b(data, key=key, digest_size=size).digest()


# --- the recovery key ---

def key_from_text(text):
    """(seed, mark)"""
    text = "".join(text.split()).upper().replace("-", "")
    need(text.startswith("SLRK1"), "not a recovery key")
    values = [DIGITS.index(c.replace("O", "0").replace("I", "1").replace("L", "1")) for c in text[5:]]
    need(len(values) == 76, "length")
    number = 0
    for v in values[:72]:
        number = number << 5 | v
    key = number.to_bytes(45, "big")
    check = 0
    for v in values[72:]:
        check = check << 5 | v
    need(int.from_bytes(blake2b(key)[:3], "big") >> 4 == check, "checksum")
    return key[:32], key[32:]


def key_pair(seed):
    public, secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(32)
    need(sodium.crypto_box_seed_keypair(public, secret, seed) == 0, "seed")
    return public.raw, secret.raw


def box_open(seed, box):
    public, secret = key_pair(seed)
    plain = ctypes.create_string_buffer(len(box) - 48)
    need(sodium.crypto_box_seal_open(plain, box, ULL(len(box)), public, secret) == 0, "box")
    return plain.raw[:len(box) - 48]


def box_seal(public, plain):
    box = ctypes.create_string_buffer(len(plain) + 48)
    need(sodium.crypto_box_seal(box, plain, ULL(len(plain)), public) == 0, "public key")
    return box.raw


# --- the stream ---

def open_stream(key, header, pieces):
    state = ctypes.create_string_buffer(64)
    need(sodium.crypto_secretstream_xchacha20poly1305_init_pull(state, header, key) == 0, "stream")
    plain = []
    for n, piece in enumerate(pieces):
        out, tag = ctypes.create_string_buffer(len(piece) or 1), ctypes.c_ubyte()
        need(len(piece) >= 17 and sodium.crypto_secretstream_xchacha20poly1305_pull(
            state, out, None, ctypes.byref(tag), piece, ULL(len(piece)), None, ULL(0)) == 0, f"piece {n}")
        need(tag.value == (3 if n == len(pieces) - 1 else 0), f"tag of piece {n}")
        plain.append(out.raw[:len(piece) - 17])
    return b"".join(plain)


def seal_stream(key, plain):
    state, header = ctypes.create_string_buffer(64), ctypes.create_string_buffer(24)
    sodium.crypto_secretstream_xchacha20poly1305_init_push(state, header, key)
    pieces = [plain[i:i + PIECE] for i in range(0, len(plain), PIECE)] or [b""]
    out = []
    for n, piece in enumerate(pieces):
        sealed = ctypes.create_string_buffer(len(piece) + 17)
        sodium.crypto_secretstream_xchacha20poly1305_push(
            state, sealed, None, piece, ULL(len(piece)), None, ULL(0), ctypes.c_ubyte(3 if n == len(pieces) - 1 else 0))
        out.append(sealed.raw)
    return header.raw, b"".join(out)


def file_head(public, file_key, algorithm=b"\x01\x01"):
    head = b"SLBK" + algorithm + b"\0\0" + blake2b(public)[:8] + box_seal(public, file_key)
    return head, head + blake2b(b"safelight backup header" + head, file_key)


def write(public, records, algorithm=b"\x01\x01"):
    """A backup of these (type, body), as whoever has the public key could make it."""
    file_key = bytes(range(32))
    head, whole = file_head(public, file_key, algorithm)
    plain = b"".join(struct.pack("<BI", t, len(b)) + b for t, b in records)
    header, sealed = seal_stream(blake2b(b"safelight backup stream" + head, file_key), plain)
    return whole + header + sealed


# --- records ---

class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        need(self.at + n <= len(self.data), "short")
        self.at += n
        return self.data[self.at - n:self.at]

    def number(self, form):
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))[0]

    def lengthed(self):
        return self.take(self.number("I"))

    def end(self):
        need(self.at == len(self.data), "too long")


def records_of(plain):
    r, found = Reader(plain), []
    while r.at < len(plain):
        start, kind = r.at, r.number("B")
        found.append((kind, r.lengthed(), start))
    return found


def row_values(body, count):
    r, values = Reader(body), []
    for _ in range(count):
        kind = r.number("B")
        values.append(None if kind == 0 else r.number("q") if kind == 1 else r.lengthed())
        if kind == 2:
            values[-1] = values[-1].decode()
        need(kind < 4, "kind")
    r.end()
    return values


# --- docs/FORMAT-envelope.md: sealing, keyring, team keys, values ---

def aad(purpose, instance, team=b"", secret=b"", name=b"", version=None, created=None, epoch=None, policy=None, kek=b""):
    fields = [b"\x01\x01", purpose, instance, team, secret, name,
              b"" if version is None else struct.pack("<I", version), b"" if created is None else struct.pack("<q", created),
              b"" if epoch is None else struct.pack("<Q", epoch), b"" if policy is None else blake2b(policy), kek]
    return b"".join(struct.pack("<I", len(f)) + f for f in fields)


def unseal(key, context, sealed):
    nonce, commitment, cipher = sealed[:24], sealed[24:56], sealed[56:]
    okm = blake2b(b"slsec1" + nonce + blake2b(context), key, 64)
    need(okm[32:] == commitment, "commitment")
    out = ctypes.create_string_buffer(len(cipher) or 1)
    need(sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(out, None, None, cipher, ULL(len(cipher)), context, ULL(len(context)),
                                                           nonce, okm[:32]) == 0, "tag")
    return out.raw[:len(cipher) - 16]


def open_keyring(root, instance, blob):
    need(blob[:4] == b"SLKR" and blob[6] == 1, "keyring")
    root_id = blake2b(b"safelight root key", root)[:16]
    need(blob[8:24] == root_id, "root id")
    key = unseal(root, aad(b"keyring-key", instance, kek=root_id), blob[24:128])
    body = Reader(unseal(key, aad(b"keyring", instance, kek=blake2b(blob[:128])), blob[128:]))
    masters = {body.number("I"): body.take(32) for _ in range(body.number("I"))}
    token_key, audit_key = body.take(32), body.take(32)
    body.end()
    return masters, token_key, audit_key


class Backup:
    """Everything in it: .tables {name: [row as dict]}, .files {name: bytes}, and .values() of the secrets."""

    def __init__(self, data, key_text):
        seed, mark = key_from_text(key_text)
        public, _ = key_pair(seed)
        need(data[:8] == b"SLBK\x01\x01\0\0", "magic")
        need(data[8:16] == blake2b(public)[:8], "another key")
        head = data[:96]
        file_key = box_open(seed, data[16:96])
        need(data[96:128] == blake2b(b"safelight backup header" + head, file_key), "header")
        sealed = data[152:]
        pieces = [sealed[i:i + PIECE + 17] for i in range(0, len(sealed), PIECE + 17)]
        self.plain = open_stream(blake2b(b"safelight backup stream" + head, file_key), data[128:152], pieces)
        self.records = records_of(self.plain)
        self.public = public
        self.tables, self.files = {}, {}
        self._begin()
        self._walk()
        self._keys(seed)
        stamp_key = blake2b(b"safelight backup key", self.audit_key)
        need(blake2b(blake2b(data[:152] + self.plain[:self.records[-1][2]]), stamp_key) == self.records[-1][1], "stamp")
        need(blake2b(bytes(32), stamp_key)[:13] == mark, "another installation")

    def _begin(self):
        need(self.records[0][0] == BEGIN, "begin")
        r = Reader(self.records[0][1])
        self.schema, self.created, self.flags, self.db_bytes, self.spool_bytes = (r.number(f) for f in "IqBQQ")
        self.instance, self.program, self.export = r.lengthed(), r.lengthed(), r.lengthed()
        r.end()

    def _walk(self):
        rows = columns = name = left = None
        for kind, body, _ in self.records[1:]:
            if kind == TABLE:
                r = Reader(body)
                rows = self.tables.setdefault(r.lengthed().decode(), [])
                columns = [r.lengthed().decode() for _ in range(r.number("H"))]
                r.end()
            elif kind == ROW:
                rows.append(dict(zip(columns, row_values(body, len(columns)))))
            elif kind == FILE:
                need(not left, "file")
                r = Reader(body)
                name, left = r.lengthed().decode(), r.number("Q")
                r.end()
                self.files[name] = b""
            elif kind == DATA:
                self.files[name] += body
                left -= len(body)
        need(self.records[-1][0] == STAMP and not left, "end")

    def _keys(self, seed):
        need(self.export[:8] == b"SLRK\x01\x01\0\0" and self.export[8:40] == self.public, "export")
        root = box_open(seed, self.export[40:120])
        masters, self.token_key, self.audit_key = open_keyring(root, self.instance, self.export[120:])
        self.team_keys = {}
        for row in self.tables["team_keys"]:
            blob, team = row["team_key"], row["team_id"].encode()
            version, master = struct.unpack("<II", blob[8:16])
            need(version == row["key_version"], "version")
            self.team_keys[row["team_id"], version] = unseal(
                masters[master], aad(b"team", self.instance, team, version=version, kek=struct.pack("<I", master)), blob[16:])

    def values(self):
        """{(team id, name, version): value}"""
        names = {s["id"]: s["name"].encode() for s in self.tables["secrets"]}
        found = {}
        for v in self.tables["versions"]:
            common = dict(instance=self.instance, team=v["team_id"].encode(), secret=v["secret_id"].encode(), name=names[v["secret_id"]],
                          version=v["version"], created=v["created_at_ms"])
            sealed = v["sealed"]
            data_key = unseal(self.team_keys[v["team_id"], v["key_version"]],
                              aad(b"dek", epoch=v["epoch"], policy=v["policy"], kek=struct.pack("<I", v["key_version"]), **common), sealed[12:116])
            found[v["team_id"], common["name"].decode(), v["version"]] = unseal(data_key, aad(b"value", **common), sealed[116:])
        return found

    def verify_audit(self):
        """Every chain; returns the number of records."""
        chains = {}
        for row in sorted(self.tables["audit"], key=lambda r: (r["team_id"], r["sequence"])):
            sequence, mac = chains.get(row["team_id"], (0, bytes(32)))
            need(row["sequence"] == sequence + 1, "a gap")
            mac = blake2b(mac + row["record"], self.audit_key)
            need(mac == row["mac"], "mac")
            chains[row["team_id"]] = (sequence + 1, mac)
        return sum(n for n, _ in chains.values())


if __name__ == "__main__":
    backup = Backup(open(sys.argv[1], "rb").read(), open(sys.argv[2]).read())
    for table, rows in backup.tables.items():
        print(f"{table}: {len(rows)} rows")
    for file, content in backup.files.items():
        print(f"{file}: {len(content)} bytes")
    print(f"{len(backup.values())} values open, {backup.verify_audit()} audit records are chained")
