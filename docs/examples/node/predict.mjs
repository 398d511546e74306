// Answers lines with an exported file, one line for each: node predict.mjs MODEL [BEAM_SIZE] < LINES
import process from "node:process";
import { text } from "node:stream/consumers";
import { InferenceSession, Tensor } from "onnxruntime-node";

const [model, beamSize] = process.argv.slice(2);
if (model === undefined) {
  console.error("usage: node predict.mjs MODEL [BEAM_SIZE] < LINES");
  process.exit(2);
}

const lines = (await text(process.stdin)).split(/\r?\n/);
if (lines.at(-1) === "") lines.pop(); // what follows the end of the last line is no line

const inputs = { source: new Tensor("string", lines, [lines.length]) };
if (beamSize !== undefined) inputs.beam_size = new Tensor("int64", [BigInt(beamSize)], []);

const session = await InferenceSession.create(model, { logSeverityLevel: 3 }); // errors only
const { target } = await session.run(inputs, ["target"]);
for (const answer of target.data) console.log(answer.replace(/[\r\n]/g, " "));
