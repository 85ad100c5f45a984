import { gzipSync } from "node:zlib";

import type { Plugin } from "vite";

/** Fails a build whose first page would load more script than that, compressed. */
export function budget({ initialScriptBytes }: { initialScriptBytes: number }): Plugin {
  let tell = (_: string): void => undefined;
  return {
    name: "guildhall-budget",
    apply: "build",
    configResolved(config) {
      tell = (words) => config.logger.info(words);
    },
    generateBundle(_, bundle) {
      const initial = new Set<string>();
      const add = (name: string): void => {
        const chunk = bundle[name];
        if (chunk?.type !== "chunk" || initial.has(name)) return;
        initial.add(name);
        chunk.imports.forEach(add);
      };
      for (const chunk of Object.values(bundle)) {
        if (chunk.type === "chunk" && chunk.isEntry) add(chunk.fileName);
      }
      let bytes = 0;
      for (const name of initial) {
        const chunk = bundle[name];
        if (chunk?.type === "chunk") bytes += gzipSync(chunk.code).length;
      }
      tell(`initial script: ${(bytes / 1000).toFixed(1)} kB compressed, in ${initial.size} files`);
      if (bytes > initialScriptBytes) {
        this.error(`The first page loads ${bytes} bytes of script; it may be ${initialScriptBytes}.`);
      }
    },
  };
}
