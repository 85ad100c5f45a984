import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

import { budget } from "./build/budget.ts";
import { compressed } from "./build/compressed.ts";

const HALL = process.env.GUILDHALL_URL ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [react(), budget({ initialScriptBytes: 200_000 }), compressed()],
  build: {
    target: "es2023",
    // The hall's policy forbids `data:` for all but images: every asset is a file of its own.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  css: { modules: { localsConvention: "camelCaseOnly" } },
  server: { proxy: { "/api": { target: HALL, changeOrigin: true }, "/health": HALL } },
});
