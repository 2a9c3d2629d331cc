// Sign in, see the names of the secrets, sign out.
const at = (id) => document.getElementById(id);
let csrf = "";

async function call(method, path, body) {
  const headers = { "X-Safelight-CSRF": csrf };
  if (body) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  const said = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw Object.assign(new Error(said.error), { status: answer.status });
  return said;
}

function show(session) {
  csrf = session ? session.csrf : "";
  at("sign-in").hidden = Boolean(session);
  at("inside").hidden = !session;
  at("message").textContent = "";
  at("secrets").replaceChildren();
  if (!session) return;
  at("who").textContent = `${session.team.name}, ${session.role} ${session.token.name}`;
  call("GET", "/api/v2/secrets").then((list) => {
    for (const secret of list) {
      const item = document.createElement("li");
      item.textContent = secret.name;
      at("secrets").append(item);
    }
  }, tell);
}

function tell(error) {
  if (error.status === 401) show(null);
  at("message").textContent = error.message;
}

at("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  const token = at("token").value;
  at("token").value = "";
  call("POST", "/console/session", { token }).then(show, tell);
});
at("sign-out").addEventListener("click", () => call("DELETE", "/console/session").then(() => show(null), tell));
call("GET", "/console/session").then(show, (error) => (error.status === 401 ? show(null) : tell(error)));
