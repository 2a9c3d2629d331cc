// Forms that store: a new secret, a new value for one, another policy.
import { patch, putValue } from "./api.mjs";
import { empty, h, link, mono, put } from "./dom.mjs";
import { backTo, changed, field, form, input, invalid, valueLost } from "./form.mjs";
import { tellNext } from "./page.mjs";
import { policyFields, policySummary } from "./policy.mjs";
import { go, path } from "./router.mjs";
import { findSecret } from "./secret.mjs";
import { valueField } from "./value_field.mjs";

export const NAME = /^[A-Za-z0-9_./-]{1,128}$/;
export const NAME_RULE = "1 to 128 of A–Z a–z 0–9 _ - . /";

function warnings(secret) {
  return (secret.warnings ?? []).map((w) => [" ", `Note: ${w.message}.`]);
}

export function newSecretPage(page) {
  const name = field("Name", input({ class: "mono", maxlength: "200" }), {
    at: ["name"],
    hint: `${NAME_RULE}. Jobs refer to it by this name.`,
  });
  const value = valueField();
  const policy = policyFields(null);
  const limits = h(
    "details",
    { class: "more" },
    h("summary", {}, "Restrict its use"),
    policy.fields.map((f) => f.element),
  );
  const made = form({
    fields: [name, value],
    also: policy.fields,
    extra: limits,
    action: () => "Store secret",
    cancel: "/secrets",
    async submit() {
      const wrong = [];
      if (!NAME.test(name.read())) wrong.push(["name", `Must be ${NAME_RULE}`]);
      if (value.problem()) wrong.push(["value", value.problem()]);
      if (wrong.length) throw invalid(wrong);
      const restriction = policy.read();
      const secret = await putValue(
        "/secrets",
        { name: name.read(), value: value.take(), ...(restriction && { policy: restriction }) },
        { signal: page.signal },
      );
      tellNext("Stored ", mono(secret.name), ".", warnings(secret));
      go(path("secrets", secret.id));
    },
    explain(problem) {
      if (problem.details.some((d) => String(d.field).startsWith("/policy"))) limits.open = true;
      if (problem.code === "SECRET_ALREADY_EXISTS") {
        return [
          "There is a secret of this name already. To give it a new value, open it in the ",
          link("/secrets", "list"),
          " and choose New value.",
        ];
      }
      return valueLost(problem);
    },
  });
  put(page.body, backTo("/secrets", "All secrets"), made.element);
}

/** The secret as it is now; throws when it is gone, or another than the form was made for. */
async function unchanged(page, known, parts, say, options) {
  const now = await findSecret(known.id, page.signal, options);
  if (!now) throw changed("This secret was deleted while this page was open. Nothing was stored.");
  if (JSON.stringify(parts(now)) !== JSON.stringify(parts(known))) {
    Object.assign(known, { policy: undefined }, now);
    throw changed(say(now));
  }
}

/** Loads the secret that a form is about; the form needs its name. */
function about(page, id, title, build) {
  page.load(
    () => findSecret(id, page.signal),
    (secret) => {
      if (!secret)
        return empty(
          "No such secret",
          "It was deleted, or the address is wrong.",
          link("/secrets", "All secrets"),
        );
      page.title(`${title} ${secret.name}`, `${title} `, mono(secret.name));
      return [backTo(path("secrets", id), "Back to the secret"), build(secret)];
    },
  );
}

export function rotatePage(page, { id }) {
  about(page, id, "New value for", (secret) => {
    const value = valueField("New value");
    return form({
      fields: [value],
      action: () => `Store version ${secret.version + 1}`,
      cancel: path("secrets", id),
      extra: h(
        "p",
        { class: "hint" },
        "Jobs that wait use the new value from then on. The policy stays: ",
        policySummary(secret.policy),
        ".",
      ),
      async submit() {
        if (value.problem()) throw invalid([["value", value.problem()]]);
        try {
          await unchanged(
            page,
            secret,
            (s) => s.version,
            (s) =>
              `Version ${s.version} was stored while this page was open. What you entered is` +
              ` still here: store it as version ${s.version + 1}, or leave it.`,
            { once: true },
          );
        } catch (error) {
          if (error.kind === "expired") value.forget();
          throw error;
        }
        const made = await putValue(
          "/secrets",
          { name: secret.name, value: value.take(), rotate: true },
          { signal: page.signal },
        );
        tellNext(`Version ${made.version} of `, mono(secret.name), " is in use.", warnings(made));
        go(path("secrets", made.id));
      },
      explain: (problem) => (value.problem() ? valueLost(problem) : null),
    }).element;
  });
}

export function policyPage(page, { id }) {
  about(page, id, "Policy of", (secret) => {
    const policy = policyFields(secret.policy);
    return form({
      fields: policy.fields,
      action: () => "Save policy",
      cancel: path("secrets", id),
      extra: h(
        "p",
        { class: "hint" },
        "It holds for all versions, and for jobs that wait already. What was sent stays sent.",
      ),
      async submit() {
        const wanted = policy.read();
        await unchanged(
          page,
          secret,
          (s) => s.policy ?? null,
          () =>
            "The policy was changed while this page was open. What you entered is still here:" +
            " save it again to put it in place of the other, or leave the page to keep that.",
        );
        await patch(path("secrets", id), { policy: wanted }, { signal: page.signal });
        tellNext("The policy of ", mono(secret.name), " was changed.");
        go(path("secrets", id));
      },
    }).element;
  });
}
