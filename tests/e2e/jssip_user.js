// A browser's SIP client (JsSIP) in Node, over WebSocket: registers, sends a MESSAGE and OPTIONS, waits for a MESSAGE.
// usage: node jssip_user.js WS_URL USER PASSWORD DOMAIN PEER       (finds jssip and ws by NODE_PATH)
// Says what happens, a line each; ends after the MESSAGE that comes, or with 1.
'use strict';
const JsSIP = require('jssip');
const WebSocket = require('ws');

const [url, user, password, domain, peer] = process.argv.slice(2);
const say = (...words) => console.log(words.join(' '));
const fail = (...words) => { say('failed:', ...words); process.exit(1); };

// What JsSIP.WebSocketInterface is to a browser's WebSocket.
const socket = {
  via_transport: 'WS', url, sip_uri: `sip:${new URL(url).host};transport=ws`, ws: null,
  onconnect() {}, ondisconnect() {}, ondata() {},
  connect() {
    this.ws = new WebSocket(url, 'sip');
    this.ws.on('open', () => { say('protocol', this.ws.protocol); this.onconnect(); });
    this.ws.on('message', (data, binary) => this.ondata(binary ? new Uint8Array(data) : data.toString()));
    this.ws.on('close', (code) => this.ondisconnect(false, code));
    this.ws.on('error', (error) => fail(error.message));
  },
  disconnect() { if (this.ws) this.ws.close(); },
  isConnected() { return this.ws !== null && this.ws.readyState === WebSocket.OPEN; },
  isConnecting() { return this.ws !== null && this.ws.readyState === WebSocket.CONNECTING; },
  send(message) { if (!this.isConnected()) return false; this.ws.send(message); return true; },
};

const ua = new JsSIP.UA({ sockets: [socket], uri: `sip:${user}@${domain}`, password, register_expires: 120 });
ua.on('registered', ({ response }) => {
  say('registered', response.status_code);
  ua.sendOptions(`sip:${peer}@${domain}`, '', { eventHandlers: {
    succeeded: (event) => say('OPTIONS', event.response.status_code),
    failed: (event) => fail('OPTIONS', event.cause) } });
  ua.sendMessage(`sip:${peer}@${domain}`, 'Watson, come here: 1', { eventHandlers: {
    succeeded: (event) => say('MESSAGE', event.response.status_code),
    failed: (event) => fail('MESSAGE', event.cause) } });
});
ua.on('registrationFailed', (event) => fail('registration', event.cause));
ua.on('newMessage', ({ originator, request }) => {
  if (originator !== 'remote') return;
  say('heard', request.body);
  setTimeout(() => ua.stop(), 100);
});
ua.on('unregistered', () => { say('unregistered'); setTimeout(() => process.exit(0), 100); });
ua.start();
setTimeout(() => fail('nothing more in 20 s'), 20000);
