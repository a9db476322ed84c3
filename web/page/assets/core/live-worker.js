// One stream for all tabs of a browser: six connections to a server are all that it has.
import { StreamReader } from './stream-reader.js';

const ports = new Set();
let reader = null;
let status = 'reconnecting';

function emit(message) {
  if (message.kind === 'status') status = message.status;
  if (message.kind === 'unauthorized') status = 'unauthorized';
  for (const port of ports) port.postMessage(message);
}

function begin(url) {
  reader = new StreamReader(url, emit);
  reader.run();
}

self.addEventListener('connect', (connection) => {
  const [port] = connection.ports;
  port.addEventListener('message', ({ data }) => {
    if (data.kind === 'hello') {
      ports.add(port);
      if (reader === null) begin(data.url);
      port.postMessage({ kind: 'status', status });
    } else if (data.kind === 'wake') {
      reader?.wake();
    } else if (data.kind === 'bye') {
      ports.delete(port);
      if (!ports.size) { reader?.stop(); reader = null; status = 'reconnecting'; }
    }
  });
  port.start();
});
