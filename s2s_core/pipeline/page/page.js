// The page: loads the model, asks it for answers, and shows them. Texts are shown as text only, never as HTML.
import { InferenceSession, Tensor, env } from "./onnxruntime-web.js";

const RUNTIME = "onnxruntime-web.wasm.gzip";
const MODEL = "model.onnx";
const LONGEST_PAUSE = 50; // milliseconds after which the browser may draw, and hear a click on Stop
const LABELS = { answer: "an answer to score" };

const $ = (id) => document.getElementById(id);
const folder = new URL("./", location.href).href;

let page; // what page.json says
let session;
const settings = new Map(); // the input of each setting, by its name
let busy = false;
let stopped = false;

// --- loading

async function load() {
  page = await (await fetched("page.json")).json();
  describe();
  showSettings();
  const files = [RUNTIME, MODEL];
  const sizes = files.map((path) => page.files[path].bytes);
  const total = sizes.reduce((sum, size) => sum + size);
  const loaded = files.map(() => 0);
  const report = (number) => (bytes) => {
    loaded[number] = Math.min(bytes, sizes[number]);
    const sum = loaded.reduce((before, size) => before + size);
    $("progress").value = sum / total;
    $("loaded").textContent = `${megabytes(sum)} of ${megabytes(total)}`;
  };
  const [runtime, model] = await Promise.all(files.map((path, number) => download(path, report(number))));
  $("progress").removeAttribute("value");
  $("loaded").textContent = "Starting it";
  env.logLevel = "error";
  env.wasm.numThreads = 1; // more need headers that a plain server doesn't send
  env.wasm.wasmBinary = await unpacked(runtime);
  session = await InferenceSession.create(model, { executionProviders: ["wasm"], logSeverityLevel: 3 });
  await answers("", chosen()); // the first answer takes longest, as the browser compiles what it needs
  $("loading").hidden = true;
  $("answer").disabled = false;
  const { startTime } = performance.mark("ready");
  say(`Ready, in ${duration(startTime)}.`);
}

async function fetched(path) {
  const response = await fetch(path, { cache: "no-cache" });
  if (!response.ok) throw new Error(`The server has no ${path} for this page (status ${response.status}).`);
  return response;
}

// Returns a large file, reports how much of it there is, and keeps it for the service worker.
async function download(path, report) {
  const parts = [];
  let length = 0;
  const reader = (await fetched(path)).body.getReader();
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    parts.push(value);
    report((length += value.length));
  }
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  if (globalThis.isSecureContext) {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    if (`sha256-${btoa(String.fromCharCode(...digest))}` !== page.files[path].integrity) {
      throw new Error(`${path} isn't the file that belongs to this page: reload the page, or export it again.`);
    }
    if (!navigator.serviceWorker?.controller) await keep(path, bytes);
  }
  return bytes;
}

async function keep(path, bytes) {
  try {
    const cache = await caches.open(`s2s ${folder} ${page.digest}`);
    await cache.put(folder + path, new Response(bytes));
  } catch {
    // a browser that keeps nothing, or has no room, downloads it again
  }
}

async function unpacked(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

function describe() {
  $("name").textContent = document.title = page.name;
  if (page.unit === "word") $("what").textContent = "A model that answers running text word by word";
  const model = page.parameters ? `${page.parameters.toLocaleString("en")} parameters, ` : "";
  const versions = Object.entries(page.versions).map((entry) => entry.join(" "));
  $("facts").textContent = `${model}${megabytes(page.files[MODEL].bytes)} · ${versions.join(" · ")}`;
}

function showSettings() {
  for (const { name, type, initial, meaning, minimum, maximum } of page.inputs) {
    const title = LABELS[name] ?? name.replaceAll("_", " ");
    const label = element("label", "", title[0].toUpperCase() + title.slice(1));
    const input = element("input");
    const note = element("small", "", meaning);
    input.name = name;
    note.id = `${name}-note`;
    input.setAttribute("aria-describedby", note.id);
    input.defaultValue = initial;
    if (type === "string") {
      input.dir = "auto";
    } else {
      input.type = "number";
      input.required = true;
      input.step = type === "int64" ? 1 : "any";
      if (minimum !== null) input.min = minimum;
      if (maximum !== null) input.max = maximum;
    }
    label.append(input);
    const setting = element("div");
    setting.append(label, note);
    $("settings").append(setting);
    settings.set(name, input);
  }
  $("settings").hidden = page.inputs.length === 0;
}

// --- answering

async function answerAll() {
  if (busy || !session || !$("form").reportValidity()) return;
  busy = true;
  stopped = false;
  $("answer").disabled = true;
  $("problem").textContent = "";
  $("answers").replaceChildren();
  const texts = textsOf($("texts").value);
  const began = performance.now();
  let drawn = began;
  try {
    const inputs = chosen();
    for (const [number, text] of texts.entries()) {
      $("answers").append(card(text, await answers(text, inputs)));
      if (performance.now() - drawn > LONGEST_PAUSE) {
        $("stop").hidden = false;
        say(`${number + 1} of ${texts.length}`);
        await new Promise((resolve) => setTimeout(resolve));
        drawn = performance.now();
      }
      if (stopped) break;
    }
    tell(performance.now() - began);
  } catch (error) {
    say("");
    complain(error, "The model can't answer this");
  }
  $("stop").hidden = true;
  $("answer").disabled = false;
  busy = false;
}

// The end of the last line begins no other text.
function textsOf(value) {
  const texts = value.split("\n");
  if (texts.length > 1 && texts.at(-1) === "") texts.pop();
  return texts;
}

function chosen() {
  const inputs = {};
  for (const { name, type } of page.inputs) {
    const { value } = settings.get(name);
    if (type === "string") inputs[name] = strings([value]);
    else if (type === "int64") inputs[name] = new Tensor("int64", BigInt64Array.of(BigInt(Number(value))), []);
    else inputs[name] = new Tensor("float32", Float32Array.of(Number(value)), []);
  }
  return inputs;
}

// ONNX Runtime takes UTF-8 that ends at NUL: both NUL and half a surrogate pair become U+FFFD, as in HTML.
function strings(texts) {
  return new Tensor("string", texts.map((text) => text.toWellFormed().replaceAll("\0", "\ufffd")), [texts.length]);
}

async function answers(text, inputs) {
  const told = await session.run({ source: strings([text]), ...inputs }, page.outputs);
  const hypotheses = Array.from(told.hypotheses.data, (hypothesis, number) => ({
    text: hypothesis,
    score: told.scores.data[number],
  }));
  return {
    target: told.target.data[0],
    hypotheses: hypotheses.filter(({ score }, number) => number === 0 || score > -Infinity), // the rest fills the row
    confidence: told.confidence?.data[0],
    origin: told.origin?.data[0],
    answerScore: inputs.answer?.data[0] ? told.answer_scores.data[0] : undefined,
  };
}

// --- showing

function card(text, { target, hypotheses, confidence, origin, answerScore }) {
  const about = element("div", "about");
  if (confidence !== undefined) about.append(sure(confidence));
  if (origin !== undefined) about.append(element("span", "tag", `from the ${origin}`));
  if (hypotheses.length === 1) about.append(labelled("score ", value(hypotheses[0].score)));
  if (answerScore !== undefined) about.append(labelled("score of the given answer ", value(answerScore, "given")));
  const answer = element("div", "answer");
  answer.append(words("p", "target", target), copyButton(target));
  const item = element("li", "card");
  item.append(words("p", "source", text), answer, about);
  if (hypotheses.length > 1) item.append(table(hypotheses));
  return item;
}

function table(hypotheses) {
  const made = element("table");
  made.createCaption().textContent = "The best answers and their scores";
  const head = made.createTHead().insertRow();
  for (const title of ["", "Answer", "Score"]) {
    const cell = element("th", "", title);
    cell.scope = "col";
    head.append(cell);
  }
  const body = made.createTBody();
  for (const [number, { text, score }] of hypotheses.entries()) {
    const cell = element("td");
    cell.append(value(score));
    const row = body.insertRow();
    row.append(element("td", "", `${number + 1}.`), words("td", "hypothesis", text), cell);
  }
  return made;
}

function sure(confidence) {
  const made = element("span");
  const meter = element("meter");
  meter.value = confidence;
  meter.setAttribute("aria-hidden", "true");
  const share = element("data", "confidence", percent(confidence));
  share.value = confidence;
  made.append(meter, share, " sure");
  return made;
}

function labelled(label, score) {
  const made = element("span", "", label);
  made.append(score);
  return made;
}

function value(score, kind = "score") {
  const made = element("data", kind, Number.isFinite(score) ? score.toFixed(4).replace("-", "−") : "−∞");
  made.value = score;
  return made;
}

function words(name, kind, text) {
  const made = element(name, text ? kind : `${kind} empty`, text);
  made.dir = "auto";
  return made;
}

function copyButton(text) {
  const button = element("button", "", "Copy");
  button.type = "button";
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text).then(
      () => (button.textContent = "Copied"),
      () => (button.textContent = "Not allowed"),
    );
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  return button;
}

function element(name, kind = "", text = "") {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  made.textContent = text;
  return made;
}

function tell(milliseconds) {
  const shown = $("answers").children;
  const what = shown.length === 1 ? "1 answer" : `${shown.length} answers`;
  say(`${what} in ${duration(milliseconds)}${stopped ? ", stopped" : ""}.`);
  if (shown.length === 1) {
    $("status").append(element("span", "spoken", shown[0].querySelector(".target").textContent));
  }
}

function say(text) {
  $("status").textContent = text;
}

function complain(error, what) {
  $("loading").hidden = true;
  $("problem").textContent = `${what}: ${error.message ?? error}`;
}

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(bytes < 1e5 ? 2 : 1)} MB`;
const duration = (milliseconds) =>
  milliseconds < 1000 ? `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
const percent = (share) => `${share < 0.995 ? Math.round(100 * share) : share < 1 ? Math.floor(1000 * share) / 10 : 100} %`;

// --- events

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  answerAll();
});
$("texts").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    answerAll();
  }
});
$("stop").addEventListener("click", () => (stopped = true));

try {
  await load();
  await navigator.serviceWorker?.register("service-worker.js");
} catch (error) {
  complain(error, session ? "This page works, but not offline" : "The model can't be loaded");
}
