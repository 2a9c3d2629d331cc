// The audit log: filtered, paged, verified, exported.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { visit } from "./person.mjs";
import { canary, root, until } from "./server.mjs";
import { server } from "./world.mjs";

test("the log is paged and filtered", () =>
  visit(server, {}, async (person, page) => {
    const made = await server.put("UI_AUDITED", canary());
    const jobs = Array.from({ length: 110 }, () => ({ engine: "nobody", assets: [] }));
    const { batchId } = await server.api("POST", "/batches", { jobs });
    await server.api("POST", `/batches/${batchId}/cancel`);
    await person.signIn("/audit");
    const rows = page.getByRole("rowheader");
    await until(async () => (await rows.count()) === 100, "a page of records");
    const first = Number(await rows.first().innerText());
    await page.getByRole("link", { name: "Older ›" }).click();
    await until(async () => Number(await rows.first().innerText()) < first - 99, "older records");
    await page.getByRole("link", { name: "« Newest" }).click();
    await until(async () => Number(await rows.first().innerText()) >= first, "the newest again");
    await page.getByLabel("Name", { exact: true }).fill("UI_AUDITED");
    await page.getByLabel("Event").fill("secret.created");
    await person.button("Filter").click();
    await until(async () => (await rows.count()) === 1, "one record");
    assert.equal(await page.getByRole("link", { name: "UI_AUDITED" }).getAttribute("href"), `#/secrets/${made.id}`);
    await page.getByLabel("Event").fill("secret.deleted");
    await person.button("Filter").click();
    await person.see("No record fits");
    await page.getByLabel("Event").fill("<b>no such event</b>");
    await person.button("Filter").click();
    await page.getByRole("alert").filter({ hasText: /\w/ }).waitFor();
    await page.getByRole("link", { name: "Clear" }).click();
    await until(async () => (await rows.count()) === 100, "all records");
    await page.getByLabel("Until").fill("2020-01-01T00:00");
    await person.button("Filter").click();
    await person.see("No record fits");
  }));

test("the chain is verified, exported, and signed", () =>
  visit(server, {}, async (person, page) => {
    await person.signIn("/audit");
    await person.button("Verify chain").click();
    await person.see(/[\d,]+ records: none was changed/);
    const saved = page.waitForEvent("download");
    await person.button("Export").click();
    const lines = readFileSync(await (await saved).path(), "utf8")
      .trim()
      .split("\n")
      .map((l) => JSON.parse(l));
    assert.ok(lines.length > 100 && lines.every((l) => /^[0-9a-f]{64}$/.test(l.mac)));
    const signed = page.waitForEvent("download");
    await person.button("Signed checkpoint").click();
    assert.match(readFileSync(await (await signed).path(), "utf8"), /\n\n— /);
  }));

test("the console knows every audit event there is", async () => {
  const text = await (await fetch(`${server.url}/console/audit_events.mjs`)).text();
  const { EVENTS } = await import(`data:text/javascript,${encodeURIComponent(text)}`);
  const table = readFileSync(join(root, "src/store/audit.def"), "utf8");
  const rows = [...table.matchAll(/^AUDIT\(\w+,\s*"([^"]+)",\s*"([^"]+)"/gm)].map((m) => [m[1], m[2]]);
  assert.equal(rows.length, table.match(/^AUDIT\(/gm).length);
  assert.deepEqual(Object.entries(EVENTS), rows);
});
