// Answers lines with an exported file, one line for each: node predict.mjs MODEL < LINES
import process from "node:process";
import { text } from "node:stream/consumers";
import { InferenceSession, Tensor } from "onnxruntime-node";

const [model] = process.argv.slice(2);
if (model === undefined) {
  console.error("usage: node predict.mjs MODEL < LINES");
  process.exit(2);
}

const session = await InferenceSession.create(model, { logSeverityLevel: 3 }); // errors only
const lines = (await text(process.stdin)).split(/\r?\n/);
if (lines.at(-1) === "") lines.pop(); // what follows the end of the last line is no line
const { target } = await session.run({ source: new Tensor("string", lines, [lines.length]) }, ["target"]);
for (const answer of target.data) console.log(answer.replace(/[\r\n]/g, " "));
