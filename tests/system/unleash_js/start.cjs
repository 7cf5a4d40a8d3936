// The server as its own package starts it; settings come by the environment.
import("./node_modules/unleash-server/dist/server.js");
