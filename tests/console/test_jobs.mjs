// Jobs: the list and one job, rendered by a real worker, delivered to real servers.
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { visit } from "./person.mjs";
import { canary, peer, until } from "./server.mjs";
import { server } from "./world.mjs";

export const HOSTILE = [
  "<img src=x onerror=alert(1)><script>alert(2)</script>",
  "\\033[31mred\\033[0m \\033]0;title\\007 \\033[2J",
  "\\342\\200\\256desrever\\342\\200\\254 \\342\\200\\213zero width",
  "&lt;not markup&gt; \\001\\002 \\302\\205",
];

const KEYS = { accessKeyId: "${secret.UI_S3_ID}", accessKeySecret: "${secret.UI_S3_KEY}" };
const REFUSAL = "<Error><Code>SignatureDoesNotMatch</Code><Message>no &lt;b&gt;good&lt;/b&gt;</Message></Error>";

/** An engine that says hostile things, waits for the file `go`, then for `end`, then renders. */
function script(step) {
  const says = HOSTILE.map((line) => `printf '${line}\\n'\n`).join("");
  return `${says}echo "PROGRESS: 30"
while [ ! -e ${step}.go ]; do sleep 0.05; done
echo "grown by a line"; echo "PROGRESS: 60"
while [ ! -e ${step}.end ]; do sleep 0.05; done
head -c 5000 /dev/urandom > "$SAFELIGHT_OUTPUT"; cp "$SAFELIGHT_OUTPUT" ${step}.copy
`;
}

test("one job, watched from the queue to its delivery, with all it says about itself", async () => {
  let good = false;
  const storage = await peer((request) => (good ? [200, ""] : [403, REFUSAL]));
  const step = join(server.folder, "watched");
  try {
    await visit(server, {}, async (person, page) => {
      const painted = canary();
      await server.put("UI_S3_ID", canary());
      await server.put("UI_S3_KEY", canary());
      await server.put("UI_PAINTED", painted);
      const engine = await server.worker(script(step));
      const job = await server.api("POST", "/jobs", {
        engine,
        assets: [{ type: "text", layerName: "x", value: "${secret.UI_PAINTED}" }],
        upload: { provider: "s3", params: { region: "r", bucket: "b", endpoint: storage.url, ...KEYS } },
      });
      await person.signIn(`/jobs/${job.id}`);
      await person.see("Rendering");
      const log = page.getByRole("log");
      await log.getByText("&lt;not markup&gt;").waitFor();
      const text = await log.innerText();
      assert.ok(text.includes("<img src=x onerror=alert(1)><script>alert(2)</script>"));
      assert.ok(text.includes("\\u001b[31mred\\u001b[0m"));
      assert.ok(text.includes("\\u202edesrever"));
      assert.ok(text.includes("\\u200bzero width"));
      assert.equal(await page.locator("main img, main script").count(), 0);
      await page.locator("progress").first().waitFor();

      const row = (name) => page.getByRole("row").filter({ hasText: name }).innerText();
      assert.match(await row("/upload/params/accessKeyId"), /UI_S3_ID\s+newest\s+credential\s+127\.0\.0\.1:?\d*\s+no/);
      assert.match(await row("/assets/0/value"), /UI_PAINTED\s+newest\s+text\s+–\s+exposed/);

      writeFileSync(`${step}.go`, "");
      await log.getByText("grown by a line").waitFor();
      assert.equal((await log.innerText()).split("grown by a line").length, 2, "nothing is shown twice");
      await person.see("60 %");
      writeFileSync(`${step}.end`, "");
      await person.see("Why it failed");
      await person.see("SignatureDoesNotMatch");
      await page.getByRole("row").filter({ hasText: "Upload" }).getByText("failed").waitFor();
      await page.getByRole("status").filter({ hasText: "Job: Error" }).waitFor({ state: "attached" });
      assert.equal(await page.locator("main b").count(), 0);

      good = true;
      await person.button("Retry delivery").click();
      await person.see("What had failed is tried again now.");
      await person.see("Finished");
      await page.getByRole("row").filter({ hasText: "Upload" }).getByText("delivered").waitFor();
      assert.ok(storage.seen.at(-1).body.equals(readFileSync(`${step}.copy`)));
      await log.getByText("200").first().waitFor();
      const saved = page.waitForEvent("download");
      await person.button("Download log").click();
      const file = readFileSync(await (await saved).path(), "utf8");
      assert.ok(file.includes("grown by a line") && file.includes("\u001b[31m"));
      assert.ok(!file.includes(painted));
      await person.keepsNothing(painted, 0);
    });
  } finally {
    storage.stop();
  }
});

test("an output that is kept here is downloaded; one that waits for its webhook says so", async () => {
  const hook = await peer(() => [503, "<b>busy</b>"]);
  const step = join(server.folder, "kept");
  for (const end of ["go", "end"]) writeFileSync(`${step}.${end}`, "");
  try {
    await visit(server, {}, async (person, page) => {
      const engine = await server.worker(script(step));
      const job = await server.api("POST", "/jobs", { engine, assets: [], webhook: { url: `${hook.url}/hook` } });
      await person.signIn(`/jobs/${job.id}`);
      const saved = page.waitForEvent("download");
      await page.getByRole("link", { name: "Download the output" }).click();
      assert.ok(readFileSync(await (await saved).path()).equals(readFileSync(`${step}.copy`)));
      await page.getByRole("row").filter({ hasText: "Webhook" }).getByText("due").waitFor();
      await person.see("503");
      const tried = hook.seen.length;
      await person.button("Retry delivery").click();
      await until(() => hook.seen.length > tried, "another attempt");
      await person.see("This job refers to no secret.");
    });
  } finally {
    hook.stop();
  }
});

test("a job is cancelled, waiting or running, after a question", async () => {
  const step = join(server.folder, "endless");
  await visit(server, {}, async (person, page) => {
    const waiting = await server.api("POST", "/jobs", { engine: "nobody", assets: [] });
    await person.signIn(`/jobs/${waiting.id}`);
    await person.button("Cancel job").click();
    await page.keyboard.press("Escape");
    assert.equal((await server.api("GET", `/jobs/${waiting.id}`)).status, "queued");
    await person.button("Cancel job").click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel job" }).click();
    await person.see("The job was cancelled.");
    await page.locator(".badge", { hasText: "Cancelled" }).waitFor();
    assert.equal(await person.button("Cancel job").count(), 0);

    const engine = await server.worker(`touch ${step}; exec sleep 100`);
    const running = await server.api("POST", "/jobs", { engine, assets: [] });
    await until(() => existsSync(step), "the engine's start");
    await person.go(`/jobs/${running.id}`);
    await page.locator(".badge", { hasText: "Rendering" }).waitFor();
    await person.button("Cancel job").click();
    await person.see("its worker stops");
    await page.getByRole("dialog").getByRole("button", { name: "Cancel job" }).click();
    await page.locator(".badge", { hasText: "Cancelled" }).waitFor();

    const late = await server.api("POST", "/jobs", { engine: "nobody", assets: [] });
    await person.go(`/jobs/${late.id}`);
    await person.button("Cancel job").click();
    await server.api("PATCH", `/jobs/${late.id}/cancel`);
    await page.getByRole("dialog").getByRole("button", { name: "Cancel job" }).click();
    await page.getByRole("alert").filter({ hasText: "cancelled" }).waitFor();
  });
});

test("the list is filtered, paged, and follows by itself", () =>
  visit(server, {}, async (person, page) => {
    const made = await server.api("POST", "/batches", {
      jobs: Array.from({ length: 60 }, () => ({ engine: "nobody", assets: [], tags: "ui-many" })),
    });
    await person.signIn("/jobs");
    const rows = page.getByRole("rowheader");
    await until(async () => (await rows.count()) === 50, "a full page");
    await page.getByLabel("Tags").fill("ui-many");
    await person.button("Filter").click();
    await page.getByText("1 to 50").waitFor();
    await person.button("Older ›").click();
    await page.getByText("51 to 60").waitFor();
    assert.equal(await rows.count(), 10);
    await person.button("‹ Newer").click();
    await page.getByText("1 to 50").waitFor();
    const newest = made.jobs.at(-1).id;
    const row = page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: newest }) });
    assert.match(await row.innerText(), /Queued/);
    await page.getByRole("link", { name: newest }).focus();
    await server.api("PATCH", `/jobs/${newest}/cancel`);
    await row.getByText("Cancelled").waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.textContent), newest, "the focus stays");
    await page.getByLabel("State").selectOption("manually_cancelled");
    await until(async () => (await rows.count()) === 1, "one job");
    await page.getByLabel("Created until").fill("2020-01-01T00:00");
    await person.button("Filter").click();
    await person.see("No job fits");
    await page.getByRole("link", { name: "Clear" }).click();
    await until(async () => (await rows.count()) === 50, "a full page again");
    await person.go("/jobs?states=nonsense&from=-3");
    await page.getByRole("alert").filter({ hasText: /\w/ }).waitFor();
    await server.api("POST", `/batches/${made.batchId}/cancel`);
  }));

test("nobody looks, nothing is asked", () =>
  visit(server, {}, async (person, page) => {
    await person.signIn("/jobs");
    await until(async () => (await page.getByRole("rowheader").count()) > 0, "the list");
    await page.evaluate(() => {
      Object.defineProperty(document, "hidden", { value: true, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    });
    await page.waitForLoadState("networkidle");
    const asked = person.sent.length;
    await new Promise((done) => setTimeout(done, 2500));
    assert.equal(person.sent.length, asked);
    await page.evaluate(() => {
      delete document.hidden;
      document.dispatchEvent(new Event("visibilitychange"));
    });
    await until(() => person.sent.length > asked, "the next look");
  }));
