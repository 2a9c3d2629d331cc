// What a secret may be used for: as a sentence in lists, and as a form.
import { badge, h, outside, put, time } from "./dom.mjs";
import { checkbox, field, input, invalid } from "./form.mjs";
import { fromLocal, toLocal, zone } from "./text.mjs";

export const SINKS = [
  ["credential", "Upload credentials", "signs uploads and webhooks; the key is never sent"],
  ["upload", "Rest of the upload", "part of an object's address or head"],
  ["header", "Headers", "sent in a head"],
  ["url", "Addresses", "sent in a request's address"],
  ["body", "Webhook body", "sent in a body"],
  ["text", "Text and data", "handed to the worker, painted"],
  ["script", "Scripts", "handed to the worker, run"],
];

const DAY_MS = 86400000;

/** "expired", "in 3 days" or the day alone; nothing when there is no end. */
export function expiry(iso, { none = "never" } = {}) {
  if (!iso) return h("span", { class: "muted" }, none);
  const left = new Date(iso) - Date.now();
  const days = Math.ceil(left / DAY_MS);
  if (left <= 0) return [time(iso), " ", badge("bad", "expired")];
  if (days <= 14)
    return [time(iso), " ", badge("warn", days === 1 ? "within a day" : `in ${days} days`)];
  return time(iso);
}

/** One line for a list. */
export function policySummary(policy) {
  if (!policy) return h("span", { class: "muted" }, "anything");
  const parts = [];
  if (policy.sinks) parts.push(policy.sinks.join(", "));
  if (policy.hosts) {
    const more = policy.hosts.length - 1;
    parts.push([outside(policy.hosts[0], "mono"), more ? ` and ${more} more` : ""]);
  }
  if (!parts.length) return h("span", { class: "muted" }, "anything, until its end");
  return parts.map((part, at) => [at ? " · " : "", part]);
}

/** Everything, for a secret's own page. */
export function policyFacts(policy) {
  if (!policy) return h("p", {}, "It may be used anywhere in a job, for any host, without an end.");
  const any = (text) => h("span", { class: "muted" }, text);
  return h(
    "dl",
    { class: "facts" },
    h("div", {}, h("dt", {}, "Places"), h("dd", {}, policy.sinks?.join(", ") ?? any("any"))),
    h(
      "div",
      {},
      h("dt", {}, "Hosts"),
      h(
        "dd",
        {},
        policy.hosts
          ? h(
              "ul",
              { class: "plain" },
              policy.hosts.map((host) => h("li", {}, outside(host, "mono"))),
            )
          : any("any"),
      ),
    ),
    h("div", {}, h("dt", {}, "Until"), h("dd", {}, expiry(policy.expiresAt, { none: "no end" }))),
  );
}

/** Fields of a policy; `read()` gives it, null when it restricts nothing. */
export function policyFields(policy) {
  const boxes = SINKS.map(([sink, label, hint]) =>
    checkbox(label, { hint, value: sink, checked: policy?.sinks?.includes(sink) ?? false }),
  );
  const hosts = h("textarea", {
    rows: "3",
    spellcheck: "false",
    autocomplete: "off",
    class: "mono",
  });
  hosts.value = policy?.hosts?.join("\n") ?? "";
  const until = input({ type: "datetime-local" });
  until.value = toLocal(policy?.expiresAt);
  const sinksField = field("Places it may be used in", put(h("div", { class: "checks" }), boxes), {
    group: true,
    optional: true,
    at: ["policy/sinks"],
    hint: "None ticked: in any place.",
  });
  const hostsField = field("Hosts it may be sent to", hosts, {
    optional: true,
    at: ["policy/hosts"],
    hint: "One on a line; *.example.com is one label more. Empty: any host.",
  });
  const untilField = field("Not used any more from", until, {
    optional: true,
    at: ["policy/expiresAt"],
    hint: `Empty: no end. Your time (${zone()}).`,
  });
  return {
    fields: [sinksField, hostsField, untilField],
    read() {
      const sinks = boxes
        .map((label) => label.firstChild)
        .filter((box) => box.checked)
        .map((box) => box.value);
      const names = hosts.value.split(/[\s,]+/).filter(Boolean);
      // An unfinished date reads as empty; taking it for "no end" would be wrong.
      if (until.validity.badInput)
        throw invalid([["policy/expiresAt", "Is not a whole date and time"]]);
      const expiresAt =
        until.value === toLocal(policy?.expiresAt)
          ? (policy?.expiresAt ?? null)
          : fromLocal(until.value);
      const made = {
        ...(sinks.length && { sinks }),
        ...(names.length && { hosts: names }),
        ...(expiresAt && { expiresAt }),
      };
      return Object.keys(made).length ? made : null;
    },
  };
}
