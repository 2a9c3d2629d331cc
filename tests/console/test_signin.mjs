// Signing in and out, sessions, and who may.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Person, visit } from "./person.mjs";
import { Server, until } from "./server.mjs";
import { server } from "./world.mjs";

test("a wrong token is refused in words, and is not kept", () =>
  visit(server, {}, async (person, page) => {
    await person.open();
    await person.heading("Sign in");
    for (const [typed, said] of [
      ["", "Paste a token"],
      ["slt_adm_<b>x</b>", "no valid API token"],
      [`slt_adm_${"A".repeat(63)}`, "no valid API token"],
    ]) {
      await page.getByLabel("API token").fill(typed);
      await person.button("Sign in").click();
      await person.see(said);
      assert.equal(await page.getByLabel("API token").inputValue(), "");
    }
    await page.getByLabel("API token").fill("x".repeat(10000));
    await person.button("Sign in").click();
    await page.getByRole("alert").filter({ hasText: /\w/ }).waitFor();
  }));

test("a token is sent once; a cookie that scripts cannot read stands for it", () =>
  visit(server, {}, async (person, page) => {
    await person.signIn();
    await person.heading("Secrets");
    await person.keepsNothing(server.token);
    const [cookie, ...more] = await person.context.cookies();
    assert.equal(more.length, 0);
    assert.deepEqual(
      [cookie.name, cookie.httpOnly, cookie.secure, cookie.sameSite, cookie.path],
      ["__Host-safelight", true, true, "Strict", "/"],
    );
    assert.equal(await page.evaluate(() => document.cookie), "");
    const calls = person.sent.filter((r) => r.url.includes("/api/v2/"));
    assert.ok(calls.length && calls.every((r) => r.headers["x-safelight-csrf"] && !r.headers.authorization));
    await page.reload();
    await person.heading("Secrets");
    await person.keepsNothing(server.token);
  }));

test("both addresses lead to the page; a deep address is kept over signing in", () =>
  visit(server, {}, async (person, page) => {
    await person.open("", "/settings/api-tokens");
    await page.getByLabel("API token").fill(server.token);
    await page.keyboard.press("Enter");
    await person.heading("API tokens");
    await person.button("Sign out").click();
    await person.signIn("/audit");
    await person.heading("Audit");
    await person.go("/no/such/page");
    await person.heading("Not found");
    await person.go("/jobs/NOSUCHJOB");
    await person.see("There is nothing here");
  }));

test("an editor has no tokens and no audit log; other roles may not sign in", async () => {
  const editor = await server.newToken("editor");
  await visit(server, {}, async (person, page) => {
    await person.signIn("/tokens", editor);
    await person.heading("Not found");
    assert.deepEqual(await page.getByRole("navigation", { name: "Console" }).getByRole("link").allTextContents(), [
      "Secrets",
      "Jobs",
      "Sessions",
    ]);
    await person.go("/sessions");
    await person.see("this one");
  });
  await visit(server, {}, async (person, page) => {
    await person.open();
    for (const role of ["submit", "worker", "audit"]) {
      await page.getByLabel("API token").fill(await server.newToken(role));
      await page.keyboard.press("Enter");
      await page.getByRole("alert").filter({ hasText: "This token may not sign in here" }).waitFor();
    }
    assert.deepEqual(await person.context.cookies(), []);
  });
});

test("sessions are listed and ended; signing out ends one's own", async () => {
  const other = await Person.at(server);
  await other.signIn();
  await visit(server, {}, async (person, page) => {
    await person.signIn("/sessions");
    const rows = page.getByRole("row").filter({ hasText: "127.0.0.1" });
    await until(async () => (await rows.count()) >= 2, "both sessions");
    const before = await rows.count();
    await person.see(/Headless Chrome \d+ on Linux/);
    await person.button("End all others").click();
    await person.button("Keep it as it is").click();
    assert.equal(await rows.count(), before);
    await person.button("End all others").click();
    await person.button("End them").click();
    await person.see("All other sessions were ended");
    assert.equal(await rows.count(), 1);
    await other.go("/jobs");
    await other.see("Sign in again");
    await other.button("Leave this page instead").click();
    await other.heading("Sign in");
    await other.leave();
    await person.button("Sign out").click();
    await person.heading("Sign in");
    await page.reload();
    await person.heading("Sign in");
    const status = await page.evaluate(async () => (await fetch("/api/v2/secrets")).status);
    assert.ok(status === 401 || status === 403);
  });
});

test("a session may be ended one by one, the own one too", () =>
  visit(server, {}, async (person) => {
    await person.signIn("/sessions");
    await person.button("End this session").click();
    await person.see("you will be signed out");
    await person.button("End session").click();
    await person.heading("Sign in");
  }));

test("who guesses is slowed and told so; a valid token signs in all the same", async () => {
  const own = await Server.start();
  try {
    await visit(own, {}, async (person, page) => {
      await person.open();
      for (let n = 0; n < 40; n++) {
        await page.getByLabel("API token").fill(`slt_adm_${"A".repeat(63)}`);
        await page.keyboard.press("Enter");
        await page
          .getByText(/no valid API token|Too many/)
          .first()
          .waitFor();
        await person.button("Sign in").waitFor();
        if (await page.getByText("Too many failed attempts").count()) break;
      }
      await person.see("A valid one signs in; anything else is refused for");
      await page.getByLabel("API token").fill(own.token);
      await page.keyboard.press("Enter");
      await person.heading("API tokens");
    });
  } finally {
    await own.stop();
  }
});
