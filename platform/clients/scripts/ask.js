const https = require('https');
const http = require('http');
const url = new URL(process.argv[2]);
const proxy = Number(process.argv[3]);

function fail(err) {
  console.error(`${err.code || err.name}: ${err.message}`);
  process.exit(1);
}

function get(options) {
  https.get({ path: url.pathname, headers: { Host: url.host }, agent: false, ...options }, (answer) => {
    answer.resume();
    answer.on('end', () => process.exit(answer.statusCode === 200 ? 0 : 1));
  }).on('error', fail);
}

if (proxy === 0) {
  get({ host: url.hostname, port: url.port });
} else {
  http.request({ host: '127.0.0.1', port: proxy, method: 'CONNECT', path: url.host, agent: false })
    .on('connect', (answer, socket) => get({ host: url.hostname, servername: url.hostname, socket }))
    .on('error', fail)
    .end();
}
