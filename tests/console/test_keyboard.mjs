// The main flows with the keyboard alone; wherever the focus is, it is seen.
import assert from "node:assert/strict";
import { test } from "node:test";
import { visit } from "./person.mjs";
import { canary } from "./server.mjs";
import { server } from "./world.mjs";

/** In the page: what has the focus, and whether a person sees that it has. */
function focused() {
  const e = document.activeElement;
  const style = getComputedStyle(e);
  const box = e.getBoundingClientRect();
  const name = e.getAttribute("aria-label") ?? e.labels?.[0]?.innerText ?? e.innerText ?? "";
  return {
    tag: e.tagName,
    name: name.trim(),
    outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    within: box.width > 0 && box.bottom > 0 && box.top < innerHeight,
  };
}

/** Tabs until something of that name has the focus. */
async function tabTo(page, name, key = "Tab") {
  for (let n = 0; n < 60; n++) {
    await page.keyboard.press(key);
    const at = await page.evaluate(focused);
    assert.ok(at.outlined && at.within, `the focus on ${at.tag} ${at.name} is seen`);
    if (at.name.startsWith(name)) return at;
  }
  throw new Error(`${name} is not reached with ${key}`);
}

test("sign in, store, roll on, delete, revoke and sign out without a mouse", () =>
  visit(server, {}, async (person, page) => {
    await person.open("/secrets");
    await person.heading("Sign in");
    await page.keyboard.type(server.token);
    await page.keyboard.press("Enter");
    await person.heading("Secrets");
    await page.reload();
    await person.heading("Secrets");
    await page.keyboard.press("Tab");
    assert.equal((await page.evaluate(focused)).name, "Skip to the content");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.id), "main");
    await tabTo(page, "New secret");
    await page.keyboard.press("Enter");
    await person.heading("New secret");
    assert.equal(await page.evaluate(() => document.activeElement.tagName), "H1", "the focus moves with the page");
    await tabTo(page, "Name");
    await page.keyboard.type("UI_KEYS");
    await tabTo(page, "Value");
    await page.keyboard.type(canary());
    await tabTo(page, "Restrict its use");
    await page.keyboard.press("Space");
    await tabTo(page, "Headers");
    await page.keyboard.press("Space");
    await tabTo(page, "Store secret");
    await page.keyboard.press("Enter");
    await person.heading("UI_KEYS");
    await tabTo(page, "Delete");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    assert.equal((await page.evaluate(focused)).name, "Keep it as it is", "the safe answer has the focus");
    await page.keyboard.press("Escape");
    assert.equal((await page.evaluate(focused)).name, "Delete", "and goes back where it was");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await tabTo(page, "Delete secret");
    await page.keyboard.press("Enter");
    await person.see("Deleted UI_KEYS.");
    await tabTo(page, "API tokens", "Shift+Tab");
    await page.keyboard.press("Enter");
    await person.heading("API tokens");
    await tabTo(page, "Revoke");
    await tabTo(page, "Sign out", "Shift+Tab");
    await page.keyboard.press("Enter");
    await person.heading("Sign in");
  }));
