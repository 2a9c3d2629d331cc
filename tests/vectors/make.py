#!/usr/bin/env python3
"""Writes envelope.txt from docs/FORMAT-envelope.md with the standard library alone: a second
implementation of the formats, slow and plain, that shares no code with the program.

    tests/vectors/make.py > tests/vectors/envelope.txt
"""
import hashlib
import hmac
import struct

FORMAT, ALGORITHM = 1, 1


def rotl(v, n):
    return ((v << n) | (v >> (32 - n))) & 0xFFFFFFFF


def quarter(s, a, b, c, d):
    for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        s[x] = (s[x] + s[y]) & 0xFFFFFFFF
        s[z] = rotl(s[z] ^ s[x], n)


def rounds(s):
    for _ in range(10):
        for q in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                  (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
            quarter(s, *q)


SIGMA = list(struct.unpack("<4I", b"expand 32-byte k"))


def hchacha20(key, nonce16):
    s = SIGMA + list(struct.unpack("<8I", key)) + list(struct.unpack("<4I", nonce16))
    rounds(s)
    return struct.pack("<8I", *(s[0:4] + s[12:16]))


def chacha20(key, counter, nonce12, data):
    out = bytearray()
    for i in range(0, len(data), 64):
        start = (SIGMA + list(struct.unpack("<8I", key)) + [counter + i // 64]
                 + list(struct.unpack("<3I", nonce12)))
        s = list(start)
        rounds(s)
        block = struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(s, start)))
        out += bytes(a ^ b for a, b in zip(data[i:i + 64], block))
    return bytes(out)


def poly1305(key, message):
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    acc = 0
    for i in range(0, len(message), 16):
        acc = (acc + int.from_bytes(message[i:i + 16] + b"\x01", "little")) * r % ((1 << 130) - 5)
    return ((acc + int.from_bytes(key[16:], "little")) & ((1 << 128) - 1)).to_bytes(16, "little")


def pad(b):
    return b + bytes(-len(b) % 16)


def xchacha20poly1305(key, nonce, aad, plain):
    sub, nonce12 = hchacha20(key, nonce[:16]), bytes(4) + nonce[16:]
    cipher = chacha20(sub, 1, nonce12, plain)
    mac_key = chacha20(sub, 0, nonce12, bytes(32))
    return cipher + poly1305(
        mac_key, pad(aad) + pad(cipher) + struct.pack("<QQ", len(aad), len(cipher)))


def blake2b(data, key=b"", size=32):
    return hashlib.blake2b(data, digest_size=size, key=key).digest()


def seal(key, nonce, aad, plain):
    okm = blake2b(b"slsec1" + nonce + blake2b(aad), key, 64)
    return nonce + okm[32:] + xchacha20poly1305(okm[:32], nonce, aad, plain)


def aad(purpose, instance, team=b"", secret=b"", name=b"", version=None, created_at=None,
        epoch=None, policy=None, kek=b""):
    fields = [bytes([FORMAT, ALGORITHM]), purpose, instance, team, secret, name,
              b"" if version is None else struct.pack("<I", version),
              b"" if created_at is None else struct.pack("<q", created_at),
              b"" if epoch is None else struct.pack("<Q", epoch),
              b"" if policy is None else blake2b(policy), kek]
    return b"".join(struct.pack("<I", len(f)) + f for f in fields)


def policy_bytes(sinks, expires_at_ms, hosts):
    return (struct.pack("<BBQH", FORMAT, sinks, expires_at_ms, len(hosts))
            + b"".join(struct.pack("<I", len(h)) + h for h in sorted(hosts)))


def root_id(root):
    return blake2b(b"safelight root key", root)[:16]


def emit(name, value):
    print(name, "=", value.hex() if isinstance(value, bytes) else value)


def self_test():
    """RFC 8439 2.4.2 and 2.5.2; draft-irtf-cfrg-xchacha-03 2.2.1."""
    assert poly1305(bytes.fromhex("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b"),
                    b"Cryptographic Forum Research Group").hex() == "a8061dc1305136c6c22b8baf0c0127a9"
    assert chacha20(bytes(range(32)), 1, bytes.fromhex("000000000000004a00000000"),
                    b"Ladies and Gentlemen of").hex().startswith("6e2e359a2568f98041ba0728dd0d6981")
    assert hchacha20(bytes(range(32)), bytes.fromhex("000000090000004a0000000031415927")).hex() == (
        "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc")
    assert hmac.compare_digest(blake2b(b"abc").hex()[:8], "bddd813c")


def keyring(roots, instance, masters, token_key, audit_key, nonce):
    keyring_key = bytes([0x66]) * 32
    head = b"SLKR" + bytes([FORMAT, ALGORITHM, len(roots), 0])
    for i, root in enumerate(roots):
        wrap_aad = aad(b"keyring-key", instance, kek=root_id(root))
        head += root_id(root) + seal(root, bytes([nonce + i]) * 24, wrap_aad, keyring_key)
    body = struct.pack("<I", len(masters))
    for version, key in masters:
        body += struct.pack("<I", version) + key
    body += token_key + audit_key
    body_aad = aad(b"keyring", instance, kek=blake2b(head))
    return body_aad, head + seal(keyring_key, bytes([nonce + 9]) * 24, body_aad, body)


def main():
    self_test()
    print("# Made by make.py from docs/FORMAT-envelope.md. Bytes are hex, numbers decimal.")
    emit("aead", seal(bytes([0x11]) * 32, bytes([0x40]) * 24, b"who and what for",
                      b"twenty-nine bytes of a sample"))
    instance = b"01JDF0000000000000000000A0"
    team, secret = b"01JDF0000000000000000000T0", b"01JDF0000000000000000000S0"
    root, next_root = bytes([0x21]) * 32, bytes([0x22]) * 32
    masters = [(3, bytes([0x33]) * 32), (4, bytes([0x34]) * 32)]
    token_key, audit_key = bytes([0x44]) * 32, bytes([0x45]) * 32
    team_key, data_key = bytes([0x55]) * 32, bytes([0x77]) * 32
    emit("instance", instance)
    emit("root", root)
    emit("next_root", next_root)
    emit("root_id", root_id(root))
    for version, key in masters:
        emit(f"master_{version}", key)
    emit("token_key", token_key)
    emit("audit_key", audit_key)
    body_aad, blob = keyring([root], instance, masters, token_key, audit_key, 0x80)
    emit("keyring_aad", body_aad)
    emit("keyring_one_root", blob)
    emit("keyring_two_roots", keyring([root, next_root], instance, masters, token_key, audit_key, 0x90)[1])

    emit("team", team)
    emit("team_key", team_key)
    emit("team_key_version", 2)
    team_aad = aad(b"team", instance, team, version=2, kek=struct.pack("<I", 4))
    emit("team_key_aad", team_aad)
    emit("team_key_wrapped", b"SLTK" + bytes([FORMAT, ALGORITHM, 0, 0]) + struct.pack("<II", 2, 4)
         + seal(masters[1][1], bytes([0xA0]) * 24, team_aad, team_key))

    name, version, created, epoch = b"AWS_SECRET_ACCESS_KEY", 7, 1795478400000, 1234567
    hosts = [b"*.example.test", b"s3.example.test:9000"]
    policy = policy_bytes(0b0000101, 1826927999000, hosts)
    value = b"not-a-real-key \x00\xff"
    emit("secret", secret)
    emit("name", name)
    emit("version", version)
    emit("created_at_ms", created)
    emit("epoch", epoch)
    emit("policy_sinks", 0b0000101)
    emit("policy_expires_at_ms", 1826927999000)
    for i, host in enumerate(hosts):
        emit(f"policy_host_{i}", host)
    emit("policy", policy)
    emit("value", value)
    dek_aad = aad(b"dek", instance, team, secret, name, version, created, epoch, policy,
                  struct.pack("<I", 2))
    value_aad = aad(b"value", instance, team, secret, name, version, created)
    emit("data_key", data_key)
    emit("dek_aad", dek_aad)
    emit("value_aad", value_aad)
    emit("sealed", b"SLSR" + bytes([FORMAT, ALGORITHM, 0, 0]) + struct.pack("<I", 2)
         + seal(team_key, bytes([0xB0]) * 24, dek_aad, data_key)
         + seal(data_key, bytes([0xC0]) * 24, value_aad, value))

    emit("token_secret", b"0123456789abcdefghijABCDEFGHIJ01")
    emit("token_hash", blake2b(b"0123456789abcdefghijABCDEFGHIJ01", token_key))
    mac = bytes(32)
    for i, record in enumerate((b"first record", b"", b"third record")):
        mac = blake2b(mac + record, audit_key)
        emit(f"audit_record_{i}", record)
        emit(f"audit_mac_{i}", mac)


main()
