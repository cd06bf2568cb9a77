/** Whether a process grows while it is under load: its memory, sampled, and the slope of it. */
import { residentBytes } from "./process-usage.ts";

/** Memory at a moment. */
export interface MemorySample {
  readonly seconds: number;
  readonly bytes: number;
}

/** Samples the resident memory of a process twice a second until `end()` is called, which gives the samples. */
export function sampleWhile(pid: number): { end(): MemorySample[] } {
  const samples: MemorySample[] = [];
  const start = performance.now();
  const take = (): void => {
    samples.push({ seconds: (performance.now() - start) / 1000, bytes: residentBytes([pid]) });
  };
  const timer = setInterval(take, 500);
  return {
    end: () => {
      clearInterval(timer);
      return samples;
    },
  };
}

/**
 * Bytes a minute by which memory grew, over the second half of the samples: in the first one heaps find their size. The
 * least-squares line; 0 for fewer than four samples.
 */
export function growth(samples: readonly MemorySample[]): number {
  const half = samples.slice(samples.length >> 1);
  if (half.length < 2) return 0;
  const meanSeconds = half.reduce((sum, { seconds }) => sum + seconds, 0) / half.length;
  const meanBytes = half.reduce((sum, { bytes }) => sum + bytes, 0) / half.length;
  let covariance = 0;
  let variance = 0;
  for (const { seconds, bytes } of half) {
    covariance += (seconds - meanSeconds) * (bytes - meanBytes);
    variance += (seconds - meanSeconds) ** 2;
  }
  return variance === 0 ? 0 : (covariance / variance) * 60;
}

/** Ten of the samples, evenly spread, in MiB: how memory went, in a line. */
export function trace(samples: readonly MemorySample[]): string {
  const step = Math.max(1, samples.length / 10);
  const picked: string[] = [];
  for (let at = 0; at < samples.length; at += step) {
    picked.push((samples[Math.floor(at)]!.bytes / 1_048_576).toFixed(0));
  }
  return picked.join(" ");
}
