// Keeps the page's files, so that it works offline. The line above, which an export writes, says which files they are.
const PREFIX = `s2s ${registration.scope} `;
const CACHE = PREFIX + PAGE.digest;

addEventListener("install", (event) => event.waitUntil(fill().then(() => skipWaiting())));
addEventListener("activate", (event) => event.waitUntil(forget().then(() => clients.claim())));
addEventListener("fetch", (event) => {
  if (event.request.method === "GET" && event.request.url.startsWith(registration.scope)) {
    event.respondWith(answer(event.request));
  }
});

// The page itself has put the large files there already, unless this is a newer version than the one that is open.
async function fill() {
  const cache = await caches.open(CACHE);
  await Promise.all(
    Object.entries(PAGE.files).map(async ([path, integrity]) => {
      const url = new URL(path, registration.scope).href;
      if (await cache.match(url)) return;
      const response = await fetch(url, { cache: "no-cache", integrity });
      if (!response.ok) throw new Error(`${path}: ${response.status}`);
      await cache.put(url, response);
    }),
  );
}

async function forget() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(PREFIX) && name !== CACHE).map((name) => caches.delete(name)));
}

async function answer(request) {
  const url = new URL(request.url);
  const path = url.origin + url.pathname.replace(/\/index\.html$/, "/"); // some servers redirect one to the other
  const cache = await caches.open(CACHE);
  return (await cache.match(path)) ?? fetch(request);
}
