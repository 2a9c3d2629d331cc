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

const DOTENV = [
  ["A=1\nB=2", { A: "1", B: "2" }],
  ["export A=1", { A: "1" }],
  ["  A = 1  ", { A: "1" }],
  ["A=1\r\nB=2\r\n", { A: "1", B: "2" }],
  ["\ufeffA=1", { A: "1" }],
  ["# A=0\n\nA=1 # why", { A: "1" }],
  ["A=a#b", { A: "a#b" }],
  ["A='it # is'", { A: "it # is" }],
  ['A="x\\ny" # c', { A: "x\ny" }],
  ["A='x\\ny'", { A: "x\\ny" }],
  ['A="say \\"hi\\" \\$B \\\\"', { A: 'say "hi" $B \\' }],
  ['A="-----BEGIN\nabc\n-----END"\nB=2', { A: "-----BEGIN\nabc\n-----END", B: "2" }],
  ["A=1\nA=2", { A: "2" }],
  ["A=", { A: "" }],
  ["A=a=b==", { A: "a=b==" }],
  ["prod/KEY.x-y=1", { "prod/KEY.x-y": "1" }],
  ["__proto__=1", { ["__proto__"]: "1" }],
];

test(".env files are read as they are meant", () => {
  for (const [text, wanted] of DOTENV) {
    const got = parseDotenv(text);
    const pairs = got.entries.map((e) => [e.name, e.value]);
    assert.deepEqual(pairs, Object.entries(wanted), JSON.stringify(text));
    assert.deepEqual(got.problems, [], JSON.stringify(text));
  }
});

test(".env files that are not: each bad line is told by number, the rest is read", () => {
  for (const [text, line, rest] of [
    ["A=1\nnonsense\nB=2", 2, 2],
    ['A="open\nB=2', 1, 1],
    ['A="x" y\nB=1', 1, 1],
    ["=1\nB=1", 1, 1],
    ["A B=1", 1, 0],
    ["A='x\ny' z\nC=1", 1, 1],
  ]) {
    const got = parseDotenv(text);
    assert.equal(got.problems[0]?.line, line, JSON.stringify(text));
    assert.equal(got.entries.length, rest, JSON.stringify(text));
  }
  assert.equal(parseDotenv("A='1\n2'\nB=3").entries[1].line, 3);
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
