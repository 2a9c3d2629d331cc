// Who is signed in. The token itself is sent once and kept nowhere; a cookie that scripts cannot
// read stands for it from then on.
import { Problem, send, setCsrf, setHooks } from "./api.mjs";
import { modal } from "./dialog.mjs";
import { button, h, outside } from "./dom.mjs";
import { field, form, invalid } from "./form.mjs";

let current = null;
let asking = null; // one question at a time, however many requests found the session ended
let ended = () => {};

export const session = () => current;
export const may = (role) => role === "any" || current?.role === role;

function adopt(given) {
  const other = current && (current.team.id !== given.team.id || current.role !== given.role);
  current = given;
  setCsrf(given.csrf);
  // Another tab signed in as somebody else: nothing here holds any more.
  if (other) location.reload();
  return given;
}

/** The session of the cookie, or null. */
export async function resume() {
  try {
    return adopt(await (await send("GET", "/console/session")).json());
  } catch (error) {
    if (error instanceof Problem && error.kind !== "unreachable" && error.kind !== "failed")
      return null;
    throw error;
  }
}

export async function signOut() {
  await send("DELETE", "/console/session").catch((error) => {
    if (error.kind !== "expired") throw error;
  });
  current = null;
  setCsrf(null);
}

/** Forgets who is signed in after the server did. */
export function dropSession() {
  current = null;
  setCsrf(null);
}

function explain(problem) {
  if (problem.status === 429) {
    const wait = problem.retryAfter ? ` for ${problem.retryAfter} s` : "";
    return (
      "This is no valid API token, and there were too many failed attempts from this address." +
      ` A valid one signs in; anything else is refused${wait}.`
    );
  }
  if (problem.status === 401)
    return "This is no valid API token, or it was revoked or has expired.";
  if (problem.code === "FORBIDDEN")
    return "This token may not sign in here: it takes an admin or editor token.";
  return null;
}

/** The form that takes a token. `done(session)` runs after it was accepted. */
export function signInForm(done) {
  const control = h("input", {
    type: "password",
    autocomplete: "off",
    spellcheck: "false",
    autocapitalize: "off",
  });
  const token = field("API token", control, {
    at: ["token"],
    hint: "An admin or editor token (slt_…). This browser does not keep it.",
  });
  const made = form({
    fields: [token],
    action: () => "Sign in",
    explain,
    async submit() {
      const typed = control.value.trim();
      control.value = "";
      if (!typed) throw invalid([["token", "Paste a token"]]);
      setCsrf(null);
      const answer = await send("POST", "/console/session", { body: { token: typed } });
      done(adopt(await answer.json()));
    },
  });
  return { element: made.element, focus: () => control.focus() };
}

/** The session has ended while a page was open: asks for a token above it, leaving it as it is. */
function signInAgain() {
  asking ??= modal("Sign in again", (close, dialog) => {
    const sign = signInForm(() => close(true));
    dialog.classList.add("again");
    queueMicrotask(sign.focus);
    return [
      h(
        "p",
        {},
        "Your session in ",
        outside(current?.team.name ?? ""),
        " has ended. What you typed on this page is kept.",
      ),
      sign.element,
      h(
        "p",
        { class: "aside" },
        button("Leave this page instead", () => close(false), { kind: "small" }),
      ),
    ];
  }).then((answer) => {
    asking = null;
    if (answer === false) {
      dropSession();
      ended();
    }
    return answer === true; // null: not now; what was asked for fails, the page stays
  });
  return asking;
}

async function refresh() {
  const before = current?.csrf;
  return Boolean(await resume().catch(() => null)) && current.csrf !== before;
}

/** `left()` runs when the session has ended and the person does not sign in again. */
export function startSession(left) {
  ended = left;
  setHooks({ expired: () => (current ? signInAgain() : Promise.resolve(false)), refresh });
}
