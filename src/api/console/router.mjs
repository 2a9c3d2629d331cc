// Routes stand behind the '#': #/jobs/ID, #/jobs?states=error. No value ever gets there.

/** {path: ["jobs", ID], query: {states: "error"}} of an address's fragment. */
export function parseRoute(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const words = path
    .split("/")
    .filter(Boolean)
    .map((word) => {
      try {
        return decodeURIComponent(word);
      } catch {
        return "";
      }
    });
  return { path: words, query: Object.fromEntries(new URLSearchParams(query)) };
}

/** The route with these query parameters; empty ones are left out. */
export function withQuery(path, query) {
  const parameters = new URLSearchParams(
    Object.entries(query).filter(([, v]) => v !== "" && v !== undefined && v !== null),
  );
  return parameters.size ? `${path}?${parameters}` : path;
}

/** The page of the address anew. */
export function reload() {
  dispatchEvent(new HashChangeEvent("hashchange"));
}

export function go(route) {
  if (location.hash === `#${route}`) reload();
  else location.hash = route;
}

/** The same page at another address, without leaving it behind in the history. */
export function goInstead(route) {
  history.replaceState(null, "", `#${route}`);
  reload();
}

/** Matches ["jobs", ":id"] against a route's path; its parameters, or null. */
export function match(pattern, path) {
  if (pattern.length !== path.length) return null;
  const found = {};
  for (let i = 0; i < path.length; i++) {
    if (pattern[i].startsWith(":")) found[pattern[i].slice(1)] = path[i];
    else if (pattern[i] !== path[i]) return null;
  }
  return found;
}

/** A path with an id in it, as the API wants it. */
export const path = (...words) => `/${words.map(encodeURIComponent).join("/")}`;
