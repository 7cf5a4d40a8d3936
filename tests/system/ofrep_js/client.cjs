// The official web provider in Node: a JSON array a line in, an answer a line out. ["value", key, default], ["context", {..}], ["events"].
const { EventSource } = require("eventsource");
globalThis.EventSource = EventSource;
const { OpenFeature, ProviderEvents } = require("@openfeature/web-sdk");
const { OFREPWebProvider } = require("@openfeature/ofrep-web-provider");
const readline = require("node:readline");

const [, , baseUrl, token, context] = process.argv;
const events = [];

async function main() {
  for (const name of ["ConfigurationChanged", "Stale", "Error"])
    OpenFeature.addHandler(ProviderEvents[name], () => events.push(name));
  await OpenFeature.setContext(JSON.parse(context));
  const provider = new OFREPWebProvider({ baseUrl, pollInterval: 0, headers: [["Authorization", `Bearer ${token}`]] });
  await OpenFeature.setProviderAndWait(provider);
  const client = OpenFeature.getClient();
  const answers = {
    value: (key, otherwise) =>
      typeof otherwise === "boolean" ? client.getBooleanDetails(key, otherwise) : client.getStringDetails(key, otherwise),
    context: async (next) => (await OpenFeature.setContext(next), "set"),
    events: () => events.splice(0),
  };
  console.log(JSON.stringify("ready"));
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [word, ...rest] = JSON.parse(line);
    console.log(JSON.stringify(await answers[word](...rest)));
  }
  process.exit(0);
}
main().catch((error) => {
  console.error(error);
  process.exit(1);
});
