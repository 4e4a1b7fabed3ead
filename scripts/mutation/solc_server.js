// Compiles again and again without loading the compiler again: each line of standard input is a file with standard-json,
// the answer goes to the same name with `.out` behind it, and the name back on standard output.
"use strict";
const fs = require("fs");
const readline = require("readline");
const solc = require(process.argv[2]);

readline.createInterface({ input: process.stdin }).on("line", (name) => {
  fs.writeFileSync(`${name}.out`, solc.compile(fs.readFileSync(name, "utf8")));
  process.stdout.write(`${name}\n`);
});
