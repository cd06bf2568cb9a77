/** Reads Prometheus' text format 0.0.4 and checks its rules: for the tests of the metrics. */

/** One metric with all its samples. */
export interface MetricFamily {
  readonly type: string;
  readonly help: string;
  /** Values by what stands before them: `name` or `name{labels}`. */
  readonly samples: ReadonlyMap<string, number>;
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*\})? (\S+)$/;

/**
 * Reads the text.
 *
 * @throws Error for a line that is none of the format, a sample outside of its family, a family or sample that is there
 *   twice, and a histogram whose buckets do not grow up to its count
 */
export function parseMetrics(text: string): Map<string, MetricFamily> {
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  const families = new Map<string, { type: string; help: string; samples: Map<string, number> }>();
  let name = "";
  let help = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const comment = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line);
    if (comment !== null) {
      const [, kind, of, rest] = comment as unknown as [string, string, string, string];
      if (kind === "HELP") [name, help] = [of, rest];
      else {
        if (of !== name || families.has(of)) throw new Error(`${of} is there twice, or without HELP`);
        families.set(of, { type: rest, help, samples: new Map() });
      }
      continue;
    }
    const sample = SAMPLE.exec(line);
    const family = families.get(name);
    if (sample === null || family === undefined) throw new Error(`no sample: ${line}`);
    const suffix = sample[1]!.slice(name.length);
    const isOwn = family.type === "histogram" ? /^_(bucket|sum|count)$/.test(suffix) : suffix === "";
    if (!sample[1]!.startsWith(name) || !isOwn) throw new Error(`a sample outside of its family: ${line}`);
    const value = Number(sample[3]);
    if (Number.isNaN(value)) throw new Error(`no number: ${line}`);
    const key = sample[1]! + (sample[2] ?? "");
    if (family.samples.has(key)) throw new Error(`a sample twice: ${line}`);
    family.samples.set(key, value);
  }
  for (const [of, { type, samples }] of families) if (type === "histogram") checkBuckets(of, samples);
  return families;
}

function checkBuckets(name: string, samples: ReadonlyMap<string, number>): void {
  const last = new Map<string, number>();
  for (const [key, value] of samples) {
    const bucket = /^(\w+)_bucket\{(.*),le="([^"]+)"\}$/.exec(key);
    if (bucket === null) continue;
    if (value < (last.get(bucket[2]!) ?? 0)) throw new Error(`${key} is less than the bucket before it`);
    last.set(bucket[2]!, value);
    if (bucket[3] === "+Inf" && samples.get(`${name}_count{${bucket[2]}}`) !== value)
      throw new Error(`${key} is not the count`);
  }
}

/** The value of one sample, 0 when it is not there. */
export function metric(families: ReadonlyMap<string, MetricFamily>, sample: string): number {
  for (const { samples } of families.values()) {
    const value = samples.get(sample);
    if (value !== undefined) return value;
  }
  return 0;
}
