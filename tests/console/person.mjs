// A person at a browser of his own: what his pages say, send and keep is recorded, and searched for
// values at the end.
import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { chromium } from "playwright-core";

const ARGUMENTS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const MARK = /cnry[0-9a-f]{8}/;
let browser = null;

export async function openBrowser() {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  browser = await chromium.launch({ executablePath, args: ARGUMENTS });
}

export const closeBrowser = () => browser?.close();

/** In the page, from its beginning: notes every text and attribute that holds a value. */
function observe() {
  const mark = /cnry[0-9a-f]{8}/;
  window.leaks = [];
  const look = (text, where) => {
    if (text && mark.test(text)) window.leaks.push(where);
  };
  const all = (node) => {
    look(node.textContent, `text in ${node.nodeName}`);
    for (const e of [node, ...(node.querySelectorAll?.("*") ?? [])]) {
      for (const a of e.attributes ?? []) look(a.value, `${e.nodeName} ${a.name}`);
    }
  };
  new MutationObserver((changes) => {
    for (const change of changes) {
      if (change.type === "childList") change.addedNodes.forEach(all);
      else if (change.type === "characterData") look(change.target.data, "text");
      else look(change.target.getAttribute(change.attributeName), change.attributeName);
    }
  }).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
}

/** In the page: everything a script could read that holds a value. */
async function holdings() {
  const kept = [
    document.documentElement.outerHTML,
    document.cookie,
    location.href,
    document.title,
    JSON.stringify(history.state),
    JSON.stringify({ ...localStorage }),
    JSON.stringify({ ...sessionStorage }),
  ];
  for (const e of document.querySelectorAll("input,textarea,select")) kept.push(e.value);
  kept.push(JSON.stringify(await indexedDB.databases()), JSON.stringify(await caches.keys()));
  return { kept: kept.join("\n"), leaks: window.leaks, stored: localStorage.length + sessionStorage.length };
}

/** The body of an answer; one that broke off has none. */
function within(body) {
  const late = new Promise((_, fail) => setTimeout(() => fail(new Error("no body")), 5000).unref());
  return Promise.race([body, late]);
}

/** Chromium now and then does not answer to the end of a context; nothing depends on it. */
function closed(context) {
  const late = new Promise((done) => setTimeout(done, 3000).unref());
  return Promise.race([context.close().catch(() => {}), late]);
}

export class Person {
  static async at(server, { width = 1280, height = 900, scheme = "light", permissions = [] } = {}) {
    const person = new Person();
    person.server = server;
    person.context = await browser.newContext({
      viewport: { width, height },
      colorScheme: scheme,
      timezoneId: "UTC",
      locale: "en-GB",
      permissions,
      reducedMotion: "reduce",
    });
    person.wrong = [];
    person.sent = []; // {method, url, headers, body}
    person.answers = []; // promises of texts
    await person.context.addInitScript(observe);
    person.context.on("page", (page) => person.#watch(page));
    person.page = await person.context.newPage();
    person.page.setDefaultTimeout(20000);
    return person;
  }

  #watch(page) {
    page.on("pageerror", (error) => this.wrong.push(`script: ${error.stack ?? error}`));
    page.on("console", (message) => {
      const text = message.text();
      // Chromium says this of every answer that is no 2xx, and of a server that is not there.
      const refusal = text.startsWith("Failed to load resource");
      if (["error", "warning"].includes(message.type()) && !refusal) this.wrong.push(`console: ${text}`);
    });
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith("blob:") && new URL(url).origin !== new URL(this.server.url).origin) {
        this.wrong.push(`a request to ${url}`);
      }
      this.sent.push({ method: request.method(), url, headers: request.headers(), body: request.postData() ?? "" });
    });
    page.on("response", (response) => {
      this.answers.push(
        within(response.text()).then(
          (text) => ({ url: response.url(), headers: response.headers(), text }),
          () => ({ url: response.url(), headers: response.headers(), text: "" }),
        ),
      );
    });
  }

  open(route = "", at = "/team/settings") {
    return this.page.goto(`${this.server.url}${at}${route ? `#${route}` : ""}`);
  }

  /** Opens the console and signs in with the team's first token, or another. */
  async signIn(route = "/secrets", token = this.server.token) {
    await this.open(route);
    await this.page.getByLabel("API token").fill(token);
    await this.page.getByRole("button", { name: "Sign in" }).click();
    await this.page.getByRole("navigation", { name: "Console" }).waitFor();
    return this;
  }

  async go(route) {
    await this.page.evaluate((to) => {
      location.hash = to;
    }, route);
    await this.page.locator("main h1").waitFor();
  }

  /** A name from the accessibility tree. */
  button(name) {
    return this.page.getByRole("button", { name, exact: true });
  }

  heading(name) {
    return this.page.getByRole("heading", { name, level: 1 }).waitFor();
  }

  see(text) {
    return this.page.getByText(text).first().waitFor();
  }

  /** Where a value may be found after it was submitted; `submissions` is how often it was sent. */
  async keepsNothing(value, submissions = 1) {
    const found = await this.page.evaluate(holdings);
    assert.ok(!found.kept.includes(value), "a value is in the page or its storage");
    assert.equal(found.stored, 0, "the console keeps nothing in storage");
    const bodies = this.sent.filter((r) => JSON.stringify(r).includes(value));
    assert.equal(bodies.length, submissions, "the number of requests that carry the value");
    assert.ok(bodies.every((r) => !r.url.includes(value) && !JSON.stringify(r.headers).includes(value)));
    const answers = await Promise.all(this.answers);
    assert.ok(!answers.some((a) => JSON.stringify(a).includes(value)), "an answer holds the value");
  }

  /** Ends the visit: nothing went wrong on the way, no request left the server, no value was in the page. */
  async leave() {
    const { kept, leaks } = await this.page.evaluate(holdings);
    const answers = await Promise.all(this.answers);
    await closed(this.context);
    assert.deepEqual(this.wrong, []);
    assert.deepEqual(leaks, [], "a value stood in the page for a moment");
    assert.ok(!MARK.test(kept), "a value is in the page");
    assert.ok(
      !answers.some((a) => MARK.test(a.text) || MARK.test(JSON.stringify(a.headers))),
      "an answer holds a value",
    );
  }
}

/** Runs a visit, and ends it as `leave` says. */
export async function visit(server, options, work) {
  const person = await Person.at(server, options);
  try {
    await work(person, person.page);
  } catch (error) {
    await person.page.screenshot({ path: `${process.env.SHOTS ?? tmpdir()}/console-failed.png` }).catch(() => {});
    if (person.wrong.length) error.message += `\nbefore that: ${person.wrong.join("\n")}`;
    await closed(person.context);
    throw error;
  }
  await person.leave();
}
