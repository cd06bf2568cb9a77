// bun run examples/todo.ts          curl -X PUT localhost:3000/todo -d '{"text":"buy milk"}'
// A JSON store: GET / | any method /echo | GET, PUT /todo | GET, PUT, DELETE /todo/:id
//
// The todos live in one Map, so all handlers must run on one thread: `handlers: "main"`. With the default, "pool", each
// handler thread evaluates this file and has a Map of its own: what is put on one would be missing on the next.
// To use all cores, keep the todos outside of the threads, for instance in a bun:sqlite file that each thread opens.
import { serve } from "epollo";

const todos = new Map<number, { id: number; text: string }>();
let lastId = 0;

const refuse = (status: number, error: string): Response => Response.json({ error }, { status });

async function put(request: Request, wantedId: number): Promise<Response> {
  const body = (await request.json().catch(() => null)) as { text?: unknown } | null;
  if (typeof body?.text !== "string") return refuse(400, 'the body must be JSON: { "text": string }');
  const id = wantedId || lastId + 1;
  const status = todos.has(id) ? 200 : 201;
  lastId = Math.max(lastId, id);
  todos.set(id, { id, text: body.text });
  return Response.json(todos.get(id), { status, headers: { location: `/todo/${id}` } });
}

function todo(request: Request, name: string): Response | Promise<Response> {
  const { method } = request;
  const id = Number(name);
  if (name !== "" && !/^[1-9]\d{0,8}$/.test(name)) return refuse(400, `"${name}" is no id: 1 to 999999999`);
  if (method === "PUT") return put(request, id);
  if (method === "GET" && name === "") return Response.json([...todos.values()]);
  if (method !== "GET" && method !== "DELETE")
    return refuse(400, `a todo takes GET, PUT and DELETE, not ${method}`);
  if (name === "") return refuse(400, "DELETE needs an id: /todo/1");
  if (!todos.has(id)) return refuse(404, `there is no todo ${id}`);
  if (method === "GET") return Response.json(todos.get(id));
  todos.delete(id);
  return new Response(null, { status: 204 });
}

function fetch(request: Request): Response | Promise<Response> {
  const { pathname } = new URL(request.url);
  const name = /^\/todo(?:\/([^/]*))?$/.exec(pathname);
  if (name !== null) return todo(request, name[1] ?? "");
  if (pathname === "/echo") return new Response(request.body);
  if (pathname === "/") return new Response("A store of todos: see /todo\n");
  return refuse(404, `there is no ${pathname}`);
}

const server = serve({ port: process.env.PORT ?? 3000, handlers: "main", fetch });
console.log(`listening on ${server.url}`);
