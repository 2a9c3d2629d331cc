"""The web console: its sessions, its page and the page's files."""
from words import COUNT, FLAG, TEXT, TIME, TIME_OR_NULL, ULID, array, members, operation, schema, text, words

ROLE = words("admin", "editor", "submit", "worker", "audit")
NAMED = members({"id": TEXT, "name": TEXT})
schema("ConsoleSession", members({
    "team": NAMED, "token": NAMED, "role": ROLE, "names": TEXT, "csrf": text(pattern="^[A-Za-z0-9_-]{43}$", null=True),
    "expiresAt": TIME_OR_NULL, "idleSeconds": COUNT}))
schema("ConsoleSessionRow", members({
    "id": ULID, "token": NAMED, "role": ROLE, "createdAt": TIME, "lastSeenAt": TIME, "expiresAt": TIME, "address": TEXT,
    "userAgent": text(most=200), "current": FLAG}))
COOKIE = {"Set-Cookie": "The session: __Host-safelight; HttpOnly, Secure, SameSite=Strict"}
operation("POST", "/console/session", "Sign in with a token of the role admin or editor",
          body=members({"token": {**text(most=256), "writeOnly": True}}), answers={201: "ConsoleSession"}, refuses={401, 403},
          headers={201: COOKIE},
          details="For browsers: the request's Origin must be this server's. What is called with the cookie also needs the header "
                  "X-Safelight-CSRF with `csrf`. A request with an Authorization header is judged by that alone")
operation("GET", "/console/session", "Who is signed in, or whose token this is", answers={200: "ConsoleSession"},
          details="With a token there is no session: `csrf` is null and `expiresAt` is the token's")
operation("DELETE", "/console/session", "Sign out", answers={204: None}, refuses={404})
operation("GET", "/console/sessions", "Sessions: an admin's are the team's, an editor's those of the same token",
          answers={200: array("ConsoleSessionRow")})
operation("DELETE", "/console/sessions/{id}", "End a session", answers={204: None}, refuses={404})

TAGGED = {"ETag": "Of the bytes", "Content-Security-Policy": "Files of this server alone, nothing inline"}
PAGE = {200: ("text/html", TEXT), 304: None}
operation("GET", "/", "Leads browsers to the console", answers={303: None}, refuses={404}, headers={303: {"Location": "The console"}})
operation("GET", "/team/settings/", "Likewise", answers={303: None}, refuses={404}, headers={303: {"Location": "The console"}})
operation("GET", "/team/settings", "The web console", answers=PAGE, refuses={403}, headers={200: TAGGED})
operation("GET", "/settings/api-tokens", "The same page", answers=PAGE, refuses={403}, headers={200: TAGGED})
operation("GET", "/console/{file}", "A file of the console's", answers={
    200: [("text/html", TEXT), ("text/css", TEXT), ("text/javascript", TEXT), ("image/svg+xml", TEXT)], 304: None},
    refuses={403}, headers={200: TAGGED})
