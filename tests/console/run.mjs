// node tests/console/run.mjs: the console in Chromium against the real binary (SAFELIGHT, else build/safelight).
// With IMAGES=1 it also writes docs/images/console-*.png.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { closeBrowser } from "./person.mjs";
import { server } from "./world.mjs";
import "./test_parts.mjs";
import "./test_signin.mjs";
import "./test_secrets.mjs";
import "./test_import.mjs";
import "./test_jobs.mjs";
import "./test_tokens.mjs";
import "./test_audit.mjs";
import "./test_trouble.mjs";
import "./test_keyboard.mjs";
import "./test_look.mjs";

test("the server's log holds no value that was typed into the console", () => {
  assert.ok(!/cnry[0-9a-f]{8}/.test(server.log()));
});

after(async () => {
  await closeBrowser();
  await server.stop();
});
