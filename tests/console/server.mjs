// The real binary with a team on it, a worker when one is needed, and the peers of its deliveries.
import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
export const root = fileURLToPath(new URL("../..", import.meta.url));
const binary = resolve(process.env.SAFELIGHT ?? join(root, "build/safelight"));
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(SAFELIGHT|NEXRENDER)_/.test(name)),
);

/** Waits until `condition` gives something true, and returns it. */
export async function until(condition, what, ms = 20000) {
  const end = Date.now() + ms;
  for (;;) {
    const got = await condition();
    if (got) return got;
    if (Date.now() > end) throw new Error(`${what} did not come true`);
    await new Promise((again) => setTimeout(again, 25));
  }
}

/** A random value that is found nowhere by chance; the harness looks for its beginning everywhere. */
export const canary = () => `cnry${randomBytes(14).toString("hex")}`;

export class Server {
  static async start(...flags) {
    const server = new Server();
    server.folder = mkdtempSync(join(tmpdir(), "safelight-console-"));
    server.data = join(server.folder, "data");
    server.flags = ["--allow-loopback", "on", "--allow-http", "on", ...flags];
    const made = await run(binary, ["init", "--data", server.data, "--team", "studio"], {
      env: environment,
    });
    server.token = made.stdout.trim();
    server.workers = [];
    await server.serve("127.0.0.1:0");
    return server;
  }

  async serve(listen) {
    const ready = join(this.folder, "ready");
    const out = openSync(ready, "w");
    const log = openSync(join(this.folder, "serve.log"), "a");
    this.process = spawn(binary, ["serve", "--data", this.data, "--listen", listen, ...this.flags], {
      stdio: ["ignore", out, log],
      env: environment,
    });
    closeSync(out);
    closeSync(log);
    const said = await until(() => readFileSync(ready, "utf8").trim(), "the server being ready");
    this.url = said.replace("safelight is ready on ", "");
  }

  /** Stops it; `serveAgain` goes on at the same address. */
  async halt() {
    const ended = new Promise((done) => this.process.once("exit", done));
    this.process.kill("SIGTERM");
    await ended;
  }

  serveAgain() {
    return this.serve(new URL(this.url).host);
  }

  async stop() {
    for (const worker of this.workers) worker.kill("SIGKILL");
    if (this.process.exitCode === null) await this.halt();
    rmSync(this.folder, { recursive: true, force: true });
  }

  log() {
    return readFileSync(join(this.folder, "serve.log"), "utf8");
  }

  /** One call of the API with a token; its JSON, or its text. */
  async api(method, path, body, token = this.token) {
    const answer = await fetch(`${this.url}/api/v2${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text.startsWith("{") || text.startsWith("[") ? JSON.parse(text) : text;
  }

  async newToken(role, more = {}) {
    return (await this.api("POST", "/tokens", { role, name: `a ${role}`, ...more })).token;
  }

  put(name, value, more = {}) {
    return this.api("PUT", "/secrets", { name, value, ...more });
  }

  /** The value of a secret as a worker would get it: by a job that paints it, leased by hand. */
  async valueOf(name) {
    this.byHand ??= await this.newToken("worker");
    const engine = `hand-${randomBytes(6).toString("hex")}`;
    const value = `\${secret.${name}}`;
    await this.api("POST", "/jobs", { engine, assets: [{ type: "text", layerName: "x", value }] });
    const lease = await this.api("POST", "/worker/lease", { engines: engine, worker: "by-hand" }, this.byHand);
    await this.api("POST", `/worker/leases/${lease.lease}/finish`, { state: "error", error: "looked at" }, this.byHand);
    return lease.job.assets[0].value;
  }

  /** A worker for the engine that `script` (sh) makes; gives the engine's name for jobs. */
  async worker(script) {
    const name = `engine-${randomBytes(5).toString("hex")}`;
    const path = join(this.folder, name);
    writeFileSync(path, `#!/bin/sh\n${script}`, { mode: 0o755 });
    const log = openSync(join(this.folder, "worker.log"), "a");
    const env = {
      ...environment,
      SAFELIGHT_URL: this.url,
      SAFELIGHT_TOKEN: await this.newToken("worker"),
      TMPDIR: this.folder,
    };
    const worker = spawn(binary, ["worker", "--engine", path, "--poll-ms", "50"], {
      stdio: ["ignore", log, log],
      env,
    });
    closeSync(log);
    this.workers.push(worker);
    return name;
  }
}

/** A web server for uploads and webhooks; `answer(request, body)` gives [status, text]. */
export async function peer(answer) {
  const seen = [];
  const server = http.createServer((request, response) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      const body = Buffer.concat(parts);
      seen.push({ method: request.method, path: request.url, body });
      const [status, text] = answer(request, body);
      response.writeHead(status, { "Content-Length": Buffer.byteLength(text) });
      response.end(text);
    });
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const url = `http://127.0.0.1:${server.address().port}`;
  return { url, seen, stop: () => server.close() };
}
