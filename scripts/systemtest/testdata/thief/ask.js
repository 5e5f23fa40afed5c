// Reads lines of number, host and port, opens a TLS connection to each, and prints
// the number and what Node makes of the certificate for the host.
const net = require('net'), tls = require('tls'), fs = require('fs');

const line = (text) => String(text).trim().replace(/\s+/g, ' ');

function ask(number, host, port) {
  return new Promise((done) => {
    const options = {
      host: '127.0.0.1', port: Number(port), rejectUnauthorized: false,
      checkServerIdentity: (_, cert) => tls.checkServerIdentity(host, cert),
    };
    if (!net.isIP(host)) options.servername = host;
    const socket = tls.connect(options, () => {
      console.log(`${number}\t${socket.authorized ? 'accepted' : 'refused'}\t${line(socket.authorizationError || '')}`);
      socket.destroy();
      done();
    });
    socket.on('error', (e) => {
      console.log(`${number}\t${/^E[A-Z]+$/.test(e.code) ? 'broken' : 'refused'}\t${line(e.message)}`);
      done();
    });
  });
}

(async () => {
  for (const line of fs.readFileSync(0, 'utf8').trim().split('\n')) await ask(...line.split('\t'));
})();
