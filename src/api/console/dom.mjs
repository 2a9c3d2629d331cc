// Elements from data. Whatever is a string goes in as text; nothing here parses markup.
import { localTime, visible } from "./text.mjs";

const AS_PROPERTY = new Set([
  "value",
  "checked",
  "disabled",
  "hidden",
  "open",
  "selected",
  "files",
]);

function set(element, name, value) {
  if (value === undefined || value === null || value === false) return;
  if (name === "on") {
    for (const [event, listener] of Object.entries(value))
      element.addEventListener(event, listener);
  } else if (AS_PROPERTY.has(name)) {
    element[name] = value;
  } else {
    if (/^on|^style$|^srcdoc$/.test(name)) throw new Error(`no attribute ${name} here`);
    element.setAttribute(name, value === true ? "" : visible(value));
  }
}

/** h("p", {class: "hint"}, "text", node, [more], null): strings become text, null nothing. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) set(element, name, value);
  fill(element, children);
  return element;
}

/** Puts children at the end of an element. */
export function fill(element, children) {
  for (const child of [children].flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : visible(child));
  }
  return element;
}

/** Replaces what an element holds. */
export function put(element, ...children) {
  element.replaceChildren();
  return fill(element, children);
}

/** A name or sentence that somebody else wrote: isolated, so that it cannot reorder ours. */
export function outside(text, kind = "") {
  const given = String(text);
  // Names like prod/AWS_KEY break between their words rather than within one.
  const parts = kind === "mono" ? given.split(/(?<=[/._-])(?=[^/._-])/) : [given];
  const pieces = parts.map((part, at) => [at ? h("wbr") : null, part]);
  return h("bdi", { class: kind || null }, pieces);
}

export function mono(text) {
  return outside(text, "mono");
}

/** A time; the exact one in UTC as its title. */
export function time(iso, options = {}) {
  if (!iso) return h("span", { class: "muted" }, options.none ?? "never");
  return h("time", { datetime: iso, title: iso }, localTime(iso, options));
}

export function badge(kind, ...text) {
  return h("span", { class: `badge ${kind}` }, text);
}

export function link(route, ...children) {
  return h("a", { href: `#${route}` }, children);
}

/** While what it started goes on, another click does nothing. */
export function button(label, click, { kind = "", ...more } = {}) {
  const element = h("button", { type: "button", class: `button ${kind}`, ...more }, label);
  element.addEventListener("click", async (event) => {
    if (element.hasAttribute("aria-disabled")) return;
    const going = click(event);
    if (!(going instanceof Promise)) return;
    element.setAttribute("aria-disabled", "true");
    try {
      await going;
    } finally {
      element.removeAttribute("aria-disabled");
    }
  });
  return element;
}

/** A link out of the console, if the address is one that a link may have; else only its text. */
export function external(address, label, more = {}) {
  let scheme = "";
  try {
    scheme = new URL(address).protocol;
  } catch {
    return outside(address);
  }
  if (scheme !== "http:" && scheme !== "https:") return outside(address);
  return h("a", { href: address, rel: "noreferrer noopener", target: "_blank", ...more }, label);
}

let ids = 0;
export function freshId(stem) {
  ids += 1;
  return `${stem}-${ids}`;
}

/** A list of facts: [[label, content], ...]. */
export function facts(pairs) {
  return h(
    "dl",
    { class: "facts" },
    pairs
      .filter(Boolean)
      .map(([label, ...content]) => h("div", {}, h("dt", {}, label), h("dd", {}, content))),
  );
}

/** What stands in the place of rows when there are none. */
export function empty(title, text, ...actions) {
  return h(
    "div",
    { class: "empty" },
    h("p", { class: "empty-title" }, title),
    h("p", {}, text),
    actions.length ? h("p", { class: "actions" }, actions) : null,
  );
}

/** Hands a text or blob to the browser as a file. */
export function saveFile(content, name, type) {
  const address = URL.createObjectURL(
    content instanceof Blob ? content : new Blob([content], { type }),
  );
  const anchor = h("a", { href: address, download: name, hidden: true });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60000);
}
