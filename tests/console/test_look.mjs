// How it looks, to everyone: axe in both themes at both widths, nothing wider than the screen.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { visit } from "./person.mjs";
import { canary } from "./server.mjs";
import { server } from "./world.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const COLOURS = ["color-contrast", "link-in-text-block"]; // what a theme can change
/** What axe objects to; it has to have looked at something. */
async function violations(page, rules) {
  const found = await page.evaluate(async (only) => {
    const { passes, violations } = await window.axe.run(document, {
      resultTypes: ["violations"],
      ...(only && { runOnly: { type: "rule", values: only } }),
    });
    const told = violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(" ")} ${n.failureSummary}`));
    return { told, passed: passes.length };
  }, rules);
  assert.ok(found.passed >= (rules ? 1 : 15), `axe looked at ${found.passed} rules`);
  return found.told;
}

/** One page as it is now: at both widths, in both themes. */
async function inspect(page, name) {
  for (const [width, height] of [
    [1600, 1000],
    [360, 740],
  ]) {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme: "light" });
    assert.deepEqual(await violations(page), [], `${name} at ${width}`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= width, `${name} is ${wide} wide at ${width}`);
    await page.emulateMedia({ colorScheme: "dark" });
    assert.deepEqual(await violations(page, COLOURS), [], `${name} at ${width}, dark`);
  }
}

test("no page has a barrier that axe knows, and none is wider than the screen", () =>
  visit(server, {}, async (person, page) => {
    const policy = {
      sinks: ["header", "url"],
      hosts: ["api.example.com"],
      expiresAt: new Date(Date.now() + 4e8).toISOString(),
    };
    const secret = await server.put(
      "UI_LOOK/with.a-rather_long/name/that/goes/on/and/on/and/on/for/a/while",
      canary(),
      { policy },
    );
    await server.put("UI_LOOK", canary());
    const job = await server.api("POST", "/jobs", {
      engine: "nobody",
      assets: [{ type: "text", layerName: "x", value: "${secret.UI_LOOK}" }],
    });
    await person.open();
    await page.evaluate(axe);
    await inspect(page, "sign in");
    await page.getByLabel("API token").fill(server.token);
    await page.keyboard.press("Enter");
    await person.heading("API tokens");
    const at = async (route, ready, then = async () => {}) => {
      await person.go(route);
      await page.locator(ready).first().waitFor();
      await then();
      await inspect(page, route);
    };
    await at("/secrets", "table");
    await at(`/secrets/${secret.id}`, "table");
    await person.button("Delete").click();
    await page.getByRole("dialog").waitFor();
    await inspect(page, "a question");
    await page.keyboard.press("Escape");
    await at("/secrets/new", "form", async () => {
      await page.getByText("Restrict its use").click();
      await person.button("Store secret").click();
    });
    await at(`/secrets/${secret.id}/rotate`, "form");
    await at(`/secrets/${secret.id}/policy`, "form");
    await at("/secrets/import", "textarea", () =>
      page.locator("input[type=file]").setInputFiles({
        name: ".env",
        mimeType: "",
        buffer: Buffer.from("A_NAME=1\nUI_LOOK=2\nbad\"one=1\nEMPTY=\n"),
      }),
    );
    await at("/jobs", "table");
    await at(`/jobs/${job.id}`, "table");
    await at("/tokens", "table");
    await at("/tokens/new", "form", () => person.button("Make token").click().then(() => person.see("Your new API token")));
    await at("/audit", "table", async () => {
      await person.button("Verify chain").click();
      await person.see("none was changed or taken out");
    });
    await at("/sessions", "table");
    await at("/audit?until=2020-01-01T00:00:00Z", ".empty");
    await server.api("PATCH", `/jobs/${job.id}/cancel`);
    await person.context.clearCookies();
    await person.go("/secrets");
    await person.see("What you typed on this page is kept.");
    await inspect(page, "sign in again");
  }));

test("nothing moves for those who do not want it", () =>
  visit(server, {}, async (person, page) => {
    await person.signIn("/jobs");
    const moving = () =>
      page.evaluate(
        () =>
          document.getAnimations().length +
          [...document.querySelectorAll("*")].filter((e) => parseFloat(getComputedStyle(e).transitionDuration) > 0)
            .length,
      );
    assert.equal(await moving(), 0);
    await page.emulateMedia({ reducedMotion: "no-preference" });
    assert.ok((await moving()) > 0);
  }));
