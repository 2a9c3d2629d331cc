// The one place that talks to the server. Every call carries the session's cookie (the browser
// adds it) and its CSRF token, and answers with JSON or throws a Problem.

const DEADLINE_MS = 30000;
const BUSY_TRIES = 3;

/** kind: "unreachable", "expired" (no session), "refused" (the request), "failed" (the server). */
export class Problem extends Error {
  constructor(kind, message, { status = 0, code = "", details = [], retryAfter = 0 } = {}) {
    super(message);
    Object.assign(this, { kind, status, code, details, retryAfter });
  }
}

let csrf = null;
let hooks = { expired: async () => false, refresh: async () => false };

export function setCsrf(token) {
  csrf = token;
}

/** expired(): true once the person has signed in again; refresh(): true for a new CSRF token. */
export function setHooks(given) {
  hooks = given;
}

export function gone() {
  return new Problem("unreachable", "The server does not answer. Nothing is lost here: try again.");
}

async function problemOf(answer) {
  let body = {};
  try {
    body = await answer.json();
  } catch {
    // A proxy in between may answer with something else.
  }
  const status = answer.status;
  const kind = status === 401 ? "expired" : status < 500 ? "refused" : "failed";
  const message =
    typeof body.error === "string" ? body.error : `The server answered with ${status}.`;
  return new Problem(kind, message, {
    status,
    code: String(body.code ?? ""),
    details: Array.isArray(body.details) ? body.details : [],
    retryAfter: Number(answer.headers.get("Retry-After")) || 0,
  });
}

/** One request, as it is: the answer when it is a 2xx, else a Problem. `background`: the page asks
 * by itself, so it does not count as a use of the session. */
export async function send(
  method,
  path,
  { body, query, signal, background = false, deadline = DEADLINE_MS } = {},
) {
  const parameters = new URLSearchParams(
    Object.entries(query ?? {}).filter(
      ([, value]) => value !== "" && value !== null && value !== undefined,
    ),
  );
  const headers = {};
  if (csrf) headers["X-Safelight-CSRF"] = csrf;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (background) headers["X-Safelight-Background"] = "1";
  const limits = [deadline ? AbortSignal.timeout(deadline) : null, signal].filter(Boolean);
  let answer;
  try {
    answer = await fetch(parameters.size ? `${path}?${parameters}` : path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: limits.length ? AbortSignal.any(limits) : undefined,
      credentials: "same-origin",
      mode: "same-origin",
      cache: "no-store",
      redirect: "error",
      referrerPolicy: "no-referrer",
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw gone();
  }
  if (!answer.ok) throw await problemOf(answer);
  return answer;
}

/** Asks again for a moment while the server is busy; only what changes nothing. */
async function sendPatiently(method, path, options) {
  for (let left = BUSY_TRIES; ; left--) {
    try {
      return await send(method, path, options);
    } catch (error) {
      if (error.code !== "BUSY" || method !== "GET" || !left) throw error;
      const seconds = Math.min(error.retryAfter || 1, 5);
      await new Promise((again) => setTimeout(again, seconds * 1000));
    }
  }
}

/** A request of the signed-in person. When the session has ended he is asked to sign in again, and
 * the request is repeated, unless it carries a value (`once`): that has to be typed anew. */
export async function call(method, path, options = {}) {
  const address = path.startsWith("/console/") ? path : `/api/v2${path}`;
  try {
    return await sendPatiently(method, address, options);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const again =
      error.kind === "expired"
        ? await hooks.expired()
        : error.code === "CSRF_TOKEN" && (await hooks.refresh());
    if (!again || (options.once && error.kind === "expired")) throw error;
  }
  return send(method, address, options);
}

async function json(answer) {
  if (answer.status === 204) return null;
  try {
    return await answer.json();
  } catch {
    throw gone();
  }
}

export const get = async (path, options) => json(await call("GET", path, options));
export const post = async (path, body, options) =>
  json(await call("POST", path, { ...options, body }));
export const patch = async (path, body, options) =>
  json(await call("PATCH", path, { ...options, body }));
export const del = async (path, options) => json(await call("DELETE", path, options));
/** Not repeated by itself: what it carries is a value. */
export const putValue = async (path, body, options) =>
  json(await call("PUT", path, { ...options, body, once: true }));
