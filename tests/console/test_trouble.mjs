// The session ends in the middle of a form, the server goes in the middle of anything, people click twice.
import assert from "node:assert/strict";
import { test } from "node:test";
import { visit } from "./person.mjs";
import { Server, canary, until } from "./server.mjs";
import { server } from "./world.mjs";

async function signInAgain(person, page) {
  const dialog = page.getByRole("dialog", { name: "Sign in again" });
  await dialog.waitFor();
  await dialog.getByLabel("API token").fill(server.token);
  await dialog.getByRole("button", { name: "Sign in" }).click();
  await dialog.waitFor({ state: "detached" });
}

test("an ended session keeps a form as it was, except the value, and goes on", () =>
  visit(server, {}, async (person, page) => {
    const [lost, value] = [canary(), canary()];
    await person.signIn("/secrets/new");
    await page.getByLabel("Name").fill("UI_EXPIRED");
    await page.getByLabel("Value", { exact: true }).fill(lost);
    await page.getByText("Restrict its use").click();
    await page.getByLabel("Headers").check();
    await page.getByLabel("Hosts it may be sent to").fill("api.example.com");
    await person.context.clearCookies();
    await person.button("Store secret").click();
    await signInAgain(person, page);
    await person.see("enter that again");
    assert.equal(await page.getByLabel("Name").inputValue(), "UI_EXPIRED");
    assert.equal(await page.getByLabel("Value", { exact: true }).inputValue(), "");
    assert.ok(await page.getByLabel("Headers").isChecked());
    assert.equal(await page.getByLabel("Hosts it may be sent to").inputValue(), "api.example.com");
    await person.keepsNothing(lost);
    await page.getByLabel("Value", { exact: true }).fill(value);
    await person.button("Store secret").click();
    await person.see("Stored UI_EXPIRED.");
    await person.keepsNothing(value);
    await person.keepsNothing(server.token, 2);
  }));

test("an ended session keeps every other form as well", () =>
  visit(server, {}, async (person, page) => {
    const [lost, value, one, two] = [canary(), canary(), canary(), canary()];
    const made = await server.put("UI_ENDED", canary());
    await person.signIn(`/secrets/${made.id}/rotate`);
    const field = page.getByLabel("New value", { exact: true });
    await field.fill(lost);
    await person.context.clearCookies();
    await person.button("Store version 2").click();
    await signInAgain(person, page);
    await person.see("enter that again");
    assert.equal(await field.inputValue(), "");
    await person.keepsNothing(lost, 0);
    await field.fill(value);
    await person.button("Store version 2").click();
    await person.see("Version 2 of UI_ENDED is in use.");

    await person.go(`/secrets/${made.id}/policy`);
    await page.getByLabel("Headers").check();
    await page.getByLabel("Hosts it may be sent to").fill("api.example.com");
    await person.context.clearCookies();
    await person.button("Save policy").click();
    await signInAgain(person, page);
    await person.see("The policy of UI_ENDED was changed.");
    await person.see("api.example.com");

    await person.go("/secrets/import");
    const buffer = Buffer.from(`ENDED_A=${one}\nENDED_B=${two}\n`);
    await page.locator("input[type=file]").setInputFiles({ name: ".env", mimeType: "text/plain", buffer });
    await person.button("Import 2 secrets").waitFor();
    await person.context.clearCookies();
    await person.button("Import 2 secrets").click();
    await signInAgain(person, page);
    await person.see("Your session had ended. What is not stored yet waits");
    await person.button("Import 2 secrets").click();
    await person.see("Done: 2 stored, 0 not.");

    await person.go("/audit");
    await page.getByLabel("Name", { exact: true }).fill("UI_ENDED");
    await person.context.clearCookies();
    await person.button("Filter").click();
    await signInAgain(person, page);
    await page.getByRole("rowheader").first().waitFor();
    assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "UI_ENDED");
  }));

test("an open tab that looks by itself keeps no session alive, and asks once to sign in again", async () => {
  const own = await Server.start("--console-idle-ms", "3000");
  try {
    await visit(own, {}, async (person, page) => {
      await person.signIn("/jobs");
      const dialog = page.getByRole("dialog", { name: "Sign in again" });
      await dialog.waitFor();
      await page.keyboard.press("Escape");
      await person.see("You are not signed in any more");
      assert.equal(await dialog.count(), 0);
      await page.getByRole("button", { name: /^Try (now|again)$/ }).click();
      await dialog.getByLabel("API token").fill(own.token);
      await page.keyboard.press("Enter");
      await dialog.waitFor({ state: "detached" });
      await person.see("No jobs yet");
      const marks = () =>
        person.sent
          .filter((r) => r.url.includes("/api/v2/jobs"))
          .map((r) => r.headers["x-safelight-background"] ?? "");
      await until(() => marks().filter((mark) => mark === "1").length >= 2, "looks by itself");
      // The page's first, the one that was asked for, and that one again after signing in.
      assert.ok(marks()[0] === "" && marks().filter((mark) => mark !== "1").length <= 3, marks().join());
    });
  } finally {
    await own.stop();
  }
});

test("a form without a value goes on by itself after signing in again", () =>
  visit(server, {}, async (person, page) => {
    await person.signIn("/tokens/new");
    await page.getByLabel("Name").fill("made after signing in again");
    await person.context.clearCookies();
    await person.button("Make token").click();
    await page.getByRole("dialog").waitFor();
    await page.getByRole("dialog").getByLabel("API token").fill("wrong");
    await page.keyboard.press("Enter");
    await person.see("no valid API token");
    await signInAgain(person, page);
    await person.heading("Your new API token");
  }));

test("signing in again in another tab is enough for this one", () =>
  visit(server, {}, async (person, page) => {
    await person.signIn("/tokens/new");
    const other = await person.context.newPage();
    await other.goto(`${server.url}/team/settings`);
    await other.getByRole("button", { name: "Sign out" }).click();
    await other.getByLabel("API token").fill(server.token);
    await other.keyboard.press("Enter");
    await other.getByRole("navigation", { name: "Console" }).waitFor();
    await other.close();
    await page.getByLabel("Name").fill("made with the other tab's session");
    await person.button("Make token").click();
    await person.heading("Your new API token");
  }));

test("clicking twice sends once", () =>
  visit(server, {}, async (person, page) => {
    await person.signIn("/secrets/new");
    const value = canary();
    await page.getByLabel("Name").fill("UI_TWICE");
    await page.getByLabel("Value", { exact: true }).fill(value);
    await page.evaluate(() => {
      const send = document.querySelector("form .button.primary");
      send.click();
      send.click();
    });
    await person.heading("UI_TWICE");
    await person.keepsNothing(value, 1);
  }));

test("the server goes away and comes back: forms, lists and imports say so and go on", async () => {
  const own = await Server.start();
  try {
    await visit(own, {}, async (person, page) => {
      const [lost, value, one, two] = [canary(), canary(), canary(), canary()];
      await person.signIn("/secrets/new");
      await page.getByLabel("Name").fill("UI_GONE");
      await page.getByLabel("Value", { exact: true }).fill(lost);
      await own.halt();
      await person.button("Store secret").click();
      await person.see("The server does not answer. All but the value is still here");
      assert.equal(await page.getByLabel("Name").inputValue(), "UI_GONE");
      assert.equal(await page.getByLabel("Value", { exact: true }).inputValue(), "");
      await page.getByRole("link", { name: "Jobs", exact: true }).click();
      await person.button("Try again").waitFor();
      await own.serveAgain();
      await person.button("Try again").click();
      await person.see("No jobs yet");

      await own.halt();
      await person.see("This page tries again by itself.");
      await own.serveAgain();
      await person.button("Try now").click();
      await page.locator("#trouble:empty").waitFor({ state: "attached" });

      await person.go("/secrets/import");
      await page.locator("input[type=file]").setInputFiles({
        name: ".env",
        mimeType: "text/plain",
        buffer: Buffer.from(`GONE_A=${one}\nGONE_B=${two}\n`),
      });
      await person.button("Import 2 secrets").waitFor();
      await page.route("**/api/v2/secrets", (route) =>
        route.request().postData()?.includes("GONE_B") ? route.abort() : route.continue(),
      );
      await person.button("Import 2 secrets").click();
      await person.see("What is not stored yet waits");
      await page.unroute("**/api/v2/secrets");
      await person.button("Import 1 secret").click();
      await person.see("Done: 2 stored, 0 not.");
      await person.keepsNothing(one);
      assert.deepEqual(
        (await own.api("GET", "/secrets")).map((s) => s.name),
        ["GONE_A", "GONE_B"],
      );
      await person.go("/secrets/new");
      await page.getByLabel("Name").fill("UI_GONE");
      await page.getByLabel("Value", { exact: true }).fill(value);
      await person.button("Store secret").click();
      await person.heading("UI_GONE");
    });
  } finally {
    await own.stop();
  }
});

test("the server goes away in the middle of what is done with one secret", async () => {
  const own = await Server.start();
  try {
    await visit(own, {}, async (person, page) => {
      const value = canary();
      const at = `/secrets/${(await own.put("GONE", canary())).id}`;
      const lost = "The server does not answer. Nothing is lost here: try again.";
      const back = () => page.locator(".box.bad:visible").filter({ hasText: lost });
      await person.signIn(`${at}/rotate`);
      const field = page.getByLabel("New value", { exact: true });
      await field.fill(value);
      await own.halt();
      await person.button("Store version 2").click();
      await back().waitFor();
      assert.equal(await field.inputValue(), value, "it was not sent, so it stays");
      await own.serveAgain();
      await person.button("Store version 2").click();
      await person.see("Version 2 of GONE is in use.");
      await person.keepsNothing(value);

      await person.go(`${at}/policy`);
      await page.getByLabel("Headers").check();
      await own.halt();
      await person.button("Save policy").click();
      await back().waitFor();
      assert.ok(await page.getByLabel("Headers").isChecked());
      await own.serveAgain();
      await person.button("Save policy").click();
      await person.see("The policy of GONE was changed.");

      await person.button("Roll back to version 1").click();
      await own.halt();
      await person.button("Go back to version 1").click();
      await back().waitFor();
      await own.serveAgain();
      await person.button("Try again").click();
      await person.see("Version 3 has the value of version 1.");

      await person.button("Delete").click();
      await page.getByRole("dialog").waitFor();
      await own.halt();
      await person.button("Delete secret").click();
      await back().waitFor();
      await own.serveAgain();
      await person.button("Try again").click();
      await person.button("Delete secret").click();
      await person.see("Deleted GONE.");
    });
  } finally {
    await own.stop();
  }
});

test("an answer that is no answer of ours is a plain message", () =>
  visit(server, {}, async (person, page) => {
    await person.signIn("/jobs");
    await page.route("**/api/v2/secrets", (route) =>
      route.fulfill({ status: 502, body: "<h1>Bad gateway</h1>", contentType: "text/html" }),
    );
    await person.go("/secrets");
    await person.see("The server answered with 502.");
    await page.unroute("**/api/v2/secrets");
    await person.button("Try again").click();
    await until(async () => (await page.getByRole("rowheader").count()) > 0, "the list");

    let busy = 1; // what is busy for a moment is asked again without a word
    await page.route("**/api/v2/audit?*", (route) =>
      busy-- > 0
        ? route.fulfill({ status: 503, headers: { "Retry-After": "1" }, json: { error: "busy", code: "BUSY" } })
        : route.continue(),
    );
    await person.go("/audit?event=team.created");
    await until(async () => (await page.getByRole("rowheader").count()) > 0, "the records");
    assert.equal(person.sent.filter((r) => r.url.includes("/audit?")).length, 2);
  }));
