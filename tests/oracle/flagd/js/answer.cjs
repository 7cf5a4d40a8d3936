// Evaluates by @openfeature/flagd-core what comes in, one JSON object a line; see ../answer.py.
const { FlagdCore } = require("@openfeature/flagd-core");
const quiet = { error() {}, warn() {}, info() {}, debug() {} };

function answer(core, document, key, context) {
  const kind = typeof Object.values(document.flags[key].variants)[0];
  const name = kind[0].toUpperCase() + kind.slice(1);
  const found = core[`resolve${name}Evaluation`](key, null, context, quiet);
  if (found.reason === "ERROR") return { reason: "ERROR", why: `${found.errorCode}: ${found.errorMessage}` };
  return { variant: found.variant ?? "", value: found.value, reason: found.reason };
}

require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const told = JSON.parse(line);
  const core = new FlagdCore(undefined, quiet);
  core.setConfigurations(JSON.stringify(told.document));
  const answers = told.cases.map(([key, context]) => answer(core, told.document, key, context));
  process.stdout.write(`${JSON.stringify(answers)}\n`);
});
