// node tests/console/run.mjs [secrets jobs ...]: the console in Chromium against the real binary (SAFELIGHT, else
// build/safelight). With IMAGES=1 it also writes docs/images/console-*.png.
import assert from "node:assert/strict";
import { test } from "node:test";
import { closeBrowser } from "./person.mjs";
import { server } from "./world.mjs";

const ALL = [
  "parts",
  "signin",
  "secrets",
  "import",
  "jobs",
  "tokens",
  "audit",
  "trouble",
  "together",
  "keyboard",
  "look",
  "pictures",
];
const wanted = process.argv.slice(2);

for (const name of wanted.length ? wanted : ALL) await import(`./test_${name}.mjs`);

// The last one, since hooks run before tests that are registered late.
test("the server's log holds no value that was typed into the console", async () => {
  const log = server.log();
  await closeBrowser();
  await server.stop();
  assert.ok(!/cnry[0-9a-f]{8}/.test(log));
});
