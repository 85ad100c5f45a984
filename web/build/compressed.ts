import { readFile, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

import type { Plugin } from "vite";

const TEXTS = /\.(js|css|html|svg|json|txt)$/;

/** Writes each text of the app beside itself as .br and .gz, so that the hall compresses nothing. */
export function compressed(): Plugin {
  let folder = "";
  return {
    name: "guildhall-compressed",
    apply: "build",
    configResolved(config) {
      folder = path.resolve(config.root, config.build.outDir);
    },
    async closeBundle() {
      for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !TEXTS.test(entry.name)) continue;
        const file = path.join(entry.parentPath, entry.name);
        const plain = await readFile(file);
        const params = {
          [constants.BROTLI_PARAM_QUALITY]: 11,
          [constants.BROTLI_PARAM_SIZE_HINT]: plain.length,
        };
        const made = [
          { suffix: ".br", bytes: await promisify(brotliCompress)(plain, { params }) },
          { suffix: ".gz", bytes: await promisify(gzip)(plain, { level: 9 }) },
        ];
        for (const { suffix, bytes } of made) {
          if (bytes.length < plain.length) await writeFile(file + suffix, bytes);
        }
      }
    },
  };
}
