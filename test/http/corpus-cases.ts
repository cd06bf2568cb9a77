/** Reads the cases of test/corpus, as its README.md explains them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const FOLDER = join(import.meta.dir, "../corpus");

/** One case: its bytes, and what the parser must say. */
export interface Case {
  readonly name: string;
  readonly bytes: Buffer;
  readonly events: readonly string[];
  readonly hasFields: boolean;
}

function unescapeBytes(text: string): Buffer {
  const repeated = text.replace(/<<(.*?)\*(\d+)>>/g, (_, part: string, count: string) =>
    part.repeat(Number(count)),
  );
  const plain = repeated.replace(/\\(r|n|t|\\|x[0-9a-f]{2})/g, (_, name: string) =>
    name === "r"
      ? "\r"
      : name === "n"
        ? "\n"
        : name === "t"
          ? "\t"
          : name === "\\"
            ? "\\"
            : String.fromCharCode(Number.parseInt(name.slice(1), 16)),
  );
  return Buffer.from(plain, "latin1");
}

/** Reads the cases of one file of the corpus. */
export function readCases(file: string): Case[] {
  const cases: Case[] = [];
  for (const section of readFileSync(join(FOLDER, file), "utf8").split(/^## /m).slice(1)) {
    const name = section.slice(0, section.indexOf("\n"));
    const request = /^```request\n([\s\S]*?)\n```$/m.exec(section);
    const events = /^```(events(?: without fields)?)\n([\s\S]*?)\n```$/m.exec(section);
    if (request === null || events === null) throw new Error(`${file}: ${name}: not a case`);
    cases.push({
      name,
      bytes: unescapeBytes(request[1].replaceAll("\n", "")),
      events: events[2].split("\n"),
      hasFields: events[1] === "events",
    });
  }
  return cases;
}

/** The names of the files of the corpus. */
export function corpusFiles(): string[] {
  return readdirSync(FOLDER).filter((file) => file.endsWith(".md") && file !== "README.md");
}
