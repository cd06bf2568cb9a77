/**
 * The manifests of deploy/kubernetes: every field is one of Kubernetes' API (apps/v1, v1; kubernetes.io/docs/reference), of the
 * right type, and they fit together and with what the server does. Fields that the manifests do not use are not listed.
 */
import { describe, expect, test } from "bun:test";
import { readText } from "../support/source-files.ts";

/** A type by name, a list of one, a map, or the fields of an object ("?" behind a name: may be missing). */
type Schema =
  | "string"
  | "integer"
  | "portOrName"
  | "quantity"
  | { list: Schema }
  | { map: Schema }
  | { fields: Record<string, Schema> };

const object = (fields: Record<string, Schema>): Schema => ({ fields });
const labels: Schema = { map: "string" };
const metadata = object({ name: "string", "labels?": labels });
const probe = object({
  httpGet: object({ path: "string", port: "portOrName" }),
  "periodSeconds?": "integer",
  "failureThreshold?": "integer",
  "timeoutSeconds?": "integer",
  "initialDelaySeconds?": "integer",
});
const container = object({
  name: "string",
  image: "string",
  ports: { list: object({ "name?": "string", containerPort: "integer", "protocol?": "string" }) },
  "env?": { list: object({ name: "string", "value?": "string" }) },
  "startupProbe?": probe,
  readinessProbe: probe,
  livenessProbe: probe,
  lifecycle: object({ preStop: object({ sleep: object({ seconds: "integer" }) }) }),
  "resources?": object({ "requests?": { map: "quantity" }, "limits?": { map: "quantity" } }),
});
const deployment = object({
  apiVersion: "string",
  kind: "string",
  metadata,
  spec: object({
    replicas: "integer",
    selector: object({ matchLabels: labels }),
    "strategy?": object({
      type: "string",
      "rollingUpdate?": object({ maxUnavailable: "integer", maxSurge: "integer" }),
    }),
    template: object({
      metadata: object({ labels }),
      spec: object({ terminationGracePeriodSeconds: "integer", containers: { list: container } }),
    }),
  }),
});
const service = object({
  apiVersion: "string",
  kind: "string",
  metadata,
  spec: object({
    selector: labels,
    ports: { list: object({ "name?": "string", port: "integer", targetPort: "portOrName" }) },
  }),
});

/** Says what is wrong with a value, a line for each mistake. */
function judge(value: unknown, schema: Schema, path = ""): string[] {
  if (typeof schema === "string")
    return isOf(value, schema) ? [] : [`${path}: ${JSON.stringify(value)} is no ${schema}`];
  if ("list" in schema) {
    if (!Array.isArray(value) || value.length === 0) return [`${path}: no list`];
    return value.flatMap((entry, index) => judge(entry, schema.list, `${path}[${index}]`));
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [`${path}: no object`];
  if ("map" in schema) {
    return Object.entries(value).flatMap(([name, entry]) => judge(entry, schema.map, `${path}.${name}`));
  }
  const { fields } = schema;
  const mistakes = Object.keys(fields)
    .filter((name) => !name.endsWith("?") && !(name in value))
    .map((name) => `${path}.${name}: missing`);
  for (const [name, entry] of Object.entries(value)) {
    const inner = fields[name] ?? fields[`${name}?`];
    mistakes.push(
      ...(inner === undefined ? [`${path}.${name}: unknown`] : judge(entry, inner, `${path}.${name}`)),
    );
  }
  return mistakes;
}

function isOf(value: unknown, type: string): boolean {
  if (type === "integer") return Number.isInteger(value) && (value as number) >= 0;
  if (type === "portOrName")
    return isOf(value, "integer") || (typeof value === "string" && /^[a-z][a-z0-9-]{0,14}$/.test(value));
  if (typeof value !== "string") return false;
  return type === "string" || /^\d+(?:\.\d+)?(?:m|Ki|Mi|Gi)?$/.test(value);
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
  readonly periodSeconds: number;
  readonly failureThreshold: number;
}
interface Container {
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe: Probe;
  readonly readinessProbe: Probe;
  readonly livenessProbe: Probe;
  readonly lifecycle: { readonly preStop: { readonly sleep: { readonly seconds: number } } };
}
interface Deployment {
  readonly apiVersion: string;
  readonly kind: string;
  readonly spec: {
    readonly selector: { readonly matchLabels: Record<string, string> };
    readonly template: {
      readonly metadata: { readonly labels: Record<string, string> };
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly containers: readonly Container[];
      };
    };
  };
}
interface Service {
  readonly apiVersion: string;
  readonly kind: string;
  readonly spec: {
    readonly selector: Record<string, string>;
    readonly ports: readonly { readonly targetPort: string }[];
  };
}

const text = readText("deploy/kubernetes/deployment.yaml");
const deployed = Bun.YAML.parse(text) as Deployment;
const served = Bun.YAML.parse(readText("deploy/kubernetes/service.yaml")) as Service;
const { template } = deployed.spec;
const [app] = template.spec.containers as readonly [Container];

describe("the manifests", () => {
  test("have the fields of the API only, all that are needed, and of the right type", () => {
    expect([deployed.apiVersion, deployed.kind]).toEqual(["apps/v1", "Deployment"]);
    expect([served.apiVersion, served.kind]).toEqual(["v1", "Service"]);
    expect([judge(deployed, deployment), judge(served, service)]).toEqual([[], []]);
  });

  test("belong together", () => {
    expect(template.metadata.labels).toMatchObject(deployed.spec.selector.matchLabels);
    expect(template.metadata.labels).toMatchObject(served.spec.selector);
    const names = app.ports.map(({ name }) => name);
    expect(names).toContain(served.spec.ports[0]!.targetPort);
    for (const { httpGet } of [app.startupProbe, app.readinessProbe, app.livenessProbe])
      expect(names).toContain(httpGet.port);
  });

  test("fit what their comment has the program call", () => {
    expect(text).toContain('health: { live: "/healthz", ready: "/readyz", delay: 5000 }');
    expect(text).toContain("gracefulSignals: { grace: 20000 }");
    expect(text).toContain(`port: ${app.ports[0]!.containerPort}`);
    expect([app.livenessProbe.httpGet.path, app.readinessProbe.httpGet.path]).toEqual([
      "/healthz",
      "/readyz",
    ]);
    // The server is unready for longer than it takes the probe to notice, and all fits before SIGKILL.
    expect(app.readinessProbe.periodSeconds * app.readinessProbe.failureThreshold).toBeLessThan(5);
    const stopSeconds = app.lifecycle.preStop.sleep.seconds + 20;
    expect(stopSeconds).toBeLessThan(template.spec.terminationGracePeriodSeconds);
  });
});

describe("the judge", () => {
  test.each([
    ["a field that is missing", "  replicas: 2\n", "", ".spec.replicas: missing"],
    ["one that there is not", "          image:", "          imge: x\n          image:", "imge: unknown"],
    ["a wrong type", "replicas: 2", 'replicas: "2"', '.spec.replicas: "2" is no integer'],
    ["a list that is none", /ports:\n.*\n.*\n/, "ports: http\n", "ports: no list"],
    ["a wrong quantity", "memory: 512Mi", "memory: 512 MB", "is no quantity"],
  ])("sees %s", (_name, from, to, mistake) => {
    const changed = text.replace(from, to);
    expect(changed).not.toBe(text);
    expect(judge(Bun.YAML.parse(changed), deployment).join("\n")).toContain(mistake);
  });
});
