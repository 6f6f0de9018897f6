// The till's worker: keeps the page for bad times, and catches a sale that was sent into the void.
importScripts("{{ queue|escapejs }}");
const KEPT = "till-{{ language }}-2";
const SHELL = "{% url 'pos:offline' %}";
const ASSETS = [{% for asset in assets %}"{{ asset|escapejs }}"{% if not forloop.last %}, {% endif %}{% endfor %}];

const keep = async (request) => {
  const answer = await fetch(request);
  if (answer.ok && !answer.redirected) await (await caches.open(KEPT)).put(request, answer.clone());
  return answer;
};
// The shell, and every file it names: style sheets and scripts of the whole design.
const keepShell = async () => {
  const page = await (await keep(SHELL)).clone().text();
  const named = [...page.matchAll(/(?:href|src)="(\/static\/[^"#]+)/g)].map((found) => found[1]);
  await Promise.all([...new Set([...named, ...ASSETS])].map((address) => keep(address)));
};

self.addEventListener("install", (event) => event.waitUntil(keepShell().then(() => self.skipWaiting())));
self.addEventListener("activate", (event) => event.waitUntil((async () => {
  for (const name of await caches.keys()) if (name.startsWith("till-") && name !== KEPT) await caches.delete(name);
  await self.clients.claim();
})()));

// A sale in money can wait; points and rewards are spent where the balance is known, or not at all.
const SPENDS = ["points", "cashback", "card", "benefit", "reward"];
const saleOf = async (request) => {
  const said = await request.formData();
  const who = new URL(request.url).pathname.match(/members\/([0-9a-f-]{36})\//)?.[1];
  const amount = TillQueue.toMinor(said.get("amount") ?? "");
  const isSpending = SPENDS.some((name) => said.get(name));
  return { who, isSpending, typed: said.get("amount") ?? "", sale: who && amount && said.get("key") && !isSpending
    ? { key: said.get("key"), who, amount_minor: amount, at: new Date().toISOString() } : null };
};
const keepSale = async (request) => {
  const { who, isSpending, typed, sale } = await saleOf(request);
  if (sale) await TillQueue.add(sale);
  const told = sale ? "kept" : isSpending ? `spend:${who}:${encodeURIComponent(typed)}` : "amount";
  return Response.redirect(`${SHELL}#${told}`, 303);
};
// No answer within so long, or a proxy's word that the house is away, is no answer.
const PATIENCE = 12_000, AWAY = [502, 503, 504];
const answered = async (request, options) => {
  const answer = await fetch(request, options);
  if (AWAY.includes(answer.status)) throw new Error(answer.status);
  return answer;
};

self.addEventListener("fetch", (event) => {
  const { request } = event, path = new URL(request.url).pathname;
  if (request.mode === "navigate" && request.method === "GET") {
    if (path === SHELL) event.respondWith(keep(request).catch(() => caches.match(SHELL)));
    else event.respondWith(answered(request).catch(() => caches.match(SHELL)));
  } else if (request.mode === "navigate" && request.method === "POST" && /\/members\/[0-9a-f-]{36}\/$/.test(path)) {
    const copy = request.clone();
    event.respondWith(answered(request, { signal: AbortSignal.timeout(PATIENCE) }).catch(() => keepSale(copy)));
  } else if (request.mode === "navigate" && request.method === "POST") {
    event.respondWith(answered(request).catch(() => Response.redirect(`${SHELL}#undone`, 303)));
  } else if (request.method === "GET" && path.startsWith("/static/")) {
    event.respondWith(fetch(request).catch(async () => (await caches.match(request, { ignoreSearch: true })) ?? Response.error()));
  }
});
