// Pictures of the console at work, for people: in build-check/console, or with IMAGES=1 in docs/images.
import assert from "node:assert/strict";
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { visit } from "./person.mjs";
import { Server, canary, peer, root, until } from "./server.mjs";

const folder = join(root, process.env.IMAGES ? "docs/images" : "build-check/console");
const DAY_MS = 86400000;

const RENDER = `echo "ffmpeg version 5.1.6 Copyright (c) 2000-2024 the FFmpeg developers"
echo "frame=  120 fps= 48 q=28.0 size=     512kB time=00:00:05.00 bitrate= 838.9kbits/s speed=   2x"
echo "drawtext: $(sed 's/.*"value":"\\([^"]*\\)".*/\\1/' job.json)"; echo "PROGRESS: 60"
head -c 3000 /dev/urandom > "$SAFELIGHT_OUTPUT"
`;

/** A studio on an ordinary day. */
async function studio(server, storage) {
  const s3 = { sinks: ["credential"], hosts: ["127.0.0.1"] };
  const soon = new Date(Date.now() + 5 * DAY_MS).toISOString();
  for (const [name, policy] of [
    ["AWS_ACCESS_KEY_ID", s3],
    ["AWS_SECRET_ACCESS_KEY", s3],
    ["FONT_SERVER_PASSWORD", { sinks: ["header", "url"] }],
    ["prod/frame.io/TOKEN", { sinks: ["header"], hosts: ["api.frame.io", "*.frame.io"], expiresAt: soon }],
    ["prod/WEBHOOK_SIGNING", undefined],
    ["staging/TITLE", undefined],
  ]) {
    await server.put(name, canary(), policy && { policy });
  }
  for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY"]) {
    await server.put(name, canary(), { rotate: true, policy: s3 });
  }
  for (const [role, name, more] of [
    ["submit", "ci", { names: "prod/*", expiresInDays: 9 }],
    ["worker", "node-7", { addresses: "127.0.0.0/8" }],
    ["editor", "Grace", {}],
  ]) {
    await server.api("POST", "/tokens", { role, name, ...more });
  }
  const engine = await server.worker(RENDER);
  const upload = {
    provider: "s3",
    prefix: "spots/",
    params: {
      region: "eu-west-1",
      bucket: "renders",
      endpoint: storage.url,
      accessKeyId: "${secret.AWS_ACCESS_KEY_ID}",
      accessKeySecret: "${secret.AWS_SECRET_ACCESS_KEY}",
    },
  };
  const title = { type: "text", layerName: "title", value: "${secret.staging/TITLE}" };
  const submit = (more) => server.api("POST", "/jobs", { engine, assets: [title], ...more });
  await submit({});
  const job = await submit({ upload });
  await server.api("POST", "/jobs", { engine: "blender", assets: [title] });
  await until(async () => (await server.api("GET", `/jobs/${job.id}`)).status === "finished", "the delivery");
  // From here on the policy of a studio whose storage is not a test's.
  const policy = { sinks: ["credential"], hosts: ["renders.s3.eu-west-1.amazonaws.com"] };
  for (const secret of await server.api("GET", "/secrets")) {
    if (secret.name.startsWith("AWS_")) await server.api("PATCH", `/secrets/${secret.id}`, { policy });
  }
  return job;
}

test("pictures", async () => {
  mkdirSync(folder, { recursive: true });
  const storage = await peer(() => [200, ""]);
  const server = await Server.start();
  try {
    const job = await studio(server, storage);
    await visit(server, { width: 1280, height: 720 }, async (person, page) => {
      const picture = async (name, scheme = "light") => {
        await page.emulateMedia({ colorScheme: scheme });
        await page.mouse.move(0, 0);
        const path = join(folder, `console-${name}.png`);
        await page.screenshot({ path });
        assert.ok(statSync(path).size < 200000, `${name} is small`);
      };
      await person.signIn();
      await person.see("1 waiting");
      await picture("secrets");
      await person.go("/tokens");
      await page.locator("table").waitFor();
      await picture("tokens");
      await person.go("/audit");
      await person.button("Verify chain").click();
      await person.see("The chain is whole.");
      await picture("audit", "dark");
      await page.setViewportSize({ width: 1280, height: 860 });
      await person.go(`/jobs/${job.id}`);
      await page.getByRole("log").getByText("200").first().waitFor();
      await picture("job", "dark");
      await page.setViewportSize({ width: 360, height: 740 });
      await person.go("/secrets");
      await person.see("1 waiting");
      await picture("narrow");
    });
  } finally {
    await server.stop();
    storage.stop();
  }
});
