// Several at once: two tabs at the same secret or token, two clicks on one button, too much of everything.
import assert from "node:assert/strict";
import { test } from "node:test";
import { visit } from "./person.mjs";
import { canary, until } from "./server.mjs";
import { server } from "./world.mjs";

const stored = async (name) => (await server.api("GET", "/secrets")).find((s) => s.name === name);
const gone = "It is not there any more";

test("a new value for a secret that somebody else rotates or deletes meanwhile", () =>
  visit(server, {}, async (person, page) => {
    const value = canary();
    const made = await server.put("UI_BOTH", canary());
    await person.signIn(`/secrets/${made.id}/rotate`);
    const field = page.getByLabel("New value", { exact: true });
    await field.fill(value);
    await server.put("UI_BOTH", canary(), { rotate: true });
    await person.button("Store version 2").click();
    await person.see("Version 2 was stored while this page was open.");
    assert.equal(await field.inputValue(), value, "it was not sent, so it stays");
    assert.equal((await stored("UI_BOTH")).version, 2);
    await person.button("Store version 3").click();
    await person.see("Version 3 of UI_BOTH is in use.");
    await person.keepsNothing(value);
    assert.equal(await server.valueOf("UI_BOTH"), value);

    await page.getByRole("link", { name: "New value" }).click();
    await field.fill(canary());
    await server.api("DELETE", `/secrets/${made.id}`);
    await person.button("Store version 4").click();
    await person.see("This secret was deleted while this page was open. Nothing was stored.");
    assert.equal(await stored("UI_BOTH"), undefined);
    await field.fill("");
  }));

test("a policy that somebody else changes meanwhile is not overwritten unseen", () =>
  visit(server, {}, async (person, page) => {
    const made = await server.put("UI_BOTH_POLICY", canary());
    await person.signIn(`/secrets/${made.id}/policy`);
    await page.getByLabel("Headers").check();
    const hosts = page.getByLabel("Hosts it may be sent to");
    const other = await person.context.newPage();
    await other.goto(`${server.url}/team/settings#/secrets/${made.id}/policy`);
    await other.getByLabel("Webhook body").check();
    await other.getByRole("button", { name: "Save policy" }).click();
    await other.getByText("The policy of").waitFor();
    await other.close();
    await person.button("Save policy").click();
    await person.see("The policy was changed while this page was open.");
    assert.deepEqual((await stored("UI_BOTH_POLICY")).policy.sinks, ["body"]);
    assert.ok(await page.getByLabel("Headers").isChecked());
    for (const [typed, said] of [
      ["<img src=x onerror=alert(1)>.example.com", "Entry 1 "],
      [Array.from({ length: 5000 }, (_, n) => `h${n}.example.com`).join("\n"), /\w/],
      ["x".repeat(1 << 20), /\w/],
    ]) {
      await hosts.evaluate((area, text) => {
        area.value = text;
      }, typed);
      await person.button("Save policy").click();
      await page.locator(".field-error:visible, .box.bad:visible").filter({ hasText: said }).first().waitFor();
      assert.ok((await hosts.inputValue()) === typed, "what was typed stays");
      assert.equal(await page.locator("main img").count(), 0);
    }
    await hosts.fill("");
    await person.button("Save policy").click();
    await person.see("The policy of UI_BOTH_POLICY was changed.");
    assert.deepEqual((await stored("UI_BOTH_POLICY")).policy.sinks, ["header"]);
  }));

test("what somebody else has removed already is told, and nothing to try again", () =>
  visit(server, {}, async (person, page) => {
    const made = await server.put("UI_BOTH_GONE", canary());
    await person.signIn(`/secrets/${made.id}`);
    await person.button("Delete").click();
    await page.getByRole("dialog").waitFor();
    await server.api("DELETE", `/secrets/${made.id}`);
    await person.button("Delete secret").click();
    await person.see(gone);
    assert.equal(await person.button("Try again").count(), 0);
    await person.button("Show what is there").click();
    await person.see("No such secret");

    const token = await server.newToken("submit", { name: "UI both" });
    await person.go("/tokens");
    await person.button("Revoke UI both").click();
    await page.getByRole("dialog").waitFor();
    await server.api("DELETE", `/tokens/${token.split("_")[2]}`);
    await person.button("Revoke token").click();
    await person.see(/It is not there any more|Revoked/);
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await until(async () => (await person.button("Revoke UI both").count()) === 0 || person.button("Show what is there").click(), "the list as it is");
  }));

test("two clicks on a button are one request; an answer that never came is no success", () =>
  visit(server, {}, async (person, page) => {
    await person.signIn("/audit");
    await page.getByRole("rowheader").first().waitFor();
    await page.evaluate(() => {
      const verify = [...document.querySelectorAll("button")].find((b) => b.textContent === "Verify chain");
      verify.click();
      verify.click();
    });
    await person.see("The chain is whole.");
    assert.equal(person.sent.filter((r) => r.url.endsWith("/audit/verify")).length, 1);

    await person.go("/tokens/new");
    await page.getByLabel("Name").fill("perhaps");
    await page.route("**/api/v2/tokens", (route) => route.abort());
    await person.button("Make token").click();
    await person.see("If the token was made all the same, nobody has seen it");
    assert.equal(await page.getByLabel("Name").inputValue(), "perhaps");
    await page.unroute("**/api/v2/tokens");
    await person.button("Make token").click();
    await person.heading("Your new API token");

    await person.go(`/jobs?tags=${encodeURIComponent("<b>\u202e</b>")}`);
    await page.getByRole("alert").filter({ hasText: "tags: " }).waitFor();
    await page.getByLabel("Tags").fill("y".repeat(300));
    assert.equal((await page.getByLabel("Tags").inputValue()).length, 256);
    await person.button("Filter").click();
    await person.see("No job fits");
    assert.equal(await page.locator("main b").count(), 0);
  }));
