// Who is signed in to this console, and where from; each can be ended.
import { del, get } from "./api.mjs";
import { confirm } from "./dialog.mjs";
import { badge, button, empty, fill, h, mono, outside, put, time } from "./dom.mjs";
import { attempt, tell } from "./page.mjs";
import { table } from "./table.mjs";
import { path } from "./router.mjs";
import { count } from "./text.mjs";

async function end(session, reload) {
  const sure = await confirm(
    session.current ? "End this session?" : "End that session?",
    [
      h(
        "p",
        {},
        session.current
          ? "It is the one you are using: you will be signed out."
          : [
              "Whoever uses it has to sign in again. The API token ",
              outside(session.token.name || session.token.id),
              " stays good: revoke it if it leaked.",
            ],
      ),
    ],
    "End session",
  );
  if (!sure) return;
  await attempt(async () => {
    await del(`/console${path("sessions", session.id)}`);
    if (session.current) {
      location.reload();
      return;
    }
    await reload();
    tell("The session was ended.");
  });
}

const BROWSERS = [
  [/Edg\/(\d+)/, "Edge"],
  [/OPR\/(\d+)/, "Opera"],
  [/Firefox\/(\d+)/, "Firefox"],
  [/HeadlessChrome\/(\d+)/, "Headless Chrome"],
  [/Chrome\/(\d+)/, "Chrome"],
  [/Version\/(\d+)\S* (?:Mobile\/\S+ )?Safari/, "Safari"],
];
const SYSTEMS = [
  [/Windows/, "Windows"],
  [/Android/, "Android"],
  [/iPhone|iPad/, "iOS"],
  [/Mac OS X/, "macOS"],
  [/CrOS/, "ChromeOS"],
  [/Linux/, "Linux"],
];

/** What a browser says it is, in short; all of it as the title. */
function agent(text) {
  const browser = BROWSERS.find(([pattern]) => pattern.test(text));
  const system = SYSTEMS.find(([pattern]) => pattern.test(text));
  if (!browser) return outside(text || "unknown");
  const name = `${browser[1]} ${text.match(browser[0])[1]}${system ? ` on ${system[1]}` : ""}`;
  return h("span", { title: text }, name);
}

const columns = (reload) => [
  {
    label: "Signed in with",
    head: true,
    kind: "name",
    cell: (s) => [
      outside(s.token.name || s.token.id),
      s.current ? [" ", badge("good", "this one")] : null,
    ],
  },
  { label: "Role", cell: (s) => s.role },
  { label: "Browser", kind: "text", cell: (s) => agent(s.userAgent) },
  { label: "Address", kind: "text", cell: (s) => mono(s.address) },
  { label: "Since", cell: (s) => time(s.createdAt) },
  { label: "Last seen", cell: (s) => time(s.lastSeenAt) },
  { label: "Ends", cell: (s) => time(s.expiresAt) },
  {
    label: "End",
    quiet: true,
    kind: "act",
    cell: (s) =>
      button("End", () => end(s, reload), {
        kind: "small danger",
        "aria-label": s.current
          ? "End this session"
          : `End the session of ${s.token.name || s.token.id}`,
      }),
  },
];

export function sessionsPage(page) {
  const load = () => get("/console/sessions", { signal: page.signal });
  const rows = table(
    "Sessions",
    columns(async () => show(await load())),
    (s) => s.id,
  );
  const others = button(
    "End all others",
    async () => {
      const rest = (await load()).filter((s) => !s.current);
      const sure =
        rest.length &&
        (await confirm(
          "End all other sessions?",
          h("p", {}, `${count(rest.length, "session")} will have to sign in again.`),
          "End them",
        ));
      if (!sure) return;
      await attempt(async () => {
        for (const s of rest) await del(`/console${path("sessions", s.id)}`);
        show(await load());
        tell("All other sessions were ended.");
      });
    },
    { hidden: true },
  );
  fill(page.actions, others);

  function show(sessions) {
    others.hidden = sessions.length < 2;
    rows.update(sessions);
  }

  page.load(load, (sessions) => {
    show(sessions);
    return sessions.length ? rows.element : empty("No sessions", "Nobody is signed in.");
  });
}
