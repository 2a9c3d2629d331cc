// Secrets: made, rotated, rolled back, restricted, deleted; a value goes in and never comes out.
import assert from "node:assert/strict";
import { test } from "node:test";
import { visit } from "./person.mjs";
import { canary } from "./server.mjs";
import { server } from "./world.mjs";

test("a secret is stored, shown without its value, and kept from every corner of the page", () =>
  visit(server, {}, async (person, page) => {
    const value = canary();
    await person.signIn();
    await person.see("No secrets yet");
    await page.getByRole("link", { name: "New secret" }).click();
    await person.heading("New secret");
    await page.getByLabel("Name").fill("UI_FIRST");
    await page.getByLabel("Value", { exact: true }).fill(value);
    await person.button("Store secret").click();
    await person.see("Stored UI_FIRST.");
    await person.heading("UI_FIRST");
    await person.keepsNothing(value);
    for (const route of ["/secrets", "/jobs", "/audit", "/sessions", "/secrets/new"]) {
      await person.go(route);
      await person.keepsNothing(value);
    }
    await page.goBack();
    await page.reload();
    await person.keepsNothing(value);
    assert.equal(await server.valueOf("UI_FIRST"), value);
  }));

test("what is wrong with a form is said at its fields, before and after sending", () =>
  visit(server, {}, async (person, page) => {
    await person.signIn("/secrets/new");
    const name = page.getByLabel("Name");
    const value = page.getByLabel("Value", { exact: true });
    await person.button("Store secret").click();
    await person.see("Must be 1 to 128 of");
    await person.see("Is required");
    assert.equal(await name.getAttribute("aria-invalid"), "true");
    assert.ok(await name.evaluate((e) => e === document.activeElement));
    for (const bad of ["a b", "<img src=x onerror=alert(1)>", "\u202eevil", "x".repeat(129), "ä", "${secret.A}"]) {
      await name.fill(bad);
      await value.fill("x");
      await person.button("Store secret").click();
      await person.see("Must be 1 to 128 of");
    }
    await name.fill("BIG");
    await value.fill("x".repeat(65537));
    await person.button("Store secret").click();
    await person.see("May have at most 64.0 KiB");
    assert.equal(person.sent.filter((r) => r.method === "PUT").length, 0, "nothing was sent");

    await server.put("ui_TAKEN", "something");
    await name.fill("ui_TAKEN");
    await value.fill(canary());
    await person.button("Store secret").click();
    await person.see("There is a secret of this name already");
    assert.equal(await name.inputValue(), "ui_TAKEN");
    assert.equal(await value.inputValue(), "");
    await name.fill("UI_taken");
    await value.fill(canary());
    await person.button("Store secret").click();
    await person.see("differs only in case");
  }));

test("a value of several lines is pasted or read from a file, and never shown", () =>
  visit(server, { permissions: ["clipboard-read", "clipboard-write"] }, async (person, page) => {
    const pem = `-----BEGIN KEY-----\n${canary()}\n${canary()}\n-----END KEY-----\n`;
    await person.signIn("/secrets/new");
    await page.getByLabel("Name").fill("UI_PEM");
    const value = page.getByLabel("Value", { exact: true });
    await page.evaluate((text) => navigator.clipboard.writeText(text), pem);
    await value.focus();
    await page.keyboard.press("ControlOrMeta+v");
    await person.see(/4 lines, \d+ bytes entered; ends with a line break/);
    assert.equal(await value.inputValue(), "");
    await person.button("Drop the last line break").click();
    await person.button("Store secret").click();
    await person.heading("UI_PEM");
    assert.equal(await server.valueOf("UI_PEM"), pem.slice(0, -1));

    const json = JSON.stringify({ key: canary(), deep: "ä\n" });
    await page.getByRole("link", { name: "New value" }).click();
    await page
      .locator("input[type=file]")
      .setInputFiles({ name: "k.json", mimeType: "application/json", buffer: Buffer.from(json) });
    await person.see("1 line,");
    await person.button("Discard").click();
    await page
      .locator("input[type=file]")
      .setInputFiles({ name: "k.bin", mimeType: "", buffer: Buffer.from([0xff, 0xfe]) });
    await person.see("Must be a file of UTF-8 text");
    await page
      .locator("input[type=file]")
      .setInputFiles({ name: "k.json", mimeType: "application/json", buffer: Buffer.from(json) });
    await person.button("Store version 2").click();
    await person.see("Version 2 of");
    assert.equal(await server.valueOf("UI_PEM"), json);
  }));

test("a secret is rotated and rolled back; queued jobs follow", () =>
  visit(server, {}, async (person, page) => {
    const [first, second] = [canary(), canary()];
    const made = await server.put("UI_ROTATED", first);
    await person.signIn(`/secrets/${made.id}`);
    await page.getByRole("link", { name: "New value" }).click();
    await page.getByLabel("New value", { exact: true }).fill(second);
    await person.button("Store version 2").click();
    await person.see("Version 2 of UI_ROTATED is in use.");
    await person.keepsNothing(second);
    assert.equal(await server.valueOf("UI_ROTATED"), second);
    await person.button("Roll back to version 1").click();
    await person.button("Keep it as it is").click();
    await person.button("Roll back to version 1").click();
    await person.button("Go back to version 1").click();
    await person.see("Version 3 has the value of version 1.");
    assert.equal(await server.valueOf("UI_ROTATED"), first);
    const row = page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: "3", exact: true }) });
    assert.match(await row.first().innerText(), /current/);
  }));

test("a policy is set, its mistakes told at their place, and lifted", () =>
  visit(server, {}, async (person, page) => {
    const made = await server.put("UI_POLICY", canary());
    await person.signIn(`/secrets/${made.id}/policy`);
    await page.getByLabel("Headers").check();
    await page.getByLabel("Hosts it may be sent to").fill("api.example.com\n*.co.uk");
    await page.getByLabel("Not used any more from").fill("2020-01-01T00:00");
    await person.button("Save policy").click();
    await person.see(/Entry 2 /);
    assert.equal(await page.getByLabel("Hosts it may be sent to").inputValue(), "api.example.com\n*.co.uk");
    await page.getByLabel("Hosts it may be sent to").fill("api.example.com\n*.example.com");
    await person.button("Save policy").click();
    await person.see("Must be in the future");
    await page.getByLabel("Not used any more from").fill("2099-01-01T12:30");
    await person.button("Save policy").click();
    await person.see("The policy of UI_POLICY was changed.");
    const stored = (await server.api("GET", "/secrets")).find((s) => s.name === "UI_POLICY").policy;
    assert.deepEqual(stored, {
      sinks: ["header"],
      hosts: ["*.example.com", "api.example.com"],
      expiresAt: stored.expiresAt,
    });
    assert.match(stored.expiresAt, /^2099-01-01T12:30:00/);
    await person.go("/secrets");
    await person.see("header · *.example.com and 1 more");
    await person.go(`/secrets/${made.id}/policy`);
    assert.equal(await page.getByLabel("Not used any more from").inputValue(), "2099-01-01T12:30");
    await page.getByLabel("Headers").uncheck();
    await page.getByLabel("Hosts it may be sent to").fill("");
    await page.getByLabel("Not used any more from").fill("");
    await person.button("Save policy").click();
    await person.see("It may be used anywhere in a job");
  }));

test("deleting says which waiting jobs need it, and asks", () =>
  visit(server, {}, async (person, page) => {
    const made = await server.put("UI_DOOMED", canary());
    const job = await server.api("POST", "/jobs", {
      engine: "nobody",
      assets: [{ type: "text", layerName: "x", value: "${secret.UI_DOOMED}" }],
    });
    await person.signIn(`/secrets/${made.id}`);
    await page.getByRole("link", { name: job.id }).waitFor();
    await person.see("/assets/0/value");
    await person.button("Delete").click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("1 waiting job needs it").waitFor();
    await dialog.getByText(job.id).waitFor();
    await page.keyboard.press("Escape");
    assert.ok((await server.api("GET", "/secrets")).some((s) => s.name === "UI_DOOMED"));
    const jobs = Array(100).fill({ engine: "nobody", assets: [{ type: "text", layerName: "x", value: "${secret.UI_DOOMED}" }] });
    const { batchId } = await server.api("POST", "/batches", { jobs });
    await person.button("Delete").click();
    await dialog.getByText("100 or more waiting jobs need it").waitFor();
    await server.api("POST", `/batches/${batchId}/cancel`);
    await page.keyboard.press("Escape");
    await person.button("Delete").click();
    await dialog.getByText("1 waiting job needs it").waitFor();
    await person.button("Delete secret").click();
    await person.see("Deleted UI_DOOMED.");
    await person.heading("Secrets");
    assert.ok(!(await server.api("GET", "/secrets")).some((s) => s.name === "UI_DOOMED"));
    await person.go(`/secrets/${made.id}`);
    await person.see("No such secret");
    await server.api("PATCH", `/jobs/${job.id}/cancel`);
  }));

test("the list says how many jobs use each, and how many of them wait", () =>
  visit(server, {}, async (person, page) => {
    await server.put("UI_USED", canary());
    await server.put("UI_UNUSED", canary());
    const asset = { type: "text", layerName: "x", value: "${secret.UI_USED}" };
    const [first, second] = [1, 2].map(() => server.api("POST", "/jobs", { engine: "nobody", assets: [asset] }));
    await server.api("PATCH", `/jobs/${(await first).id}/cancel`);
    await person.signIn();
    const row = (name) => page.getByRole("row").filter({ has: page.getByRole("link", { name, exact: true }) });
    await row("UI_USED").getByText("1 waiting").waitFor();
    await row("UI_UNUSED").getByText("none").waitFor();
    await row("UI_USED").getByRole("link", { name: "2 jobs" }).click();
    await person.heading("UI_USED");
    await page.getByRole("link", { name: (await second).id }).waitFor();
    await server.api("PATCH", `/jobs/${(await second).id}/cancel`);
    await page.route("**/api/v2/secrets/jobs?*", (route) => route.abort());
    await person.go("/secrets");
    await row("UI_USED").getByText("–").first().waitFor(); // the list is there without it
  }));

test("a long list is searched and shown in parts", () =>
  visit(server, {}, async (person, page) => {
    await person.signIn();
    const all = await server.api("GET", "/secrets");
    await person.see(`${all.length} secrets`);
    const many = Array.from({ length: 250 }, (_, n) => ({
      ...all[0],
      id: `X${n}`,
      name: `MANY_${String(n).padStart(3, "0")}`,
    }));
    await page.route("**/api/v2/secrets", (route) => route.fulfill({ json: many }));
    await page.reload();
    await person.see("250 secrets, the first 100 shown");
    assert.equal(await page.getByRole("rowheader").count(), 100);
    await person.button("Show more").click();
    assert.equal(await page.getByRole("rowheader").count(), 200);
    await page.getByLabel("Find by name").fill("many_24");
    await person.see("10 secrets of 250 found");
    assert.equal(await page.getByRole("rowheader").count(), 10);
  }));
