"""The open-source farm's own worker as a process: @nexrender/worker 1.8, or its current loop over a core of npm's,
with a stand-in for After Effects (tests/stock). tools/setup check installs the packages."""
import os
import pathlib
import shutil
import subprocess

from conftest import ROOT, SLOW, clean_environment

STOCK = ROOT / "tests/stock"
WORKER_1_8 = "@nexrender/worker"
CORES = ["@nexrender/core", "core-1.62.2"]  # 1.63.3 and 1.62.2


class StockWorker:
    def __init__(self, folder, url, token, what="@nexrender/core", jobs=1, name="node-1", tags="", **env):
        self.folder = pathlib.Path(folder)
        self.work = self.folder / "work"
        self.log_path = self.folder / "worker.log"
        ae = self.folder / "ae"
        (ae / "Scripts/Startup").mkdir(parents=True)
        (ae / "Scripts/Startup/commandLineRenderer.jsx").touch()
        shutil.copy(STOCK / "aerender", ae / "aerender")
        self.output = ae / "last-output"
        self.work.mkdir()
        words = ["node", "-r", str(STOCK / "preload.js")]
        if what == WORKER_1_8:
            words += [str(STOCK / "node_modules/@nexrender/worker/src/bin.js"), f"--host={url}", f"--secret={token}", f"--binary={ae}/aerender",
                      f"--workpath={self.work}", "--no-license", "--skip-cleanup", "--polling=200"]
        else:
            words += [str(STOCK / "loop.js")]
        env = clean_environment(HOME=str(self.folder), HOST=url, SECRET=token, CORE=what, JOBS=str(jobs), NAME=name, TAGS=tags, BINARY=f"{ae}/aerender",
                                WORKPATH=str(self.work), NEXRENDER_DISABLE_ANALYTICS="1", **env)
        env = {k: v for k, v in env.items() if "proxy" not in k.lower()}
        self.log_file = open(self.log_path, "w")
        self.process = subprocess.Popen(words, cwd=STOCK, env=env, stdout=self.log_file, stderr=self.log_file, stdin=subprocess.DEVNULL)

    def wait(self, seconds=60):
        return self.process.wait(seconds * SLOW)

    def log(self):
        return self.log_path.read_text(errors="replace")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.log_file.close()
