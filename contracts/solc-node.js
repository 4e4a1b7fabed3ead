#!/usr/bin/env node
// The npm compiler behind the command line that py-solc-x and forge expect: `--version`, and `--standard-json` on standard
// input. Options about paths are passed over: the sources are all in the input.
// npm's own `solcjs` loses input on a pipe and cuts its output at 64 KB, so both ends are read and written in full here.
"use strict";
const fs = require("fs");

function readAll(fd) {
  const parts = [];
  const part = Buffer.alloc(1 << 16);
  for (;;) {
    let count;
    try {
      count = fs.readSync(fd, part, 0, part.length, null);
    } catch (error) {
      if (error.code === "EAGAIN") continue;
      if (error.code === "EOF") return Buffer.concat(parts).toString("utf8");
      throw error;
    }
    if (count === 0) return Buffer.concat(parts).toString("utf8");
    parts.push(Buffer.from(part.subarray(0, count)));
  }
}

function writeAll(fd, text) {
  const bytes = Buffer.from(text, "utf8");
  for (let done = 0; done < bytes.length; ) {
    try {
      done += fs.writeSync(fd, bytes, done);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}

const solc = require("solc");
const options = process.argv.slice(2);
if (options.includes("--version")) {
  writeAll(1, `solc, the solidity compiler commandline interface\nVersion: ${solc.version()}\n`);
} else if (options.includes("--standard-json")) {
  const file = options.find((option, i) => !option.startsWith("--") && !(options[i - 1] || "").endsWith("-path") &&
    options[i - 1] !== "--allow-paths");
  writeAll(1, solc.compile(file ? fs.readFileSync(file, "utf8") : readAll(0)));
} else {
  process.stderr.write("solc-node.js answers --version and --standard-json only\n");
  process.exitCode = 1;
}
