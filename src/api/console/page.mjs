// What every page does: a title, loading, trouble, and an end when another page comes.
import { Problem } from "./api.mjs";
import { button, h, put } from "./dom.mjs";
import { reload } from "./router.mjs";

const place = () => document.getElementById("page");
const trouble = () => document.getElementById("trouble");
let leaving = new AbortController();
let waiting = null; // a sentence for the page that comes next

/** A sentence to be shown (and read out) on the page that comes next. */
export function tellNext(...content) {
  waiting = content;
}

/** A sentence to be shown now. */
export function tell(...content) {
  put(document.getElementById("notice"), h("p", { class: "box good" }, content));
}

/** The banner over the page: the server does not answer, or null: it does again. */
export function showTrouble(problem, retry) {
  const shown = trouble();
  if (!problem) {
    if (shown.childNodes.length) put(shown);
  } else if (!shown.childNodes.length) {
    put(
      shown,
      h(
        "span",
        {},
        problem.kind === "unreachable"
          ? "The server does not answer. This page tries again by itself."
          : problem.message,
      ),
      retry ? button("Try now", retry, { kind: "small" }) : null,
    );
  }
}

/** Begins a page; what the one before still had running is ended. */
export function beginPage(title, { focus }) {
  leaving.abort();
  leaving = new AbortController();
  put(trouble());
  put(document.getElementById("notice"));
  const heading = h("h1", { tabindex: "-1" }, title);
  const actions = h("div", { class: "actions" });
  const body = h("div", { class: "page-body" });
  put(place(), h("div", { class: "page-head" }, heading, actions), body);
  document.title = `${title} · Safelight`;
  if (focus) {
    heading.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
  if (waiting) {
    const content = waiting;
    waiting = null;
    setTimeout(() => tell(...content)); // after the heading, so that both are read out
  }
  const { signal } = leaving;
  return {
    signal,
    body,
    actions,
    /** The title as nodes, for names from outside; `plain` is for the window. */
    title(plain, ...nodes) {
      put(heading, nodes.length ? nodes : plain);
      document.title = `${plain} · Safelight`;
    },
    /** Runs `get`, then `show` with its result; in between "Loading", in trouble a way to retry. */
    async load(get, show, target = body) {
      const slow = setTimeout(
        () => put(target, h("p", { class: "muted", role: "status" }, "Loading…")),
        250,
      );
      try {
        const got = await get();
        if (!signal.aborted) {
          clearTimeout(slow);
          put(target, show(got));
        }
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof Problem)) throw error;
        clearTimeout(slow);
        put(
          target,
          problemBox(error, () => this.load(get, show, target)),
        );
      } finally {
        clearTimeout(slow);
      }
    },
  };
}

/** What went wrong, and a button to try again. */
export function problemBox(problem, retry) {
  const text =
    problem.status === 404
      ? "There is nothing here: it was deleted, or the address is wrong."
      : problem.code === "FORBIDDEN"
        ? "Your role does not allow this."
        : problem.message;
  const details = problem.details.map((d) => h("li", {}, `${d.field || "It"}: ${d.message}`));
  return h(
    "div",
    { class: "box bad", role: "alert" },
    h("p", {}, details.length ? "That cannot be asked for:" : text),
    details.length ? h("ul", {}, details) : null,
    problem.kind === "refused" ? null : button("Try again", retry, { kind: "small" }),
  );
}

/** Runs something that a button starts; trouble is told above the page. */
export async function attempt(work) {
  const notice = document.getElementById("notice");
  try {
    put(notice);
    return await work();
  } catch (error) {
    if (error.name === "AbortError") return undefined;
    if (!(error instanceof Problem)) throw error;
    const details = error.details.map((d) => d.message).join("; ");
    const gone = error.status === 404; // trying again would not bring it back
    put(
      notice,
      h(
        "div",
        { class: "box bad", role: "alert" },
        h(
          "p",
          {},
          gone ? "It is not there any more: somebody removed it meanwhile." : error.message,
          details ? `: ${details}` : "",
        ),
        gone
          ? button("Show what is there", reload, { kind: "small" })
          : button("Try again", () => attempt(work), { kind: "small" }),
      ),
    );
    notice.scrollIntoView({ block: "nearest" });
    return undefined;
  }
}
