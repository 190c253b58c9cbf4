/** node app/compress.ts FOLDER: writes FILE.br and FILE.gz beside each text file that gains from it. */
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { argv } from "node:process";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const TEXT = /\.(html|js|css|svg|json|webmanifest|txt)$/;
const GAIN_MIN = 0.9; // a twin that is not smaller than this part of its file is not worth its memory

const [folder] = argv.slice(2);
if (folder === undefined) {
  throw new Error("usage: node app/compress.ts FOLDER");
}
for (const name of globSync("**/*", { cwd: folder }).filter((each) => TEXT.test(each))) {
  const file = join(folder, name);
  const bytes = readFileSync(file);
  const twins = {
    br: brotliCompressSync(bytes, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      },
    }),
    gz: gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION }),
  };
  for (const [suffix, twin] of Object.entries(twins)) {
    if (twin.length < bytes.length * GAIN_MIN) {
      writeFileSync(`${file}.${suffix}`, twin);
    }
  }
}
