// Reads each PMX file named on the command line with mmd-parser and babylon-mmd.
// Prints one JSON line for each file and reader: what it counted, and every warning that it gave.
import { readFileSync } from "node:fs";
import { createRequire, register } from "node:module";

// babylon-mmd's modules import each other without ".js", as bundlers like it and Node does not.
register(
  "data:text/javascript," +
    encodeURIComponent(`export async function resolve(name, context, next) {
      const bare = name.startsWith(".") && !name.endsWith(".js");
      return next(bare ? name + ".js" : name, context);
    }`),
);
const { PmxReader } = await import("babylon-mmd/esm/Loader/Parser/pmxReader.js");
const { Parser } = createRequire(import.meta.url)("mmd-parser");

for (const path of process.argv.slice(2)) {
  const bytes = readFileSync(path);
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const warnings = [];
  const log = (text) => warnings.push(String(text));
  console.warn = log;
  console.error = log;
  const old = new Parser().parsePmx(buffer, true);
  report(path, "mmd-parser", warnings.splice(0), old.vertices, old.faces.length, old.materials, old.bones, old.morphs);
  const pmx = await PmxReader.ParseAsync(buffer, { log: () => {}, warn: log, error: log });
  const faces = pmx.indices.length / 3;
  report(path, "babylon-mmd", warnings.splice(0), pmx.vertices, faces, pmx.materials, pmx.bones, pmx.morphs);
}

function report(path, reader, warnings, vertices, faces, materials, bones, morphs) {
  const counts = [vertices.length, faces, materials.length, bones.length, morphs.length];
  console.log(JSON.stringify({ path, reader, counts, warnings }));
}
