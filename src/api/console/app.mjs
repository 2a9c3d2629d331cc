// The console's beginning: who is signed in, which page the address means.
import { Problem } from "./api.mjs";
import { auditPage } from "./audit.mjs";
import { button, h, link, outside, put } from "./dom.mjs";
import { importPage } from "./import.mjs";
import { jobPage } from "./job.mjs";
import { jobsPage } from "./jobs.mjs";
import { attempt, beginPage, problemBox } from "./page.mjs";
import { match, parseRoute } from "./router.mjs";
import { secretPage } from "./secret.mjs";
import { newSecretPage, policyPage, rotatePage } from "./secret_forms.mjs";
import { secretsPage } from "./secrets.mjs";
import { may, resume, session, signInForm, signOut, startSession } from "./session.mjs";
import { sessionsPage } from "./sessions.mjs";
import { newTokenPage, tokensPage } from "./tokens.mjs";
import { zone } from "./text.mjs";

const PAGES = [
  ["secrets", "Secrets", "any", secretsPage],
  ["secrets/new", "New secret", "any", newSecretPage],
  ["secrets/import", "Import secrets", "any", importPage],
  ["secrets/:id", "Secret", "any", secretPage],
  ["secrets/:id/rotate", "New value", "any", rotatePage],
  ["secrets/:id/policy", "Policy", "any", policyPage],
  ["jobs", "Jobs", "any", jobsPage],
  ["jobs/:id", "Job", "any", jobPage],
  ["tokens", "API tokens", "admin", tokensPage],
  ["tokens/new", "New API token", "admin", newTokenPage],
  ["audit", "Audit", "admin", auditPage],
  ["sessions", "Sessions", "any", sessionsPage],
].map(([pattern, title, role, show]) => ({ pattern: pattern.split("/"), title, role, show }));

const NAVIGATION = ["secrets", "jobs", "tokens", "audit", "sessions"];
const $ = (id) => document.getElementById(id);
let moved = false; // the first page leaves the focus where the browser has it

function home() {
  return may("admin") ? "tokens" : "secrets";
}

function frame(section) {
  const who = session();
  for (const id of ["nav", "who"]) $(id).hidden = !who;
  put($("team"), who ? who.team.name : "");
  put(
    $("nav"),
    who
      ? NAVIGATION.map((name) => PAGES.find((p) => p.pattern.join("/") === name))
          .filter((p) => may(p.role))
          .map((p) => {
            const made = link(`/${p.pattern[0]}`, p.title);
            if (p.pattern[0] === section) made.setAttribute("aria-current", "page");
            return made;
          })
      : null,
  );
  put(
    $("who"),
    who
      ? [
          h(
            "span",
            { class: "who-name" },
            outside(who.token.name || who.token.id),
            h("span", { class: "muted" }, ` ${who.role}`),
          ),
          button("Sign out", leave, { kind: "small" }),
        ]
      : null,
  );
  put($("foot"), who ? `Times are in ${zone()}.` : "");
  document.body.classList.toggle("signed-out", !who);
}

async function leave() {
  await attempt(async () => {
    await signOut();
    signedOut();
  });
}

function signedOut(focus = true) {
  frame("");
  const page = beginPage("Sign in", { focus });
  const sign = signInForm(() => {
    moved = true;
    show();
  });
  put(page.body, sign.element);
  sign.focus();
}

function show() {
  if (!session()) {
    signedOut(moved);
    return;
  }
  const route = parseRoute(location.hash);
  const path = route.path.length ? route.path : [home()];
  frame(path[0]);
  for (const page of PAGES) {
    const found = match(page.pattern, path);
    if (found && may(page.role)) {
      page.show(beginPage(page.title, { focus: moved }), { ...found, query: route.query });
      moved = true;
      return;
    }
  }
  const page = beginPage("Not found", { focus: moved });
  put(
    page.body,
    h(
      "p",
      {},
      "There is no such page, or your role does not allow it. ",
      link(`/${home()}`, "Go on"),
    ),
  );
  moved = true;
}

async function start() {
  startSession(signedOut);
  $("skip").addEventListener("click", (event) => {
    event.preventDefault();
    $("main").focus();
  });
  try {
    await resume();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const page = beginPage("Safelight", { focus: false });
    put(page.body, problemBox(error, start));
    return;
  }
  addEventListener("hashchange", () => {
    if (!location.hash || location.hash.startsWith("#/")) show();
  });
  show();
}

await start();
