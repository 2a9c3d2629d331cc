// A .env file becomes secrets: names are shown, values are sent, nothing stays.
import assert from "node:assert/strict";
import { test } from "node:test";
import { visit } from "./person.mjs";
import { canary } from "./server.mjs";
import { server } from "./world.mjs";

/** Pastes a text into what has the focus. */
async function paste(page, text) {
  await page.evaluate((given) => navigator.clipboard.writeText(given), text);
  await page.keyboard.press("ControlOrMeta+v");
}

const clipboard = { permissions: ["clipboard-read", "clipboard-write"] };
const result = (page, name) =>
  page
    .getByRole("row")
    .filter({ has: page.getByRole("rowheader", { name, exact: true }) })
    .innerText();

test("a pasted .env: a preview of names, a result for each, every value sent once", () =>
  visit(server, clipboard, async (person, page) => {
    const [a, b, c, d] = [canary(), canary(), canary(), canary()];
    await server.put("ENV_OLD", "what was there");
    await person.signIn("/secrets/import");
    await page.getByLabel(".env file").focus();
    await page.keyboard.type("A=1");
    await person.see("it cannot be typed here");
    assert.equal(await page.getByLabel(".env file").inputValue(), "");
    await paste(
      page,
      `# studio\nexport ENV_A=${a}\nENV_B="${b}\\nsecond line" # why\nENV_OLD=${c}\nENV_EMPTY=\nBAD<b>NAME</b>=${d}\nenv_a=x1${d}\nENV_TWICE=1${d}\nENV_TWICE=2${d}`,
    );
    await person.see("8 names");
    assert.match(await result(page, "ENV_EMPTY"), /left out the value is empty/);
    assert.equal(await page.getByText("stands in the file more than once").count(), 2);
    assert.match(await result(page, "BAD<b>NAME</b>"), /left out/);
    assert.match(await result(page, "ENV_OLD"), /exists/);
    assert.equal(await page.locator("main b").count(), 0);
    for (const value of [a, b, c, d]) await person.keepsNothing(value, 0);
    await person.button("Import 3 secrets").click();
    await person.see("Done: 2 stored, 6 not.");
    assert.match(await result(page, "ENV_A"), /stored, version 1/);
    assert.match(await result(page, "ENV_OLD"), /skipped/);
    assert.match(await result(page, "env_a"), /refused .*differs only in case/);
    await person.keepsNothing(a);
    await person.keepsNothing(b);
    await person.keepsNothing(c, 0);
    assert.equal(await server.valueOf("ENV_A"), a);
    assert.equal(await server.valueOf("ENV_B"), `${b}\nsecond line`);
    assert.equal(await server.valueOf("ENV_OLD"), "what was there");
  }));

test("a chosen .env gives names that are there new versions, if wished", () =>
  visit(server, {}, async (person, page) => {
    const value = canary();
    await person.signIn("/secrets/import");
    const choose = (text) =>
      page
        .locator("input[type=file]")
        .setInputFiles({ name: ".env", mimeType: "text/plain", buffer: Buffer.from(text) });
    await choose("   \n");
    await person.see("There is nothing in it");
    await choose("just words");
    await person.see("Line 1: say NAME=value; nothing was read");
    await choose("# nothing but this");
    await person.see("There is no NAME=value in it");
    const wrapped = Buffer.alloc(58, canary()).toString("base64");
    await choose(`ENV_KEY=${wrapped.slice(0, 76)}\n${wrapped.slice(76)}\n`);
    await person.see("Line 2: a value that goes on in the next line stands in quotes");
    await person.keepsNothing(wrapped.slice(76), 0);
    await choose("x".repeat((4 << 20) + 1));
    await person.see("Must be UTF-8 text of at most 4.0 MiB");
    await choose(`ENV_OLD=${value}\r\n`);
    await page.getByLabel("is there already and").selectOption("rotate");
    await person.button("Import 1 secret").click();
    await person.see("Done: 1 stored, 0 not.");
    assert.match(await result(page, "ENV_OLD"), /stored, version 2/);
    await person.keepsNothing(value);
    assert.equal(await server.valueOf("ENV_OLD"), value);
    await person.button("Import another file").click();
    await choose(`ENV_DROPPED=${canary()}`);
    await person.button("Discard").click();
    await page.getByLabel(".env file").waitFor();
    assert.ok(!(await server.api("GET", "/secrets")).some((s) => s.name === "ENV_DROPPED"));
  }));
