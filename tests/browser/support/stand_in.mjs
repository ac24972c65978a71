// Serves the hosted pages from their sources, with the policy that the gateway sends, and answers the auth endpoints as a test says.
// For what a real gateway cannot be brought to at will: its refusals, its failures, its slowness.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../gateway/pipeline/pages');
const types = { '.html': 'text/html; charset=utf-8', '.css': 'text/css; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.svg': 'image/svg+xml' };
// What page_settings.hpp says of a gateway with little configured.
const plainSettings = {
  pages: ['sign-in', 'sign-up'], signIn: '/sign-in', password: { enabled: true, signUp: true, min: 8, max: 128, mustVerify: false },
  reset: { linkSeconds: 3600, endsSessions: true }, mail: false, changeEmail: false, deleteUser: false, deleteByMail: false, linking: true,
  unlinkingAll: false, providers: [],
};
const escape = (text) => text.replace(/[&"<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);
const values = { app_name: 'Gatehouse', auth_base_path: '/api/auth', password_min: '8', password_max: '128' };
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

function findFile(pathname) {
  const page = /^\/([a-z]+(-[a-z]+)*)$/.exec(pathname)?.[1];
  const name = page ? `${page.replaceAll('-', '_')}.html` : /^\/\.gatehouse\/([a-z_]+\.(css|js|svg))$/.exec(pathname)?.[1];
  return name && fs.existsSync(path.join(folder, name)) ? name : undefined;
}

// `answer(method, path, body)` gives { status, body, headers } for an auth endpoint, or a promise of it. `calls` lists what came.
// `settings` are those of a page that differ from the plain ones.
export async function startStandIn(answer = () => ({ status: 200, body: null }), settings = {}) {
  const calls = [];
  const filled = { ...values, settings: escape(JSON.stringify({ ...plainSettings, ...settings })) };
  const server = http.createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    if (pathname.startsWith('/api/auth/')) {
      let text = '';
      for await (const chunk of request) text += chunk;
      const call = { method: request.method, path: pathname.slice('/api/auth'.length), body: text === '' ? undefined : JSON.parse(text) };
      if (call.path !== '/get-session') calls.push(call);
      const { status = 200, body = null, headers = {} } = await answer(call.method, call.path, call.body);
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(JSON.stringify(body));
      return;
    }
    const file = findFile(pathname);
    if (!file) {
      response.writeHead(pathname === '/app' ? 200 : 404, { 'content-type': 'text/plain' });
      response.end(pathname === '/app' ? 'the application' : 'not found');
      return;
    }
    let text = fs.readFileSync(path.join(folder, file), 'utf8');
    if (file.endsWith('.html')) text = text.replace(/\{\{(\w+)\}\}/g, (_, name) => filled[name]);
    response.writeHead(200, { 'content-type': types[path.extname(file)], 'content-security-policy': policy, 'x-content-type-options': 'nosniff' });
    response.end(text);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://localhost:${server.address().port}`,
    calls,
    close: () => new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    }),
  };
}
