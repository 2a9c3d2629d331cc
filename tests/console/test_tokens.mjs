// API tokens: made, shown once, copied, used, revoked.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { visit } from "./person.mjs";
import { Server } from "./server.mjs";
import { server } from "./world.mjs";

const HOSTILE = "<img src=x onerror=alert(1)>\u202egnp.";

test("a token is made, shown once, copied, and revoked", () =>
  visit(server, { permissions: ["clipboard-read", "clipboard-write"] }, async (person, page) => {
    await person.signIn("/tokens");
    await page.getByRole("link", { name: "New API token" }).click();
    await page.getByLabel("Name").fill(HOSTILE);
    await page.getByLabel("Role").selectOption("editor");
    await page.getByLabel("Secrets it may use").fill("prod/*");
    await page.getByLabel("Days until it expires").fill("7");
    await page.getByLabel("Addresses it is valid from").fill("127.0.0.0/8");
    await person.button("Make token").click();
    await person.heading("Your new API token");
    const token = await page.locator("#made-token").inputValue();
    assert.match(token, /^slt_/);
    await person.button("Copy").click();
    await person.see("Copied.");
    assert.ok(Array.isArray(await server.api("GET", "/secrets", undefined, token)));
    await page.getByRole("link", { name: "Done" }).click();
    await person.heading("API tokens");
    assert.ok(!(await page.content()).includes(token));
    await page.goBack();
    await person.heading("New API token");
    assert.ok(!(await page.content()).includes(token));

    await page.getByLabel("Name").focus();
    await page.keyboard.press("ControlOrMeta+v");
    assert.equal(await page.getByLabel("Name").inputValue(), token, "what was copied");
    await person.go("/tokens");
    const shown = "<img src=x onerror=alert(1)>\\u202egnp.";
    const row = page.getByRole("row").filter({ hasText: shown });
    assert.match(await row.innerText(), /editor\s+prod\/\*\s+127\.0\.0\.0\/8[\s\S]*in 7 days/);
    assert.equal(await page.locator("main img").count(), 0);
    await row.getByRole("button").click();
    await person.see("is refused from the next request on");
    await person.button("Revoke token").click();
    await person.see("Revoked");
    assert.equal(await row.count(), 0);
    await assert.rejects(server.api("GET", "/secrets", undefined, token), /401/);
    await page.getByRole("button", { name: /Show \d+ revoked/ }).click();
    assert.match(await row.innerText(), /revoked/);
    assert.equal(await row.getByRole("button").count(), 0);
  }));

test("what is wrong with a token's form is said at its field", () =>
  visit(server, {}, async (person, page) => {
    await person.signIn("/tokens/new");
    for (const [label, typed, said] of [
      ["Days until it expires", "0", "Must be 1 or more"],
      ["Days until it expires", "1e3", "Must be a whole number"],
      ["Days until it expires", "", "Must be a whole number"],
      ["Secrets it may use", "*x", "Must be *, a name"],
      ["Addresses it is valid from", "nowhere", "Must be"],
      ["Name", "x".repeat(65), "Must "],
    ]) {
      await page.reload();
      const field = page.getByLabel(label);
      await field.fill(typed);
      await person.button("Make token").click();
      await page.locator(".field-error:visible").filter({ hasText: said }).waitFor();
      assert.equal(await field.inputValue(), typed, "what was typed stays");
      assert.equal(await field.getAttribute("aria-invalid"), "true");
    }
  }));

test("a token that may use some names makes none that may use more", async () => {
  const some = await server.newToken("admin", { names: "prod/*" });
  await visit(server, {}, async (person, page) => {
    await person.signIn("/tokens/new", some);
    await page.getByLabel("Secrets it may use").fill("*");
    await person.button("Make token").click();
    await person.see("A token cannot make one that");
  });
});

test("after a restore tokens are shown as void, and not as in use", async () => {
  const own = await Server.start();
  try {
    for (const name of ["old ci", "old node"]) await own.newToken("submit", { name });
    await own.halt();
    const change = "UPDATE tokens SET suspended_at_ms = 1795862159547 WHERE name LIKE 'old %'";
    execFileSync("python3", ["-c", "import sqlite3,sys; d=sqlite3.connect(sys.argv[1]); d.execute(sys.argv[2]); d.commit()",
      join(own.data, "db/safelight.db"), change]);
    await own.serveAgain();
    await visit(own, {}, async (person, page) => {
      await person.signIn("/tokens");
      await person.see("2 tokens are void since this installation was restored");
      await person.see("1 token in use");
      const row = page.getByRole("row").filter({ hasText: "old ci" });
      assert.match(await row.innerText(), /void since the restore/);
      await row.getByRole("button").click();
      await person.button("Revoke token").click();
      await person.see("1 token is void since this installation was restored");
    });
  } finally {
    await own.stop();
  }
});

test("who revokes the token he is signed in with is told, and out", async () => {
  const own = await server.newToken("admin", { name: "mine alone" });
  await visit(server, {}, async (person, page) => {
    await person.signIn("/tokens", own);
    const row = page.getByRole("row").filter({ hasText: "mine alone" });
    await row.getByText("this session").waitFor();
    await row.getByRole("button").click();
    await person.see("you will be signed out");
    await person.button("Revoke token").click();
    await person.see("Sign in again");
    await person.button("Leave this page instead").click();
    await person.heading("Sign in");
  });
});
