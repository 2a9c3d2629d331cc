// Parts of the pages that need no browser: the .env reader, text from outside, routes, the table of events.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "./server.mjs";

const folder = join(root, "src/api/console");
const part = (name) => import(join(folder, name));
const { parseDotenv } = await part("dotenv.mjs");
const { match, parseRoute, withQuery } = await part("router.mjs");
const { visible, visibleLines } = await part("text.mjs");

const vectors = JSON.parse(readFileSync(join(root, "tests/vectors/dotenv.json"), "utf8"));

test(".env files are read as safelight secret import reads them", () => {
  assert.ok(vectors.length > 60);
  for (const { text, said } of vectors) {
    const { entries, problem } = parseDotenv(text);
    const rows = entries.map((e) => `${e.line} ${e.name}${e.why ? "!" : "="}${e.why ?? e.value}|`);
    const end = problem ? `@${problem.line} ${problem.message}` : "";
    assert.equal(rows.join("") + end, said, JSON.stringify(text));
  }
});

test("the limits of a .env file, and one past them", () => {
  const whyOf = (text) => parseDotenv(text).entries[0].why;
  assert.equal(whyOf(`A=${"ä".repeat(32768)}`), null);
  assert.equal(whyOf(`A=${"ä".repeat(32768)}x`), "the value is longer than 64 KiB");
  assert.equal(whyOf("A=x\0"), "the value is not text (UTF-8 without NUL)");
  assert.equal(parseDotenv(`${"n".repeat(1024)}=1`).problem, null);
  assert.match(parseDotenv(`${"n".repeat(1025)}=1`).problem.message, /the name is too long/);
  assert.equal(parseDotenv("A=1\n".repeat(10000)).entries.length, 10000);
  assert.equal(parseDotenv("A=1\n".repeat(10001)).problem.line, 10001);
  for (const text of [" ", "\n", "A='\n", `A=x${" ".repeat(1 << 20)}x`]) // linear time
    parseDotenv(text.repeat(text.length > 9 ? 1 : 1 << 20));
});

test("what is invisible or turns text around is written out", () => {
  for (const [text, wanted] of [
    ["a\u202eb", "a\\u202eb"],
    ["\u001b[31m", "\\u001b[31m"],
    ["a\u200bb", "a\\u200bb"],
    ["\u2066x", "\\u2066x"],
    ["\u{e0041}", "\\u{e0041}"],
    ["\ud800", "\\ud800"],
    ["a\nb", "a\\u000ab"],
    ["ä漢😀", "ä漢😀"],
    ["\u007f\u0085", "\\u007f\\u0085"],
  ])
    assert.equal(visible(text), wanted);
  assert.equal(visibleLines("a\r\nb\tc\rd\u0007"), "a\nb\tc\nd\\u0007");
});

test("routes are read, whatever stands in the address", () => {
  assert.deepEqual(parseRoute("#/jobs/A?states=error"), { path: ["jobs", "A"], query: { states: "error" } });
  assert.deepEqual(parseRoute("#/%E0%A4/x"), { path: ["", "x"], query: {} });
  assert.deepEqual(parseRoute(""), { path: [], query: {} });
  assert.equal(withQuery("/jobs", { a: "", b: null, c: "x y" }), "/jobs?c=x+y");
  assert.deepEqual(match(["jobs", ":id"], ["jobs", "A"]), { id: "A" });
  assert.equal(match(["jobs", ":id"], ["jobs"]), null);
});

test("the pages hold no markup sink, no inline code, no address but ours, and stay small", () => {
  const sinks =
    /innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function|localStorage|sessionStorage|indexedDB/;
  for (const name of readdirSync(folder)) {
    const text = readFileSync(join(folder, name), "utf8");
    const lines = text.split("\n");
    assert.ok(lines.length <= 501 && lines.every((l) => l.length <= 100), `${name}: size`);
    assert.ok(!sinks.test(text), `${name}: ${text.match(sinks)?.[0]}`);
    assert.ok(!/https?:\/\/(?!www\.w3\.org\/2000\/svg")/.test(text), `${name}: an address`);
    if (name.endsWith(".html")) assert.ok(!/<style|style=|\son\w+=|<script(?![^>]* src="\/console\/)/.test(text), name);
  }
});
